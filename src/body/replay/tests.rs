mod reentry;

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use proptest::prelude::*;

use super::{Replay, ReplayBody};
use crate::error::BoxError;

/// One poll of a body.
#[derive(Clone, Debug)]
enum Turn {
    Data(Vec<u8>),
    /// Wakes whoever polled last, later.
    Pending,
    Trailers,
    Fails,
}

#[derive(Debug)]
struct Scripted {
    turns: VecDeque<Turn>,
    waker: Option<Waker>,
}

impl Scripted {
    fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self {
            turns: turns.into_iter().collect(),
            waker: None,
        }
    }
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(match self.turns.pop_front() {
            None => return Poll::Ready(None),
            Some(Turn::Data(data)) => Ok(Frame::data(data.into())),
            Some(Turn::Pending) => {
                cx.waker().wake_by_ref();
                self.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Some(Turn::Trailers) => Ok(Frame::trailers(trailers())),
            Some(Turn::Fails) => Err("it failed".into()),
        }))
    }
}

fn trailers() -> HeaderMap {
    [(http::header::ETAG, "x".parse().unwrap())]
        .into_iter()
        .collect()
}

#[derive(Debug, Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A copy, and what it has yielded.
struct Copy {
    body: ReplayBody<Scripted>,
    bytes: Vec<u8>,
    trailers: usize,
    over: bool,
    wakes: Arc<Wakes>,
}

impl Copy {
    fn new(body: ReplayBody<Scripted>, bytes: Vec<u8>, trailers: usize) -> Self {
        Self {
            body,
            bytes,
            trailers,
            over: false,
            wakes: Arc::default(),
        }
    }

    /// Whether something came.
    fn poll(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let before = self.body.size_hint();
        match Pin::new(&mut self.body).poll_frame(&mut Context::from_waker(&waker)) {
            Poll::Pending => return false,
            Poll::Ready(None) => self.over = true,
            Poll::Ready(Some(frame)) => match frame.unwrap().into_data() {
                Ok(data) => {
                    assert!(!self.over);
                    assert!(before.upper().is_none_or(|most| most >= data.len() as u64));
                    self.bytes.extend(data);
                }
                Err(_) => self.trailers += 1,
            },
        }
        true
    }

    fn try_clone(&self) -> Option<Self> {
        let body = self.body.try_clone()?;
        Some(Self::new(body, self.bytes.clone(), self.trailers))
    }
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..5).prop_map(Turn::Data),
        1 => Just(Turn::Pending),
    ]
}

