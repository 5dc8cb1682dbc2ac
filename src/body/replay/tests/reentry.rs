//! What a body, a waker or bytes may do when they are polled, woken or dropped.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    time::Duration,
};

use super::*;

type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// A body that does as it is told.
struct Told(Box<dyn FnMut(&mut Context<'_>) -> Polled + Send>);

impl Body for Told {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        (self.0)(cx)
    }
}

fn told(by: impl FnMut(&mut Context<'_>) -> Polled + Send + 'static) -> ReplayBody<Told> {
    ReplayBody::new(Told(Box::new(by)), 1_024)
}

fn frame(data: impl Into<Bytes>) -> Polled {
    Poll::Ready(Some(Ok(Frame::data(data.into()))))
}

fn poll(body: &mut ReplayBody<Told>, waker: &Waker) -> Polled {
    Pin::new(body).poll_frame(&mut Context::from_waker(waker))
}

/// A copy that goes when it is woken, or else when it is dropped.
#[derive(Default)]
struct Held(Mutex<Option<ReplayBody<Told>>>);

impl Held {
    fn new(copy: ReplayBody<Told>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(copy))))
    }
}

impl Wake for Held {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().take());
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        b"held"
    }
}

/// Fails, rather than hanging with it.
fn it_ends(test: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    if ended.recv_timeout(Duration::from_secs(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("it hangs");
    }
    thread.join().unwrap();
}

#[test]
fn a_task_may_drop_its_copy_when_it_is_woken() {
    it_ends(|| {
        let mut polls = 0;
        let mut waits = told(move |_| {
            polls += 1;
            if polls == 1 {
                Poll::Pending
            } else {
                frame("a")
            }
        });
        let held = Held::new(waits.try_clone().unwrap());
        let mut reads = waits.try_clone().unwrap();
        assert!(poll(&mut waits, &Arc::clone(&held).into()).is_pending());
        assert!(poll(&mut reads, Waker::noop()).is_ready());
        assert!(held.0.lock().unwrap().is_none());
        assert!(poll(&mut waits, Waker::noop()).is_ready());
    });
}

#[test]
fn a_body_may_wake_while_it_is_polled() {
    it_ends(|| {
        let mut body = told(|cx| {
            cx.waker().wake_by_ref();
            frame("a")
        });
        let held = Held::new(body.try_clone().unwrap());
        assert!(poll(&mut body, &Arc::clone(&held).into()).is_ready());
        assert!(held.0.lock().unwrap().is_none());
    });
}

#[test]
fn a_waker_may_hold_a_copy() {
    it_ends(|| {
        let mut body = told(|_| Poll::Pending);
        for end in [drop::<ReplayBody<Told>>, |mut waits| {
            // Another waker takes its place.
            assert!(poll(&mut waits, Waker::noop()).is_pending());
        }] {
            let mut waits = body.try_clone().unwrap();
            let held = Held::new(body.try_clone().unwrap());
            assert!(poll(&mut waits, &held.into()).is_pending());
            end(waits);
        }
        assert!(poll(&mut body, Waker::noop()).is_pending());
    });
}

#[test]
fn bytes_may_hold_a_copy() {
    struct Owner(Arc<Held>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            (*self.0).as_ref()
        }
    }
    it_ends(|| {
        let held = Arc::new(Held::default());
        let mut yields = Some(Arc::clone(&held));
        let mut body = told(move |_| match yields.take() {
            Some(held) => frame(Bytes::from_owner(Owner(held))),
            None => Poll::Ready(None),
        });
        let unread = body.try_clone().unwrap();
        let mut copy = body.try_clone().unwrap();
        drop(poll(&mut copy, Waker::noop()));
        drop(poll(&mut body, Waker::noop()));
        *held.0.lock().unwrap() = Some(copy);
        let left = Arc::downgrade(&held);
        drop(held);
        assert!(left.upgrade().is_some());
        drop(unread);
        assert!(left.upgrade().is_none());
        assert!(matches!(poll(&mut body, Waker::noop()), Poll::Ready(None)));
    });
}

