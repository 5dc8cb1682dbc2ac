use std::{fmt, num::NonZeroU32, sync::Arc};

use smol_str::SmolStr;

use super::{AccountId, Operation};

/// How urgent a request is. Where requests queue, a higher one goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Priority {
    /// May fill what others leave free: reports, polls.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Somebody waits for it.
    High,
}

/// What the layers need to know of a request: whose it is, where it goes and
/// what it does.
///
/// It travels in the request's extensions. A layer that finds it out leaves a
/// value that the caller has set as it is. To change only what the request
/// does, and let the layer find out the rest, set an [`Operation`] in the
/// request's extensions instead.
///
/// # Example
/// ```
/// use tower_tiktok::extensions::{Operation, RequestContext};
///
/// let mut request = http::Request::post("/thing/status/update/").body(()).unwrap();
/// // Setting a status twice does no harm, but only the caller knows that.
/// let context = RequestContext::new(Operation::repeatable()).with_account("7001");
/// request.extensions_mut().insert(context);
/// # let context = request.extensions().get::<RequestContext>().unwrap();
/// # assert_eq!(context.account().unwrap().as_str(), "7001");
/// ```
// Behind a pointer: what goes with a request is cloned and moved by every
// layer, and changed by hardly any.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestContext(Arc<Fields>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fields {
    account: Option<AccountId>,
    endpoint: Option<SmolStr>,
    operation: Operation,
    priority: Priority,
    cost: NonZeroU32,
}

impl RequestContext {
    /// A context that knows the operation only.
    #[must_use]
    #[inline]
    pub fn new(operation: Operation) -> Self {
        Self::of(None, None, operation, Priority::default())
    }

    /// One made at once.
    #[inline]
    pub(crate) fn of(
        account: Option<AccountId>,
        endpoint: Option<SmolStr>,
        operation: Operation,
        priority: Priority,
    ) -> Self {
        Self(Arc::new(Fields {
            account,
            endpoint,
            operation,
            priority,
            cost: NonZeroU32::MIN,
        }))
    }

    /// Sets the account.
    #[must_use]
    #[inline]
    pub fn with_account(mut self, account: impl Into<AccountId>) -> Self {
        self.fields().account = Some(account.into());
        self
    }

    /// Sets the endpoint: the path as a template, without ids and without the
    /// query, such as `/campaign/create/`.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: impl AsRef<str>) -> Self {
        self.fields().endpoint = Some(SmolStr::new(endpoint));
        self
    }

    /// Sets the endpoint from a constant, without a copy.
    #[must_use]
    #[inline]
    pub fn with_static_endpoint(mut self, endpoint: &'static str) -> Self {
        self.fields().endpoint = Some(SmolStr::new_static(endpoint));
        self
    }

    /// Sets the priority. The default is [`Priority::Normal`].
    #[must_use]
    #[inline]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.fields().priority = priority;
        self
    }

    /// Sets as how many requests it counts wherever requests are counted, such
    /// as a batch that the server takes apart. The default is 1. There are none
    /// that count as nothing: leave them out of the scopes that do not count
    /// them.
    #[must_use]
    pub fn with_cost(mut self, requests: NonZeroU32) -> Self {
        self.fields().cost = requests;
        self
    }

    /// To change them. Nobody else has them before they are set.
    #[inline]
    fn fields(&mut self) -> &mut Fields {
        Arc::make_mut(&mut self.0)
    }

    /// Of a request for several accounts.
    #[cfg(feature = "report-batching")]
    pub(crate) fn forget_account(&mut self) {
        self.fields().account = None;
    }

    /// The account, if the request names one.
    #[must_use]
    #[inline]
    pub fn account(&self) -> Option<&AccountId> {
        self.0.account.as_ref()
    }

    /// The path as a template, without ids and without the query.
    #[must_use]
    #[inline]
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// The same, to keep: a clone copies no text.
    #[cfg(any(
        feature = "request-pacing",
        feature = "throttle-alert",
        feature = "token-refresh"
    ))]
    #[inline]
    pub(crate) fn endpoint_name(&self) -> Option<&SmolStr> {
        self.0.endpoint.as_ref()
    }

    /// What the request does.
    #[must_use]
    #[inline]
    pub fn operation(&self) -> &Operation {
        &self.0.operation
    }

    /// As how many requests it counts.
    #[must_use]
    #[inline]
    pub fn cost(&self) -> NonZeroU32 {
        self.0.cost
    }

    /// How urgent it is.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.0.priority
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields {
            account,
            endpoint,
            operation,
            priority,
            cost,
        } = &*self.0;
        f.debug_struct("RequestContext")
            .field("account", account)
            .field("endpoint", endpoint)
            .field("operation", operation)
            .field("priority", priority)
            .field("cost", cost)
            .finish()
    }
}