proptest! {
    #[test]
    fn however_copies_are_polled_and_dropped_each_yields_everything_once(
        turns in proptest::collection::vec(any_turn(), 0..12),
        with_trailers: bool,
        acts in proptest::collection::vec((0..3u8, any::<prop::sample::Index>()), 0..60),
    ) {
        let all: Vec<u8> = turns
            .iter()
            .filter_map(|turn| match turn {
                Turn::Data(data) => Some(data.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let script = turns.into_iter().chain(with_trailers.then_some(Turn::Trailers));
        let body = ReplayBody::new(Scripted::new(script), usize::MAX);
        let mut copies = vec![Copy::new(body, Vec::new(), 0)];
        for (act, which) in acts {
            let at = which.index(copies.len());
            match act {
                0 => copies.push(copies[at].try_clone().unwrap()),
                1 if copies.len() > 1 => drop(copies.remove(at)),
                _ => {
                    copies[at].poll();
                }
            }
        }
        for copy in &mut copies {
            while !copy.over {
                copy.poll();
            }
            prop_assert_eq!(&copy.bytes, &all);
            prop_assert_eq!(copy.trailers, usize::from(with_trailers));
            prop_assert!(copy.body.is_end_stream());
        }
    }

    #[test]
    fn over_the_limit_a_copy_yields_everything_or_fails_but_never_less(
        turns in proptest::collection::vec(any_turn(), 0..12),
        limit in 0..12usize,
        acts in proptest::collection::vec((0..3u8, any::<prop::sample::Index>()), 0..60),
    ) {
        let all = Scripted::new(turns.clone());
        let all = pollster(all.collect()).unwrap().to_bytes();
        let body = ReplayBody::new(Scripted::new(turns), limit);
        let mut bodies = vec![(body, Vec::new())];
        for (act, which) in acts {
            let at = which.index(bodies.len());
            match act {
                0 => {
                    let (body, bytes) = &bodies[at];
                    let copy = body.try_clone().map(|body| (body, bytes.clone()));
                    bodies.extend(copy);
                }
                1 if bodies.len() > 1 => drop(bodies.remove(at)),
                _ => {
                    let (body, bytes) = &mut bodies[at];
                    let polled = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
                    match polled {
                        Poll::Ready(Some(Ok(frame))) => {
                            bytes.extend(frame.into_data().unwrap());
                        }
                        // It has failed, and says so once.
                        Poll::Ready(Some(Err(_))) if bodies.len() > 1 => drop(bodies.remove(at)),
                        Poll::Ready(Some(Err(_))) => return Ok(()),
                        _ => {}
                    }
                }
            }
        }
        for (body, mut bytes) in bodies {
            match pollster(body.collect()) {
                Ok(rest) => {
                    bytes.extend(rest.to_bytes());
                    prop_assert_eq!(&bytes[..], &all[..]);
                }
                Err(error) => prop_assert!(error.is::<super::BodyLost>()),
            }
        }
    }
}

/// Polls until it is ready. The scripted body never needs to be waited for.
fn pollster<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    loop {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(output) = polled {
            return output;
        }
    }
}

fn data(bytes: &str) -> Turn {
    Turn::Data(bytes.into())
}

#[test]
fn a_copy_taken_before_the_first_poll_repeats_nothing() {
    let body = ReplayBody::new(Scripted::new([data("abc")]), 100);
    let mut first = Copy::new(body, Vec::new(), 0);
    let mut second = first.try_clone().unwrap();
    drop(first);
    while !second.over {
        second.poll();
    }
    assert_eq!(second.bytes, b"abc");

    let body = ReplayBody::new(Scripted::new([data("abc")]), 100);
    first = Copy::new(body, Vec::new(), 0);
    let second = first.try_clone().unwrap();
    first.poll();
    assert_eq!(second.body.size_hint().lower(), 3);
}

#[test]
fn a_second_attempt_replays_what_the_first_read_and_goes_on() {
    let body = ReplayBody::new(Scripted::new([data("ab"), data("cd"), Turn::Trailers]), 100);
    let mut first = Copy::new(body, Vec::new(), 0);
    let mut second = first.try_clone().unwrap();
    first.poll();
    while !second.over {
        second.poll();
    }
    assert_eq!((&second.bytes[..], second.trailers), (&b"abcd"[..], 1));
    // The first is not disturbed by that.
    while !first.over {
        first.poll();
    }
    assert_eq!((&first.bytes[..], first.trailers), (&b"abcd"[..], 1));
}

#[test]
fn over_the_limit_the_running_attempt_goes_on_without_copies() {
    let body = ReplayBody::new(Scripted::new([data("abc"), data("def"), data("g")]), 4);
    let mut first = Copy::new(body, Vec::new(), 0);
    let kept = first.try_clone().unwrap();
    first.poll();
    assert!(kept.try_clone().is_some());
    first.poll();
    assert!(kept.try_clone().is_none());
    while !first.over {
        first.poll();
    }
    assert_eq!(first.bytes, b"abcdefg");
}

#[test]
fn a_body_that_is_known_to_be_too_long_is_not_copied() {
    let long = ReplayBody::new(Full::new(Bytes::from_static(b"12345")), 4);
    assert!(long.try_clone().is_none());
    let fits = ReplayBody::new(Full::new(Bytes::from_static(b"1234")), 4);
    assert!(fits.try_clone().is_some());
    assert_eq!(fits.size_hint().exact(), Some(4));
}

#[test]
fn an_empty_body_is_over_before_it_is_polled() {
    let empty = ReplayBody::new(http_body_util::Empty::<Bytes>::new(), 4);
    assert!(empty.is_end_stream());
    assert_eq!(empty.size_hint().exact(), Some(0));
}

#[test]
fn a_failed_body_has_no_more_copies_and_the_others_are_told() {
    let mut first = ReplayBody::new(Scripted::new([data("a"), Turn::Fails]), 100);
    let mut second = first.try_clone().unwrap();
    let poll = |body: &mut ReplayBody<Scripted>| {
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(frame) => frame.map(|frame| frame.map_err(|error| error.to_string())),
            Poll::Pending => panic!("it waits for nothing"),
        }
    };
    assert!(poll(&mut first).unwrap().is_ok());
    assert_eq!(poll(&mut first).unwrap().unwrap_err(), "it failed");
    assert!(poll(&mut first).is_none());
    assert!(first.try_clone().is_none());
    assert!(poll(&mut second).unwrap().is_ok());
    assert!(poll(&mut second).unwrap().unwrap_err().contains("again"));
    assert!(poll(&mut second).is_none());
}

#[test]
fn whoever_waits_is_woken_even_if_the_one_that_polled_last_is_gone() {
    let source = Arc::new(Mutex::new(None));
    let first = ReplayBody::new(Parked(Arc::clone(&source)), 9);
    let second = first.try_clone().unwrap();
    let poll = |mut body: Pin<&mut ReplayBody<Parked>>| {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let polled = body.as_mut().poll_frame(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        wakes
    };
    let mut first = Box::pin(first);
    let mut second = Box::pin(second);
    let woken = poll(first.as_mut());
    poll(second.as_mut());
    drop(second);
    let waker: Waker = source.lock().unwrap().take().unwrap();
    waker.wake();
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
}

/// Yields nothing, and leaves the waker of the last poll.
#[derive(Debug)]
struct Parked(Arc<Mutex<Option<Waker>>>);

impl Body for Parked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        *self.0.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[test]
fn the_body_goes_with_its_last_copy() {
    let source = Arc::new(Mutex::new(None));
    let body = ReplayBody::new(Parked(Arc::clone(&source)), 9);
    let copy = body.try_clone().unwrap();
    drop(body);
    assert_eq!(Arc::strong_count(&source), 2);
    drop(copy);
    assert_eq!(Arc::strong_count(&source), 1);
}
