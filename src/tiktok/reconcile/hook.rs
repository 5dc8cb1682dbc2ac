use std::{fmt, future::poll_fn, pin::Pin};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower_service::Service;

use super::{
    answer::{Page, created},
    object::{Kind, Wanted},
    rows::{Proof, weigh},
    time,
};
use crate::{
    classify::{Classification, ErrorClass},
    error::BoxError,
    extensions::RequestContext,
    reconcile::{Doubt, Finding, Reconcile},
};

/// "Duplicated requests have been sent": one of them came through.
const DUPLICATE: i64 = 40_050;

/// So many pages are looked through, and a page may have so many bytes.
const MAX_PAGES: u64 = 20;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Reads campaigns and ad groups back by their names. See the
/// [module docs](super).
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadBackByName(());

impl ReadBackByName {
    /// Knows campaigns and ad groups.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S, B, R> Reconcile<S, B> for ReadBackByName
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Default + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Future = Pin<Box<dyn Future<Output = Result<Finding, BoxError>> + Send>>;

    fn covers(&self, context: Option<&RequestContext>) -> bool {
        let endpoint = context.and_then(RequestContext::endpoint);
        endpoint.and_then(Kind::at).is_some()
    }

    fn doubts(&self, found: &Classification) -> bool {
        found.class() == ErrorClass::Conflict
            && found.code().and_then(|code| code.as_number()) == Some(DUPLICATE)
    }

    fn did_it_happen(&self, doubt: Doubt, service: S) -> Self::Future {
        Box::pin(read_back(doubt, service))
    }
}

async fn read_back<S, B, R>(doubt: Doubt, mut service: S) -> Result<Finding, BoxError>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Default,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let create = doubt.request();
    let Some(wanted) = Wanted::by(create) else {
        return Ok(Finding::CannotTell);
    };
    let (mut rows, mut sent, mut request_id) = (Vec::new(), None, None);
    for number in 1..=MAX_PAGES {
        let Some(request) = wanted.request(create, number, B::default()) else {
            return Ok(Finding::CannotTell);
        };
        poll_fn(|cx| service.poll_ready(cx))
            .await
            .map_err(Into::into)?;
        let response = service.call(request).await.map_err(Into::into)?;
        let class = ErrorClass::of(&response);
        if !class.is_success() {
            return Err(Refused(class).into());
        }
        let (head, body) = response.into_parts();
        if number == 1 {
            // No later than it was, on the server's clock: the answer took a
            // while to come.
            let age = Instant::now().saturating_duration_since(doubt.since());
            let written = time::written(&head.headers);
            sent = written.map(|written| written.saturating_sub(age.as_secs().saturating_add(1)));
        }
        let page = Page::read(&collect(body).await?).ok_or(NoListing(()))?;
        rows.extend(page.rows);
        request_id = request_id.or(page.request_id);
        if page.is_last {
            return Ok(match weigh(&wanted, rows, sent) {
                Proof::Found(row) => Finding::Happened(created(row, request_id)),
                Proof::Nothing => Finding::NotHappened,
                Proof::Unclear => Finding::CannotTell,
            });
        }
    }
    Ok(Finding::CannotTell)
}

async fn collect<R>(body: R) -> Result<Bytes, BoxError>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let mut body = std::pin::pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let data = frame.map_err(Into::into)?.into_data().unwrap_or_default();
        if bytes.len().saturating_add(data.len()) > MAX_BYTES {
            return Err(NoListing(()).into());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The listing was refused.
#[derive(Debug)]
struct Refused(ErrorClass);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading back was refused: {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// The answer is no listing, or far too long for one.
#[derive(Debug)]
struct NoListing(());

impl fmt::Display for NoListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what was read back is no listing")
    }
}

impl std::error::Error for NoListing {}
