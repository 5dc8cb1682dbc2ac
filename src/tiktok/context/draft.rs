use std::{sync::Arc, time::Duration};

use http::{Method, Request, Uri};
use http_body::Body;
use smol_str::SmolStr;

use super::{builder::Settings, query, scan::BodyScan, word::Word};
use crate::{
    extensions::{AccountId, Operation, Priority, RequestContext},
    tiktok::endpoints::{AccountPlace, Endpoint, find},
};

/// How long the server remembers a `request_id`.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);

/// Where a request at an endpoint that nobody knows may name its account.
const ANY_ACCOUNT: &[&str] = &[
    "advertiser_id",
    "advertiser_ids",
    "bc_id",
    "business_id",
    "tto_tcm_account_id",
    "tcm_account_id",
    "creator_id",
    "app_id",
    "event_source_id",
    "pixel_code",
];

/// What the head of a request tells of it.
#[derive(Debug)]
pub(super) struct Draft {
    /// `None` for an endpoint that nobody knows.
    path: Option<&'static str>,
    /// Whether the caller said what the request does.
    said: bool,
    operation: Operation,
    priority: Priority,
    account: Option<Word>,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// The account fields, the best first, and what else the body may say.
    pub(super) fields: &'static [&'static str],
    pub(super) account_fields: &'static [&'static str],
}

// ===== impl Draft =====

impl Draft {
    /// Reads the head of a request, and says what its body is still wanted
    /// for.
    #[inline]
    pub(super) fn of<B: Body>(request: &Request<B>, settings: &Settings) -> (Self, Option<Wanted>) {
        let (method, uri) = (request.method(), request.uri());
        let endpoint = settings.endpoint(method, find::relative(uri.path()));
        let wanted = Wanted::at(endpoint);
        let (in_query, in_body) = places(method, endpoint);
        let account = match uri.query() {
            Some(query) if in_query => query::account(query, wanted.account_fields),
            _ => None,
        };
        let look = account.is_none()
            && in_body
            && !wanted.fields.is_empty()
            && settings.peek_limit > 0
            && !request.body().is_end_stream();
        // The caller knows best what the request does, and how urgent it is.
        let extensions = request.extensions();
        let operation = extensions.get::<Operation>().cloned();
        let draft = Self {
            path: endpoint.map(Endpoint::path),
            said: operation.is_some(),
            operation: operation.unwrap_or_else(|| {
                endpoint.map_or_else(
                    || Operation::from_method(method),
                    |endpoint| endpoint.operation().clone(),
                )
            }),
            priority: extensions
                .get::<Priority>()
                .copied()
                .unwrap_or_else(|| endpoint.map_or(Priority::Normal, Endpoint::priority)),
            account,
        };
        (draft, look.then_some(wanted))
    }

    /// Adds what the body said.
    #[inline]
    pub(super) fn add(&mut self, scan: BodyScan) {
        let (account, request_id) = scan.into_found();
        self.account = account;
        // Any other operation was chosen by somebody who knows better.
        if let (Operation::Write, false, Some(key)) = (&self.operation, self.said, request_id) {
            self.operation = Operation::IdempotentWrite {
                key: Some(Arc::from(key.as_str())),
                remembered_for: REMEMBERED_FOR,
            };
        }
    }

    /// Leaves what was found in the request.
    #[inline]
    pub(super) fn leave_in<B>(self, request: &mut Request<B>) {
        let context = self.finish(request.uri());
        request.extensions_mut().insert(context);
    }

    #[inline]
    fn finish(self, uri: &Uri) -> RequestContext {
        let endpoint = match self.path {
            Some(path) => SmolStr::new_static(path),
            None => SmolStr::new(find::label(find::relative(uri.path()))),
        };
        let account = self.account.map(AccountId::from);
        RequestContext::of(account, Some(endpoint), self.operation, self.priority)
    }
}

// ===== impl Wanted =====

impl Wanted {
    fn at(endpoint: Option<&Endpoint>) -> Self {
        Self {
            fields: endpoint.map_or(ANY_ACCOUNT, Endpoint::fields),
            account_fields: endpoint.map_or(ANY_ACCOUNT, Endpoint::account_fields),
        }
    }
}

/// Whether the account may be in the query, and whether in the body.
fn places(method: &Method, endpoint: Option<&Endpoint>) -> (bool, bool) {
    match endpoint.map(Endpoint::account_place) {
        _ if method.is_safe() => (true, false),
        Some(AccountPlace::Query) => (true, false),
        Some(_) => (false, true),
        None => (true, true),
    }
}
