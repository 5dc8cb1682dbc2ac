use http::Request;

use crate::extensions::{AccountId, RequestContext};

/// Tells whose a request is.
///
/// Closures `Fn(&Request<B>) -> Option<AccountId>` do.
pub trait AccountOf<B> {
    /// The account, if the request has one.
    fn account_of(&self, request: &Request<B>) -> Option<AccountId>;
}

impl<F, B> AccountOf<B> for F
where
    F: Fn(&Request<B>) -> Option<AccountId>,
{
    fn account_of(&self, request: &Request<B>) -> Option<AccountId> {
        self(request)
    }
}

/// Reads the account from the [`RequestContext`] in the request's extensions.
/// The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromContext;

impl<B> AccountOf<B> for FromContext {
    fn account_of(&self, request: &Request<B>) -> Option<AccountId> {
        let context = request.extensions().get::<RequestContext>()?;
        context.account().cloned()
    }
}
