use http::StatusCode;

/// What an answer means for the one who sent the request.
///
/// The class alone decides nothing about a resend: that also depends on the
/// [`Operation`](crate::extensions::Operation) and, for a write, on
/// [`Classification::is_refused`](super::Classification::is_refused).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// It worked.
    Success,
    /// Part of it worked; the body says which part.
    PartialSuccess,
    /// Refused because a limit was reached.
    RateLimited,
    /// The server failed. Whether a write was applied is unknown.
    Transient,
    /// The server is down for maintenance, for minutes to hours.
    Maintenance,
    /// Another request changes the same object, or it exists already.
    Conflict,
    /// What the request refers to is still being made. Ask again later.
    NotReady,
    /// The token was good and no longer is; a refresh may help.
    TokenExpired,
    /// The token is missing, wrong or revoked; a person must act.
    TokenInvalid,
    /// The token is good but may not do this.
    PermissionDenied,
    /// A cap that time does not lift, such as a number of objects.
    QuotaExhausted,
    /// The request itself is wrong.
    InvalidRequest,
    /// It will never work as sent.
    Permanent,
    /// The answer could not be told apart. Treated with the most care.
    Unknown,
}

impl ErrorClass {
    /// The class that an HTTP status alone suggests (RFC 9110, RFC 6585).
    #[must_use]
    #[inline]
    pub fn from_status(status: StatusCode) -> Self {
        match status.as_u16() {
            100..=399 => Self::Success,
            401 => Self::TokenInvalid,
            403 => Self::PermissionDenied,
            408 | 425 | 500 | 502..=599 => Self::Transient,
            409 => Self::Conflict,
            429 => Self::RateLimited,
            400 | 411..=417 | 422 => Self::InvalidRequest,
            402..=499 | 501 => Self::Permanent,
            _ => Self::Unknown,
        }
    }

    /// The class of a response: what a classifier left in its extensions,
    /// or else what its status suggests.
    ///
    /// A classifier leaves nothing on a success that the status already
    /// tells, because an extension costs three allocations and most answers
    /// are successes.
    #[must_use]
    #[inline]
    pub fn of<B>(response: &http::Response<B>) -> Self {
        match response.extensions().get::<super::Classification>() {
            Some(classification) => classification.class(),
            None => Self::from_status(response.status()),
        }
    }

    /// Whether this is [`Success`](Self::Success).
    #[must_use]
    #[inline]
    pub fn is_success(self) -> bool {
        self == Self::Success
    }

    /// A short, stable name for logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::PartialSuccess => "partial_success",
            Self::RateLimited => "rate_limited",
            Self::Transient => "transient",
            Self::Maintenance => "maintenance",
            Self::Conflict => "conflict",
            Self::NotReady => "not_ready",
            Self::TokenExpired => "token_expired",
            Self::TokenInvalid => "token_invalid",
            Self::PermissionDenied => "permission_denied",
            Self::QuotaExhausted => "quota_exhausted",
            Self::InvalidRequest => "invalid_request",
            Self::Permanent => "permanent",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_suggests_a_class() {
        for (status, class) in [
            (200, ErrorClass::Success),
            (304, ErrorClass::Success),
            (400, ErrorClass::InvalidRequest),
            (401, ErrorClass::TokenInvalid),
            (403, ErrorClass::PermissionDenied),
            (404, ErrorClass::Permanent),
            (405, ErrorClass::Permanent),
            (408, ErrorClass::Transient),
            (409, ErrorClass::Conflict),
            (429, ErrorClass::RateLimited),
            (500, ErrorClass::Transient),
            (501, ErrorClass::Permanent),
            (503, ErrorClass::Transient),
            (999, ErrorClass::Unknown),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(ErrorClass::from_status(status), class, "{status}");
        }
    }
}
