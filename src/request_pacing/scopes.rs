use std::{fmt, sync::Arc};

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
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Touched<'a> {
    pub(super) field: Option<SmolStr>,
    pub(super) account_endpoint: Option<(&'a AccountId, &'a SmolStr)>,
    pub(super) endpoint: Option<&'a SmolStr>,
    pub(super) app: bool,
}

/// Tells which scopes a request counts in, and what each of them admits.
///
/// [`Quotas`](super::Quotas) is enough for most; a [`Quota`] alone stands for
/// one scope that all requests share.
pub trait Scopes: Send + Sync + 'static {
    /// The scopes of a request with this context. None: it is not paced.
    fn touched<'a>(&'a self, context: Option<&'a RequestContext>) -> Touched<'a>;

    /// What a scope admits. Asked when the scope is first used, under the
    /// lock of the layer: it must be quick, must not send, and must not use the
    /// layer's handle. `None`: as much as comes, until a refusal tells that
    /// there is a limit; from then on it is learned, as of [`Quota::unknown`].
    /// With one that makes no sense, a request fails with
    /// [`Inadmissible`](super::Inadmissible).
    fn quota(&self, scope: &Scope) -> Option<Quota>;

    /// Whether several processes share what a scope admits, where a layer
    /// shares its limits at all. The default is that they do. Asked when the
    /// scope is first used, as [`quota`](Self::quota) is.
    fn is_shared(&self, scope: &Scope) -> bool {
        let _ = scope;
        true
    }

    /// Whether a layer takes them. Asked once, when it is built.
    ///
    /// # Errors
    /// When a quota admits nothing, or its time makes no sense.
    fn validate(&self) -> Result<(), InvalidQuota> {
        Ok(())
    }
}

impl<K: Scopes + ?Sized> Scopes for Arc<K> {
    fn touched<'a>(&'a self, context: Option<&'a RequestContext>) -> Touched<'a> {
        (**self).touched(context)
    }

    fn quota(&self, scope: &Scope) -> Option<Quota> {
        (**self).quota(scope)
    }

    fn is_shared(&self, scope: &Scope) -> bool {
        (**self).is_shared(scope)
    }

    fn validate(&self) -> Result<(), InvalidQuota> {
        (**self).validate()
    }
}

impl<K: Scopes + ?Sized> Scopes for Box<K> {
    fn touched<'a>(&'a self, context: Option<&'a RequestContext>) -> Touched<'a> {
        (**self).touched(context)
    }

    fn quota(&self, scope: &Scope) -> Option<Quota> {
        (**self).quota(scope)
    }

    fn is_shared(&self, scope: &Scope) -> bool {
        (**self).is_shared(scope)
    }

    fn validate(&self) -> Result<(), InvalidQuota> {
        (**self).validate()
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

    pub(super) fn of_endpoint(endpoint: SmolStr) -> Self {
        Self::new(Kind::Endpoint, None, Some(endpoint))
    }

    pub(super) fn of_account_endpoint(account: AccountId, endpoint: SmolStr) -> Self {
        Self::new(Kind::AccountEndpoint, Some(account), Some(endpoint))
    }

    pub(super) fn new(kind: Kind, account: Option<AccountId>, name: Option<SmolStr>) -> Self {
        Self {
            kind,
            account,
            name,
        }
    }

    /// The scope that a refusal names by this word.
    #[must_use]
    pub fn throttle_scope(&self) -> ThrottleScope {
        self.kind.throttle_scope()
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

    pub(super) fn text(&self) -> Option<&SmolStr> {
        self.name.as_ref()
    }
}

impl Kind {
    pub(super) fn throttle_scope(self) -> ThrottleScope {
        match self {
            Self::Field => ThrottleScope::FieldValue,
            Self::AccountEndpoint => ThrottleScope::AccountEndpoint,
            Self::Endpoint => ThrottleScope::AppEndpoint,
            Self::App => ThrottleScope::App,
        }
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

impl<'a> Touched<'a> {
    /// No scope yet.
    #[must_use]
    #[inline]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the application.
    #[must_use]
    #[inline]
    pub fn app(mut self) -> Self {
        self.app = true;
        self
    }

    /// Adds an endpoint.
    #[must_use]
    #[inline]
    pub fn endpoint(mut self, context: &'a RequestContext) -> Self {
        self.endpoint = context.endpoint_name();
        self
    }

    /// Adds the account on the endpoint, if the context knows both.
    #[must_use]
    #[inline]
    pub fn account_endpoint(mut self, context: &'a RequestContext) -> Self {
        self.account_endpoint = context.account().zip(context.endpoint_name());
        self
    }

    /// Adds the value of a field.
    #[must_use]
    pub fn field_value(mut self, value: impl AsRef<str>) -> Self {
        self.field = Some(SmolStr::new(value));
        self
    }
}

impl fmt::Debug for Touched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field.as_ref().map(Scope::field_value);
        let account_endpoint = self.account_endpoint.map(|(account, endpoint)| {
            Scope::of_account_endpoint(account.clone(), endpoint.clone())
        });
        let endpoint = self.endpoint.cloned().map(Scope::of_endpoint);
        f.debug_struct("Touched")
            .field("field", &field)
            .field("account_endpoint", &account_endpoint)
            .field("endpoint", &endpoint)
            .field("app", &self.app)
            .finish()
    }
}
