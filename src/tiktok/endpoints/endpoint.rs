use http::Method;

use super::find;
use crate::extensions::{Operation, Priority};

/// Where a request names its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccountPlace {
    /// In the query.
    Query,
    /// In a JSON body.
    Json,
    /// In a part of a multipart form.
    Form,
    /// In a form where a file travels along, else in a JSON body.
    FormOrJson,
}

/// What TikTok's pages say of the field `request_id` of a request, by which
/// the server knows a second copy of it for ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientRequestId {
    /// It may be sent.
    Optional,
    /// It must be sent.
    Required,
    /// The official SDK has the field, and says nothing of it.
    Present,
}

/// What is known of one endpoint. See the [module docs](super).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    method: Method,
    path: &'static str,
    /// The account fields, best first, then what else the body is searched
    /// for: `request_id`, `transfer_level`.
    fields: &'static [&'static str],
    place: AccountPlace,
    operation: Operation,
    priority: Priority,
    request_id: Option<ClientRequestId>,
}

// ===== impl Endpoint =====

impl Endpoint {
    /// The endpoint of TikTok's table at this path, if there is one that
    /// takes this method.
    ///
    /// The path may be a full one, such as
    /// `/open_api/v1.3/campaign/create/`, of any version and behind any
    /// prefix, or the template alone. The last slash may be missing.
    #[must_use]
    pub fn find(method: &Method, path: &str) -> Option<&'static Self> {
        find::known(method, find::relative(path))
    }

    /// TikTok's table, sorted by path.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &super::table::ENDPOINTS
    }

    /// An endpoint that the table does not have.
    ///
    /// `path` is the template, from the slash after the version to the last
    /// slash: `/campaign/create/`. `fields` are the names under which a
    /// request may name its account, the best first; then `request_id`, if
    /// the server knows a second copy by it.
    ///
    /// A safe method reads and names its account in the query; every other
    /// method writes and names it in the body.
    #[must_use]
    pub fn new(method: Method, path: &'static str, fields: &'static [&'static str]) -> Self {
        let operation = Operation::from_method(&method);
        let place = if operation.is_read() {
            AccountPlace::Query
        } else {
            AccountPlace::FormOrJson
        };
        let request_id = fields.contains(&REQUEST_ID);
        Self {
            request_id: request_id.then_some(ClientRequestId::Optional),
            ..row(method, path, fields, place, operation)
        }
    }

    /// Sets what a request does there. A `request_id` makes a plain
    /// [`Write`](Operation::Write) idempotent, and leaves any other as it is.
    #[must_use]
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    /// Sets how urgent a request is.
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets where a request names its account. The body of a safe method is
    /// never looked at.
    #[must_use]
    pub fn with_account_in(mut self, place: AccountPlace) -> Self {
        self.place = place;
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as a template: `/campaign/create/`.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The fields that name the account, the best first.
    #[must_use]
    pub fn account_fields(&self) -> &'static [&'static str] {
        let end = self.fields.iter().position(|&field| field == REQUEST_ID);
        &self.fields[..end.unwrap_or(self.fields.len())]
    }

    /// Where they are.
    #[must_use]
    pub fn account_place(&self) -> AccountPlace {
        self.place
    }

    /// What a request does there, as long as it carries no `request_id`.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// How urgent a request is.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Whether a request may carry a `request_id`.
    #[must_use]
    pub fn client_request_id(&self) -> Option<ClientRequestId> {
        self.request_id
    }

    pub(in crate::tiktok) fn fields(&self) -> &'static [&'static str] {
        self.fields
    }
}

/// The field by which the server knows a second copy.
pub(in crate::tiktok) const REQUEST_ID: &str = "request_id";

/// The field without whose value `BC` the server does not. Last, where it is.
pub(in crate::tiktok) const TRANSFER_LEVEL: &str = "transfer_level";

// ===== the rows of the table =====

pub(super) const fn get(path: &'static str, fields: &'static [&'static str]) -> Endpoint {
    row(
        Method::GET,
        path,
        fields,
        AccountPlace::Query,
        Operation::Read,
    )
}

pub(super) const fn post(path: &'static str, fields: &'static [&'static str]) -> Endpoint {
    row(
        Method::POST,
        path,
        fields,
        AccountPlace::Json,
        Operation::Write,
    )
}

/// A POST that changes nothing.
pub(super) const fn post_read(path: &'static str, fields: &'static [&'static str]) -> Endpoint {
    row(
        Method::POST,
        path,
        fields,
        AccountPlace::Json,
        Operation::Read,
    )
}

const fn row(
    method: Method,
    path: &'static str,
    fields: &'static [&'static str],
    place: AccountPlace,
    operation: Operation,
) -> Endpoint {
    Endpoint {
        method,
        path,
        fields,
        place,
        operation,
        priority: Priority::Normal,
        request_id: None,
    }
}

impl Endpoint {
    pub(super) const fn form(mut self) -> Self {
        self.place = AccountPlace::Form;
        self
    }

    pub(super) const fn form_or_json(mut self) -> Self {
        self.place = AccountPlace::FormOrJson;
        self
    }

    pub(super) const fn low(mut self) -> Self {
        self.priority = Priority::Low;
        self
    }

    pub(super) const fn request_id(mut self, known: ClientRequestId) -> Self {
        self.request_id = Some(known);
        self
    }
}
