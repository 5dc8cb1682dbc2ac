use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower_service::Service;

use super::{
    Asked, Read, Reads, ResponseFuture,
    builder::Shared,
    crews::Crews,
    kept::Kept,
    saved::{Saved, saved},
};
use crate::{
    body::{Replay, SharedBody},
    coalesce::{Board, Identity, Landed},
    error::BoxError,
    extensions::{Priority, ReadBack, RequestContext},
};

/// Middleware that answers reads that ask the same with one request. See the
/// [module docs](super).
pub struct ReportBatching<S, D> {
    inner: S,
    batching: Option<Arc<Batching<D>>>,
}

/// What the clones of one service share: another one may have another server
/// behind it.
pub(super) struct Batching<D> {
    pub(super) shared: Arc<Shared<D>>,
    /// From the least urgent reads to the most.
    lanes: [Lane; 3],
    kept: Kept,
}

/// Reads that are equally urgent: none waits behind one that may wait longer.
pub(super) struct Lane {
    pub(super) board: Arc<Board>,
    pub(super) crews: Arc<Crews>,
}

/// A read, and all by which others may share it.
pub(super) struct Reading<B> {
    pub(super) request: Request<B>,
    pub(super) identity: Identity,
    /// The group that it may be merged with, and its part of it.
    pub(super) part: Option<(Identity, Asked)>,
    pub(super) group: Option<http::Uri>,
    pub(super) is_kept: bool,
}

impl<S, D> ReportBatching<S, D> {
    pub(super) fn new(inner: S, shared: Arc<Shared<D>>) -> Self {
        let limits = shared.limits;
        let batching = Batching {
            lanes: std::array::from_fn(|_| Lane {
                board: Arc::new(Board::new(limits.max_reads)),
                crews: Arc::new(Crews::new(limits.max_reads)),
            }),
            kept: Kept::new(limits.kept),
            shared,
        };
        Self {
            inner,
            batching: Some(Arc::new(batching)),
        }
    }

    /// One that lets everything pass, for a stack that can do without.
    #[must_use]
    pub fn off(inner: S) -> Self {
        Self {
            inner,
            batching: None,
        }
    }

    /// The service inside.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, D, B, R> Service<Request<B>> for ReportBatching<S, D>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Replay + Unpin,
    R: Body<Data = Bytes>,
    D: Reads<B>,
{
    type Response = Response<SharedBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B, R, D>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Some(batching) = &self.batching
            && request.extensions().get::<ReadBack>().is_none()
            && let Some(read) = batching.shared.reads.read(&request)
            && let Some(identity) = Identity::of(&request)
        {
            return self.read(read, identity, request);
        }
        ResponseFuture::through(self.inner.call(request))
    }
}

impl<S: Clone, D> ReportBatching<S, D> {
    fn read<B, R>(
        &mut self,
        read: Read,
        identity: Identity,
        request: Request<B>,
    ) -> ResponseFuture<S, B, R, D>
    where
        S: Service<Request<B>>,
        B: Body<Data = Bytes> + Replay + Unpin,
    {
        let batching = self.batching.as_ref().expect("it was there a moment ago");
        let batching = Arc::clone(batching);
        // The instance that is ready may hold a place that others need, while
        // this request waits for another's answer or has one, so it goes.
        self.inner = self.inner.clone();
        if read.is_kept()
            && let Some((landed, age)) = batching.kept.get(&identity, Instant::now())
        {
            saved(Saved::Kept);
            return ResponseFuture::kept(landed, age);
        }
        let part = read.as_part().filter(|_| batching.merges());
        let reading = Reading {
            part: part.and_then(|part| {
                let group = Identity::of_group(&request, part.group())?;
                let asked = Asked {
                    member: Arc::clone(part.member()),
                    uri: request.uri().clone(),
                };
                Some((group, asked))
            }),
            group: part.map(|part| part.group().clone()),
            is_kept: read.is_kept() && batching.keeps(),
            request,
            identity,
        };
        ResponseFuture::of_read(self.inner.clone(), reading, batching)
    }
}

impl<D> Batching<D> {
    fn keeps(&self) -> bool {
        !self.shared.limits.kept.keep_for.is_zero()
    }

    fn merges(&self) -> bool {
        !self.shared.limits.linger.is_zero()
    }

    pub(super) fn lane<B>(&self, request: &Request<B>) -> &Lane {
        let context = request.extensions().get::<RequestContext>();
        &self.lanes[match context.map(RequestContext::priority).unwrap_or_default() {
            Priority::Low => 0,
            Priority::Normal => 1,
            Priority::High => 2,
        }]
    }

    pub(super) fn keep(&self, identity: &Identity, landed: &Landed) {
        if landed.is_success() {
            self.kept.put(identity, landed.clone(), Instant::now());
        }
    }
}

// By hand: a derive would ask the same of `D`.
impl<S: Clone, D> Clone for ReportBatching<S, D> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            batching: self.batching.clone(),
        }
    }
}

impl<S: fmt::Debug, D> fmt::Debug for ReportBatching<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportBatching")
            .field("inner", &self.inner)
            .field("is_on", &self.batching.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future};

    use http_body_util::Full;
    use tower_layer::Layer;

    use super::*;
    use crate::report_batching::ReportBatchingLayer;

    struct All;

    impl<B> Reads<B> for All {
        fn read(&self, _: &Request<B>) -> Option<Read> {
            Some(Read::shared())
        }
    }

    #[test]
    fn what_reads_back_shares_nothing() {
        let mut calls = 0;
        let inner = tower::service_fn(|_: Request<Full<Bytes>>| {
            future::ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
        });
        let layer = ReportBatchingLayer::builder(All).build().unwrap();
        let mut client = layer.layer(inner);
        for marked in [false, true] {
            let mut request = Request::new(Full::<Bytes>::default());
            if marked {
                request.extensions_mut().insert(ReadBack);
            }
            let future = client.call(request);
            calls += usize::from(format!("{future:?}").contains("Through"));
            assert_eq!(calls, usize::from(marked));
        }
    }
}
