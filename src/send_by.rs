use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// The instant from which on a request must not be sent any more.
#[derive(Debug)]
pub(crate) struct SendBy {
    instant: Option<Instant>,
    /// Made when the request has to wait, so that one that need not wait costs
    /// no timer.
    timer: Option<Pin<Box<Sleep>>>,
}

impl SendBy {
    #[inline]
    pub(crate) fn new(instant: Option<Instant>) -> Self {
        Self {
            instant,
            timer: None,
        }
    }

    /// Whether it is too late to send.
    #[cfg(any(feature = "per-account-concurrency", feature = "token-refresh"))]
    #[inline]
    pub(crate) fn has_passed(&self) -> bool {
        self.instant
            .is_some_and(|instant| instant <= Instant::now())
    }

    /// Ready when it is too late to send.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(instant) = self.instant else {
            return Poll::Pending;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(instant)));
        timer.as_mut().poll(cx)
    }
}
