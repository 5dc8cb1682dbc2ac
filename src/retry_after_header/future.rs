use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{Response, StatusCode};
use pin_project_lite::pin_project;

use super::{
    LimitHeaders,
    cap::Cap,
    event::{self, RequestNote},
};
use crate::{classify::ErrorClass, wall_clock};

pin_project! {
    /// Response future for [`RetryAfterHeader`](super::RetryAfterHeader).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        max: Cap,
        note: RequestNote,
    }
}

// ===== impl ResponseFuture =====

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, max: Cap, note: RequestNote) -> Self {
        Self { inner, max, note }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut output = this.inner.poll(cx);
        #[cfg(feature = "metrics")]
        if let Poll::Ready(Err(_)) = &output {
            this.note.count::<R>(None);
        }
        // Changed where it is: a response is large to move.
        if let Poll::Ready(Ok(response)) = &mut output {
            let class = ErrorClass::of(response);
            #[cfg(feature = "metrics")]
            this.note.count(Some((&*response, class)));
            let present = LimitHeaders::are_in(response.headers());
            if present || class == ErrorClass::RateLimited {
                record(response, class, present, this.max.duration(), this.note);
            }
        }
        output
    }
}

/// Apart from `poll`, which stays small for the answers that tell nothing.
#[inline(never)]
fn record<R>(
    response: &mut Response<R>,
    class: ErrorClass,
    present: bool,
    max: Duration,
    note: &RequestNote,
) {
    let headers = if present {
        LimitHeaders::read(response.headers(), wall_clock::now(), max)
    } else {
        LimitHeaders::default()
    };
    let status = response.status();
    let refused = class == ErrorClass::RateLimited || status == StatusCode::SERVICE_UNAVAILABLE;
    let wait = headers.wait(refused);

    let told = refused || status == StatusCode::TOO_MANY_REQUESTS;
    if class == ErrorClass::RateLimited
        || headers.retry_after().is_some()
        || (told && !headers.is_empty())
    {
        event::emit(response, class, wait.map(|wait| wait.delay()), note);
    }

    if let Some(wait) = wait {
        response.extensions_mut().insert(wait);
    }
    if let Some(limits) = headers.into_status() {
        response.extensions_mut().insert(limits);
    }
}