#[test]
fn a_body_that_ends_or_fails_may_hold_a_copy() {
    for fails in [false, true] {
        it_ends(move || {
            let held = Arc::new(Held::default());
            let holds = Arc::clone(&held);
            let mut body = told(move |_| {
                let _ = &holds;
                Poll::Ready(fails.then(|| Err("it failed".into())))
            });
            *held.0.lock().unwrap() = body.try_clone();
            let left = Arc::downgrade(&held);
            drop(held);
            let polled = poll(&mut body, Waker::noop());
            assert_eq!(matches!(polled, Poll::Ready(Some(Err(_)))), fails);
            assert!(left.upgrade().is_none());
        });
    }
}

#[test]
fn a_copy_polled_while_another_polls_is_woken_though_that_is_gone() {
    it_ends(|| {
        let late: Arc<Mutex<Option<ReplayBody<Told>>>> = Arc::default();
        let wakes = Arc::new(Wakes::default());
        let comes = (Arc::clone(&late), Waker::from(Arc::clone(&wakes)));
        let mut polls = 0;
        let mut first = told(move |cx| {
            polls += 1;
            if polls > 1 {
                return frame("a");
            }
            // The only wake there is, and the other is not there yet.
            cx.waker().wake_by_ref();
            let mut late = comes.0.lock().unwrap();
            assert!(poll(late.as_mut().unwrap(), &comes.1).is_pending());
            Poll::Pending
        });
        *late.lock().unwrap() = first.try_clone();
        assert!(poll(&mut first, Waker::noop()).is_pending());
        drop(first);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        let mut late = late.lock().unwrap().take().unwrap();
        assert!(poll(&mut late, Waker::noop()).is_ready());
    });
}

#[test]
fn a_body_that_panics_fails_its_copies() {
    it_ends(|| {
        let late: Arc<Mutex<Option<ReplayBody<Told>>>> = Arc::default();
        let wakes = Arc::new(Wakes::default());
        let comes = (Arc::clone(&late), Waker::from(Arc::clone(&wakes)));
        let mut first = told(move |_| {
            let mut late = comes.0.lock().unwrap().take().unwrap();
            assert!(poll(&mut late, &comes.1).is_pending());
            *comes.0.lock().unwrap() = Some(late);
            panic!("as it was told");
        });
        *late.lock().unwrap() = first.try_clone();
        let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut first, Waker::noop())));
        assert!(polled.is_err());
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(first.try_clone().is_none());
        let late = late.lock().unwrap().take();
        for mut copy in [late.unwrap(), first] {
            let Poll::Ready(Some(Err(error))) = poll(&mut copy, Waker::noop()) else {
                panic!("it has not failed");
            };
            assert!(error.is::<crate::body::BodyLost>());
        }
    });
}

/// Yields the numbers below `.1`; in between it waits, and is woken by another
/// task, or at once.
struct Numbers(u32, u32);

impl Body for Numbers {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        self.0 += 1;
        let waker = cx.waker().clone();
        match self.0 % 4 {
            0 => drop(tokio::spawn(async move { waker.wake() })),
            1 => waker.wake(),
            _ => {}
        }
        // Let another come while this is polled.
        std::thread::yield_now();
        match self.0 % 4 {
            0 | 1 => Poll::Pending,
            _ if self.1 == 0 => Poll::Ready(None),
            _ => {
                self.1 -= 1;
                frame(self.1.to_be_bytes().to_vec())
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_poll_at_once_all_read_everything() {
    const FRAMES: u32 = 50;
    let all: Vec<u8> = (0..FRAMES).rev().flat_map(u32::to_be_bytes).collect();
    for round in 0..200 {
        let body = ReplayBody::new(Numbers(round, FRAMES), usize::MAX);
        let mut gone = body.try_clone().unwrap();
        let copies = [body.try_clone().unwrap(), body];
        let readers = copies.map(|copy| tokio::spawn(copy.collect()));
        // One of those that are woken may never be back.
        let gone = tokio::spawn(async move {
            for _ in 0..round % FRAMES {
                gone.frame().await.unwrap().unwrap();
            }
            let _ = tokio::time::timeout(Duration::ZERO, gone.frame()).await;
        });
        gone.await.unwrap();
        for reader in readers {
            let read = tokio::time::timeout(Duration::from_secs(60), reader).await;
            let read = read.expect("nobody waits for ever").unwrap().unwrap();
            assert_eq!(read.to_bytes(), all);
        }
    }
}
