use hashbrown::HashMap;
use smol_str::SmolStr;

use super::{InvalidQuota, Quota, Scope, Scopes, Touched, scopes::Kind};
use crate::extensions::RequestContext;

/// Quotas of the application, of each endpoint, and of each account on each
/// endpoint, as plain data.
///
/// # Example
/// ```
/// use tower_tiktok::request_pacing::{Quota, Quotas, RequestPacingLayer};
///
/// let quotas = Quotas::none()
///     .with_app(Quota::requests_per_second(10).and_requests_per_minute(600))
///     .with_each_endpoint(Quota::requests_per_second(10))
///     // This one has less room than the others.
///     .with_endpoint("/report/create/", Quota::requests_per_second(1))
///     .with_each_account_endpoint(Quota::requests_per_second(5));
/// assert!(RequestPacingLayer::builder(quotas).build().is_ok());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    app: Option<Quota>,
    each_endpoint: Option<Quota>,
    endpoints: HashMap<SmolStr, Quota>,
    each_account_endpoint: Option<Quota>,
}

impl Quotas {
    /// No quota: nothing is paced.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// All requests together.
    #[must_use]
    pub fn with_app(mut self, quota: Quota) -> Self {
        self.app = Some(quota);
        self
    }

    /// The requests to each endpoint that has no quota of its own.
    #[must_use]
    pub fn with_each_endpoint(mut self, quota: Quota) -> Self {
        self.each_endpoint = Some(quota);
        self
    }

    /// The requests to one endpoint.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: impl AsRef<str>, quota: Quota) -> Self {
        self.endpoints.insert(SmolStr::new(endpoint), quota);
        self
    }

    /// The requests of each account to each endpoint.
    #[must_use]
    pub fn with_each_account_endpoint(mut self, quota: Quota) -> Self {
        self.each_account_endpoint = Some(quota);
        self
    }
}

impl Scopes for Quotas {
    fn touched<'a>(&'a self, context: Option<&'a RequestContext>) -> Touched<'a> {
        let mut touched = Touched::none();
        if self.app.is_some() {
            touched = touched.app();
        }
        let Some(context) = context else {
            return touched;
        };
        let own = !self.endpoints.is_empty()
            && context
                .endpoint()
                .is_some_and(|name| self.endpoints.contains_key(name));
        if own || self.each_endpoint.is_some() {
            touched = touched.endpoint(context);
        }
        if self.each_account_endpoint.is_some() {
            touched = touched.account_endpoint(context);
        }
        touched
    }

    fn quota(&self, scope: &Scope) -> Option<Quota> {
        match scope.kind() {
            Kind::App => self.app.clone(),
            Kind::Endpoint => {
                let own = scope.name().and_then(|name| self.endpoints.get(name));
                own.or(self.each_endpoint.as_ref()).cloned()
            }
            Kind::AccountEndpoint => self.each_account_endpoint.clone(),
            Kind::Field => None,
        }
    }

    fn validate(&self) -> Result<(), InvalidQuota> {
        let single = [&self.app, &self.each_endpoint, &self.each_account_endpoint];
        let mut all = single.into_iter().flatten().chain(self.endpoints.values());
        all.try_for_each(Quota::validate)
    }
}

/// One scope for all requests.
impl Scopes for Quota {
    fn touched<'a>(&'a self, _: Option<&'a RequestContext>) -> Touched<'a> {
        Touched::none().app()
    }

    fn quota(&self, _: &Scope) -> Option<Quota> {
        Some(self.clone())
    }

    fn validate(&self) -> Result<(), InvalidQuota> {
        Quota::validate(self)
    }
}
