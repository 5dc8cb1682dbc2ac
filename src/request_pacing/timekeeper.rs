use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Weak,
    task::{Context, Poll, Waker},
};

use tokio::{runtime, time::Sleep};

use super::pacer::Pacer;

/// The task that keeps the time in one runtime while requests wait, so that none
/// depends on another to be polled. It ends when nobody waits, or the layer is
/// gone.
#[derive(Debug)]
pub(super) struct Keeper {
    pacer: Weak<Pacer>,
    runtime: runtime::Id,
    sleep: Pin<Box<Sleep>>,
    ended: bool,
}

/// Nobody waits. With the waker that was not needed.
#[derive(Debug)]
pub(super) struct Idle(#[expect(dead_code, reason = "only to be dropped")] pub(super) Waker);

impl Keeper {
    pub(super) fn new(pacer: Weak<Pacer>, runtime: runtime::Id, sleep: Pin<Box<Sleep>>) -> Self {
        Self {
            pacer,
            runtime,
            sleep,
            ended: false,
        }
    }
}

impl Future for Keeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(pacer) = self.pacer.upgrade() {
            let Ok(next) = pacer.keep(self.runtime, cx.waker()) else {
                break;
            };
            let Some(next) = next else {
                return Poll::Pending;
            };
            let mut sleep = self.sleep.as_mut();
            if sleep.deadline() != next {
                sleep.as_mut().reset(next);
            }
            if sleep.poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        self.ended = true;
        Poll::Ready(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // With its runtime. Those who wait may live in another.
        if !self.ended
            && let Some(pacer) = self.pacer.upgrade()
        {
            pacer.abandon(self.runtime);
        }
    }
}

/// Wakes them all, even if one of them panics. That one is not ours to panic for:
/// whoever called would lose what he came for, such as his answer. The panic
/// hook has told of it.
pub(super) fn wake_all(woken: Vec<Waker>) {
    for waker in woken {
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}
