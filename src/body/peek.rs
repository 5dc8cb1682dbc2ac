use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::peeked::{Peeked, Tail};
use crate::classify::Scan;

/// What a frame counts at least: to hold it takes as much, however short it is.
const FRAME: usize = size_of::<Bytes>();

/// A body that is being looked at, and what looks at it.
///
/// Mostly all that matters is there at once. Only what is not is worth a
/// [`Peek`], which is large.
pub(crate) struct Look<B: Body, S> {
    peeked: Peeked<B>,
    scan: S,
    /// The scan is shown so many bytes more at most. No more are held, but
    /// for the rest of the last frame.
    left: usize,
}

pin_project! {
    /// Goes on with a [`Look`] until that is done, or until the body has kept
    /// it waiting, since the first wait, for `timeout`.
    pub(crate) struct Peek<B: Body, S> {
        // Taken when it ends.
        look: Option<Look<B, S>>,
        timeout: Option<Duration>,
        // Most bodies are there at once, and then no timer is made.
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl<B: Body, S> Peek<B, S> {
    pub(crate) fn new(look: Look<B, S>, timeout: Option<Duration>) -> Self {
        Self {
            look: Some(look),
            timeout,
            sleep: None,
        }
    }
}

impl<B, S> Future for Peek<B, S>
where
    B: Body<Data = Bytes> + Unpin,
    S: Scan,
{
    type Output = (Peeked<B>, S);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let look = this.look.as_mut().expect("polled after it ended");
        if look.poll(cx).is_pending() {
            let Some(timeout) = *this.timeout else {
                return Poll::Pending;
            };
            if this.sleep.is_none() {
                this.sleep.set(Some(tokio::time::sleep(timeout)));
            }
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut()
                && sleep.poll(cx).is_pending()
            {
                return Poll::Pending;
            }
            look.scan.late();
        }
        this.sleep.set(None);
        let look = this.look.take().expect("was there above");
        Poll::Ready(look.into_parts())
    }
}

impl<B, S> Look<B, S>
where
    B: Body<Data = Bytes> + Unpin,
    S: Scan,
{
    /// Looks at `limit` bytes more of the body at most. A frame shorter than
    /// its own handle counts as long as that, so that a sender of single bytes,
    /// or of nothing at all, does not have the memory of many times the limit.
    #[inline]
    pub(crate) fn new(peeked: Peeked<B>, scan: S, limit: usize) -> Self {
        Self {
            peeked,
            scan,
            left: limit,
        }
    }

    /// A body that yields all its frames again, and what looked at it.
    #[inline]
    pub(crate) fn into_parts(self) -> (Peeked<B>, S) {
        (self.peeked, self.scan)
    }

    /// Goes on until the scan has seen enough, or all that it may see.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Self::look(&mut self.peeked, &mut self.scan, &mut self.left, cx)
    }

    /// Reads frames into the scan until that has seen enough, until `left`
    /// bytes were seen, or until the body ends, fails or comes to its trailers.
    #[inline]
    pub(crate) fn look(
        peeked: &mut Peeked<B>,
        scan: &mut S,
        left: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            if peeked.inner.is_end_stream() {
                scan.end();
                return Poll::Ready(());
            }
            if *left == 0 {
                return Poll::Ready(());
            }
            let hint = peeked.inner.size_hint();
            let Poll::Ready(frame) = Pin::new(&mut peeked.inner).poll_frame(cx) else {
                return Poll::Pending;
            };
            let other = match frame {
                None => {
                    peeked.tail = Tail::Over;
                    scan.end();
                    return Poll::Ready(());
                }
                Some(Err(error)) => {
                    scan.fail();
                    Err(error)
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let shown = data.len().min(*left);
                        let cut = shown < data.len();
                        *left = left.saturating_sub(shown.max(FRAME));
                        let flow = scan.push(&data[..shown]);
                        peeked.hold(data);
                        if cut || flow.is_break() {
                            return Poll::Ready(());
                        }
                        continue;
                    }
                    Err(frame) => {
                        scan.end();
                        Ok(frame)
                    }
                },
            };
            peeked.tail = Tail::Other(Box::new((other, hint)));
            return Poll::Ready(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, convert::Infallible, ops::ControlFlow};

    use http::HeaderMap;
    use http_body::{Frame, SizeHint};
    use http_body_util::{BodyExt, Full};
    use tokio::time::Instant;

    use super::*;

    /// Sees everything, until a byte is `!`.
    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        bytes: Vec<u8>,
        ended: bool,
        failed: bool,
    }

    impl Scan for Seen {
        fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
            self.bytes.extend_from_slice(piece);
            match piece.contains(&b'!') {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }

        fn end(&mut self) {
            self.ended = true;
        }

        fn fail(&mut self) {
            self.failed = true;
        }
    }

    enum Step {
        Data(&'static [u8]),
        Trailers,
        Fail,
        Stall,
    }

    struct Script(VecDeque<Step>);

    impl Body for Script {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            match self.0.pop_front() {
                None => Poll::Ready(None),
                Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data.into())))),
                Some(Step::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new())))),
                Some(Step::Fail) => Poll::Ready(Some(Err("reset"))),
                Some(Step::Stall) => {
                    self.0.push_front(Step::Stall);
                    Poll::Pending
                }
            }
        }

        fn size_hint(&self) -> SizeHint {
            match self.0.is_empty() {
                true => SizeHint::with_exact(0),
                false => SizeHint::default(),
            }
        }
    }

    fn script(steps: impl IntoIterator<Item = Step>) -> Script {
        Script(steps.into_iter().collect())
    }

    fn peek<B>(body: B, limit: usize) -> Peek<B, Seen>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        Peek::new(Look::new(Peeked::new(body), Seen::default(), limit), None)
    }

    #[tokio::test]
    async fn the_end_of_a_body_is_told_apart_from_a_cut_and_a_failure() {
        let (end, fail, cut) = ((true, false), (false, true), (false, false));
        let steps = |last| script([Step::Data(b"ab"), last]);
        // Two bytes in a frame count as a frame.
        let (many, few) = (9 * FRAME, FRAME + 1);
        for (body, limit, bytes, seen_to) in [
            (script([]), many, &b""[..], end),
            (steps(Step::Data(b"cd")), many, b"abcd", end),
            (steps(Step::Trailers), many, b"ab", end),
            (steps(Step::Fail), many, b"ab", fail),
            (script([Step::Data(b"a!"), Step::Fail]), many, b"a!", cut),
            (steps(Step::Data(b"cd")), few, b"abc", cut),
        ] {
            let (_, seen) = peek(body, limit).await;
            assert_eq!(
                (&seen.bytes[..], (seen.ended, seen.failed)),
                (bytes, seen_to)
            );
        }
        let body = Full::new(Bytes::from_static(b"abc"));
        let (_, seen) = peek(body, 3).await;
        assert!(seen.ended, "a body of just the limit was seen whole");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_body_is_awaited_for_the_timeout_and_goes_on_after_it() {
        let start = Instant::now();
        let timeout = Duration::from_secs(3);
        let body = script([Step::Data(b"ab"), Step::Stall]);
        let look = Look::new(Peeked::new(body), Seen::default(), 99);
        let (mut body, seen) = Peek::new(look, Some(timeout)).await;
        assert_eq!(start.elapsed(), timeout);
        assert_eq!((&seen.bytes[..], seen.ended), (&b"ab"[..], false));
        body.inner.0 = [Step::Data(b"cd")].into();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abcd");
    }

    #[tokio::test]
    async fn a_failure_that_was_met_does_not_make_the_size_exact() {
        let body = script([Step::Data(b"ab"), Step::Fail]);
        let (mut body, _) = peek(body, 99).await;
        // The body itself is over now, and says so; its reader must not stop
        // at two bytes and miss the failure.
        assert_eq!(body.inner.size_hint().exact(), Some(0));
        assert_eq!(body.size_hint().exact(), None);
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "ab"
        );
        assert!(!body.is_end_stream());
        assert_eq!(body.frame().await.unwrap().unwrap_err(), "reset");
    }

    #[tokio::test]
    async fn short_frames_are_held_no_longer_than_their_handles_allow() {
        for data in [&b""[..], b"x"] {
            let body = script((0..100).map(|_| Step::Data(data)));
            let (body, seen) = peek(body, 10 * FRAME).await;
            assert!(!seen.ended);
            assert_eq!(body.inner.0.len(), 90);
        }
    }

    #[tokio::test]
    async fn a_clone_yields_the_same_again() {
        let body: Full<Bytes> = Full::new(Bytes::from_static(b"abc"));
        let (body, _) = peek(body, 1).await;
        let again = body.clone();
        let first: Result<_, Infallible> = body.collect().await;
        assert_eq!(first.unwrap().to_bytes(), "abc");
        assert_eq!(again.collect().await.unwrap().to_bytes(), "abc");
    }
}
