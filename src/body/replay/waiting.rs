use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Wake, Waker},
};

use super::tape::ReaderId;

/// The tasks that wait for the body. All are woken for whatever happens to it:
/// the one whose turn it was may be gone.
///
/// A waker may run anything when it is cloned, woken or dropped, so none of
/// that is done under the lock.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Vec<(ReaderId, Waker)>>);

impl Waiting {
    /// Wakes this task for that reader from now on, and no other.
    pub(super) fn put(&self, id: ReaderId, waker: &Waker) {
        let waker = waker.clone();
        drop(self.remove(id));
        self.wakers().push((id, waker));
    }

    pub(super) fn remove(&self, id: ReaderId) -> Option<Waker> {
        let mut wakers = self.wakers();
        let at = wakers.iter().position(|(waiting, _)| *waiting == id)?;
        Some(wakers.swap_remove(at).1)
    }

    /// Wakes the readers that `is_meant` names. They wait no more.
    pub(super) fn wake_those(&self, is_meant: impl Fn(ReaderId) -> bool) {
        let woken: Vec<_> = self
            .wakers()
            .extract_if(.., |(waiting, _)| is_meant(*waiting))
            .collect();
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<(ReaderId, Waker)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_those(|_| true);
    }
}
