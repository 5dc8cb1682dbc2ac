use std::fmt;

use smol_str::SmolStr;

use super::{InvalidQuota, Quota};
use crate::{
    classify::ThrottleScope,
    extensions::{AccountId, RequestContext},
};

/// Whom a limit counts: the key of one set of windows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    kind: Kind,
    account: Option<AccountId>,
    name: Option<SmolStr>,
}

/// The kinds of scope, narrow first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Field,
    AccountEndpoint,
    Endpoint,
    App,
}

/// The scopes that a request counts in: at most one of each kind.
///
/// A request passes its scopes from the narrow to the wide, so that one that
/// waits for its account takes no room from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    field: Option<Scope>,
    account_endpoint: Option<Scope>,
    endpoint: Option<Scope>,
    app: bool,
}

/// Tells which scopes a request counts in, and what each of them admits.
///
/// [`Quotas`](super::Quotas) is enough for most; a [`Quota`] alone stands for
/// one scope that all requests share.
pub trait Scopes: Send + Sync + 'static {
    /// The scopes of a request with this context. None: it is not paced.
    fn touched(&self, context: Option<&RequestContext>) -> Touched;

    /// What a scope admits. Asked when the scope is first used, under the
    /// lock of the layer: it must be quick, and must not send. `None`: as
    /// much as comes, until a refusal tells that there is a limit; from then
    /// on it is learned, as of [`Quota::unknown`].
    fn quota(&self, scope: &Scope) -> Option<Quota>;

    /// Whether a layer takes them. Asked once, when it is built.
    ///
    /// # Errors
    /// When a quota admits nothing, or its time makes no sense.
    fn validate(&self) -> Result<(), InvalidQuota> {
        Ok(())
    }
}

// ===== impl Scope =====

impl Scope {
    /// All requests of the application.
    #[must_use]
    pub fn app() -> Self {
        Self::new(Kind::App, None, None)
    }

    /// All requests to one endpoint, by [its name in the
    /// context](RequestContext::endpoint).
    #[must_use]
    pub fn endpoint(endpoint: impl AsRef<str>) -> Self {
        Self::new(Kind::Endpoint, None, Some(SmolStr::new(endpoint)))
    }

    /// All requests of one account to one endpoint.
    #[must_use]
    pub fn account_endpoint(account: impl Into<AccountId>, endpoint: impl AsRef<str>) -> Self {
        let name = Some(SmolStr::new(endpoint));
        Self::new(Kind::AccountEndpoint, Some(account.into()), name)
    }

    /// All requests with one value in a field.
    #[must_use]
    pub fn field_value(value: impl AsRef<str>) -> Self {
        Self::new(Kind::Field, None, Some(SmolStr::new(value)))
    }

    fn new(kind: Kind, account: Option<AccountId>, name: Option<SmolStr>) -> Self {
        Self {
            kind,
            account,
            name,
        }
    }

    /// The scope that a refusal names by this word.
    #[must_use]
    pub fn throttle_scope(&self) -> ThrottleScope {
        match self.kind {
            Kind::Field => ThrottleScope::FieldValue,
            Kind::AccountEndpoint => ThrottleScope::AccountEndpoint,
            Kind::Endpoint => ThrottleScope::AppEndpoint,
            Kind::App => ThrottleScope::App,
        }
    }

    /// The account, if it is the scope of one.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// The endpoint, or the value of the field.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn is_app(&self) -> bool {
        self.kind == Kind::App
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scope = f.debug_struct("Scope");
        scope.field("kind", &self.throttle_scope());
        if let Some(account) = &self.account {
            scope.field("account", account);
        }
        // The value of a field may be a secret.
        if let (Some(name), false) = (&self.name, self.kind == Kind::Field) {
            scope.field("name", name);
        }
        scope.finish()
    }
}

// ===== impl Touched =====

impl Touched {
    /// No scope yet.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the application.
    #[must_use]
    pub fn app(mut self) -> Self {
        self.app = true;
        self
    }

    /// Adds an endpoint.
    #[must_use]
    pub fn endpoint(mut self, context: &RequestContext) -> Self {
        let name = context.endpoint_name();
        self.endpoint = name.map(|name| Scope::new(Kind::Endpoint, None, Some(name)));
        self
    }

    /// Adds the account on the endpoint, if the context knows both.
    #[must_use]
    pub fn account_endpoint(mut self, context: &RequestContext) -> Self {
        if let (Some(account), Some(name)) = (context.account(), context.endpoint_name()) {
            let account = Some(account.clone());
            self.account_endpoint = Some(Scope::new(Kind::AccountEndpoint, account, Some(name)));
        }
        self
    }

    /// Adds the value of a field.
    #[must_use]
    pub fn field_value(mut self, value: impl AsRef<str>) -> Self {
        self.field = Some(Scope::field_value(value));
        self
    }

    /// The scopes, narrow first.
    pub(super) fn into_scopes(self) -> impl Iterator<Item = Scope> {
        let app = self.app.then(Scope::app);
        [self.field, self.account_endpoint, self.endpoint, app]
            .into_iter()
            .flatten()
    }
}
