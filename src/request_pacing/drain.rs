use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{core::Core, pacer::Pacer};

/// Whether no request comes in any more, and who waits until all are over.
#[derive(Debug, Default)]
pub(super) struct Drain {
    pub(super) began: bool,
    wakers: Vec<Waker>,
}

/// Ready when no request waits and none is under way: from
/// [`RequestPacingHandle::drain`](super::RequestPacingHandle::drain).
///
/// It may be dropped at any time, and need not be polled: the layer drains all
/// the same.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Drained {
    pacer: Arc<Pacer>,
}

impl Drained {
    pub(super) fn new(pacer: Arc<Pacer>) -> Self {
        Self { pacer }
    }
}

impl Future for Drained {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.pacer.poll_drained(cx)
    }
}

impl Core {
    pub(super) fn is_drained(&self) -> bool {
        self.under_way == 0 && self.waiters.len() == 0
    }

    /// Keeps the waker for when all are over, or hands it back.
    pub(super) fn poll_drained(&mut self, waker: Waker) -> Result<(), Waker> {
        let is_kept = self.drain.wakers.iter().any(|kept| kept.will_wake(&waker));
        if self.is_drained() || is_kept {
            return Err(waker);
        }
        self.drain.wakers.push(waker);
        Ok(())
    }

    /// Tells those who wait until all are over, if they are.
    #[inline]
    pub(super) fn tell_drained(&mut self, woken: &mut Vec<Waker>) {
        if !self.drain.wakers.is_empty() && self.is_drained() {
            woken.append(&mut self.drain.wakers);
        }
    }
}
