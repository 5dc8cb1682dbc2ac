use std::fmt;

use smol_str::SmolStr;

use crate::{classify::ThrottleScope, extensions::AccountId};

/// Where an [`Alert`](super::Alert) is so: whom the limit counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct AlertScope {
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_kind"))]
    kind: ThrottleScope,
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    account: Option<AccountId>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    endpoint: Option<SmolStr>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    token_key: Option<SmolStr>,
}

// ===== impl AlertScope =====

impl AlertScope {
    /// All requests of the application.
    #[must_use]
    pub const fn app() -> Self {
        Self::new(ThrottleScope::App, None, None)
    }

    /// All requests to one endpoint.
    #[must_use]
    pub fn endpoint(endpoint: impl AsRef<str>) -> Self {
        let endpoint = Some(SmolStr::new(endpoint));
        Self::new(ThrottleScope::AppEndpoint, None, endpoint)
    }

    /// All requests of one account to one endpoint.
    #[must_use]
    pub fn account_endpoint(account: impl Into<AccountId>, endpoint: impl AsRef<str>) -> Self {
        let endpoint = Some(SmolStr::new(endpoint));
        Self::new(
            ThrottleScope::AccountEndpoint,
            Some(account.into()),
            endpoint,
        )
    }

    pub(super) const fn new(
        kind: ThrottleScope,
        account: Option<AccountId>,
        endpoint: Option<SmolStr>,
    ) -> Self {
        Self {
            kind,
            account,
            endpoint,
            token_key: None,
        }
    }

    /// Those requests only that bear the token of this name.
    #[must_use]
    pub fn with_token_key(mut self, key: impl AsRef<str>) -> Self {
        self.token_key = Some(SmolStr::new(key));
        self
    }

    /// Whom the limit counts.
    #[must_use]
    pub fn kind(&self) -> ThrottleScope {
        self.kind
    }

    /// The account, if the limit counts one.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// The endpoint, if the limit counts one.
    #[must_use]
    pub fn endpoint_name(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The name of the token, never the token, if it is about one.
    #[must_use]
    pub fn token_key(&self) -> Option<&str> {
        self.token_key.as_deref()
    }

    pub(super) fn is_app(&self) -> bool {
        self.kind == ThrottleScope::App && self.token_key.is_none()
    }
}

impl fmt::Display for AlertScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ThrottleScope::FieldValue => "a field's value",
            _ if self.account.is_some() => "account",
            _ if self.endpoint.is_some() => "endpoint",
            _ => "the application",
        })?;
        if let Some(account) = &self.account {
            write!(f, " {account} at")?;
        }
        if let Some(endpoint) = &self.endpoint {
            write!(f, " {endpoint}")?;
        }
        if let Some(key) = &self.token_key {
            write!(f, " with token {key}")?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
fn as_text<S, T>(text: &Option<T>, to: S) -> Result<S::Ok, S::Error>
where
    S: serde::Serializer,
    T: AsRef<str>,
{
    serde::Serialize::serialize(&text.as_ref().map(AsRef::as_ref), to)
}

#[cfg(feature = "serde")]
fn as_kind<S: serde::Serializer>(kind: &ThrottleScope, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.as_str())
}
