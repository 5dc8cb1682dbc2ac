use crate::classify::{Classification, ErrorClass};

/// What an answer means for the token that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenVerdict {
    /// Nothing.
    Good,
    /// It has expired: get a new one, and send the request once more.
    Expired,
    /// It is worthless: stop it.
    Stop,
    /// It is of no use for this account: stop it there.
    StopAccount,
    /// It is of no use for this account at this endpoint: stop it there.
    StopEndpoint,
}

impl TokenVerdict {
    /// What the class alone suggests. [`ErrorClass::TokenExpired`] is expired,
    /// [`ErrorClass::TokenInvalid`] stops the token, and
    /// [`ErrorClass::PermissionDenied`] stops it for one account at one
    /// endpoint.
    #[must_use]
    pub fn of(found: &Classification) -> Self {
        match found.class() {
            ErrorClass::TokenExpired => Self::Expired,
            ErrorClass::TokenInvalid => Self::Stop,
            ErrorClass::PermissionDenied => Self::StopEndpoint,
            _ => Self::Good,
        }
    }
}
