use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::{
    JobBegan, PollFailed, PolledJob, Progress, Step,
    schedule::{Schedule, later},
};
use crate::{
    classify::{Classification, ErrorClass},
    coalesce::{Gather, Gathered},
    error::BoxError,
};

/// An answer that is longer tells nothing of a job.
const MAX_ANSWER: usize = 1024 * 1024;

/// Follows a job to its end. See [`poll_until`].
pub struct PollUntil<S, J, R>
where
    J: PolledJob,
    S: Service<Request<J::Body>>,
{
    service: S,
    job: J,
    began: Instant,
    max_age: Duration,
    schedule: Option<Schedule>,
    polls: u32,
    stage: Stage<S::Future, R>,
}

/// Boxed, so that it stays where it is whoever asks for progress.
enum Stage<F, R> {
    Early,
    Waiting(Pin<Box<Sleep>>),
    Readying,
    Called(Pin<Box<Gather<F, R>>>),
    Over,
}

/// Asks after a job until it is over, with waits that grow as its
/// [`Spacing`](super::Spacing) has it.
///
/// What the server has no answer to for the moment, because it is busy or the
/// job is not ready, is no news, and is asked again. Anything else ends it, as
/// does a job whose answer is a success that says that it failed.
///
/// It needs no layer: but beneath a [`PollPacingLayer`](super::PollPacingLayer)
/// that knows the same job its polls are spaced with those of all others.
///
/// # Example
/// ```
/// use std::{convert::Infallible, time::Duration};
///
/// use bytes::Bytes;
/// use http::{Request, Response, response::Parts};
/// use http_body_util::Full;
/// use tower_tiktok::{
///     error::BoxError,
///     poll_pacing::{PolledJob, Progress, Spacing, Step, poll_until},
/// };
///
/// /// A kettle.
/// struct Kettle;
///
/// impl PolledJob for Kettle {
///     type Body = Full<Bytes>;
///     type State = u8;
///     type Output = &'static str;
///
///     fn spacing(&self) -> Spacing {
///         Spacing::between(Duration::from_secs(5), Duration::from_secs(60)).unwrap()
///     }
///
///     fn request(&self) -> Request<Full<Bytes>> {
///         Request::get("/kettle/").body(Full::default()).unwrap()
///     }
///
///     fn read(&mut self, _: &Parts, body: &Bytes) -> Result<Step<u8, &'static str>, BoxError> {
///         Ok(match body[0] {
///             100 => Step::Done("tea"),
///             degrees => Step::Running(degrees),
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let mut degrees = 40;
/// let server = tower::service_fn(move |_: Request<Full<Bytes>>| {
///     degrees += 20;
///     let answer = Response::new(Full::from(vec![degrees]));
///     std::future::ready(Ok::<_, Infallible>(answer))
/// });
/// let mut tea = poll_until(server, Kettle);
/// assert_eq!(tea.next().await.transpose()?, Some(Progress::Running(60)));
/// assert_eq!(tea.next().await.transpose()?, Some(Progress::Running(80)));
/// assert_eq!(tea.finish().await?, "tea");
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// [`next`](PollUntil::next) may be dropped at any time, and loses nothing: a
/// poll under way goes on when it is called again. The job itself is the
/// server's, and runs whether or not anybody asks.
pub fn poll_until<S, J, R>(service: S, job: J) -> PollUntil<S, J, R>
where
    J: PolledJob,
    S: Service<Request<J::Body>, Response = Response<R>>,
{
    PollUntil {
        service,
        job,
        began: Instant::now(),
        max_age: Duration::from_secs(60 * 60),
        schedule: None,
        polls: 0,
        stage: Stage::Early,
    }
}

impl<S, J, R> PollUntil<S, J, R>
where
    J: PolledJob,
    S: Service<Request<J::Body>>,
{
    /// When the job began. The default is now. Once it was asked after, this
    /// changes nothing.
    #[must_use]
    pub fn began(mut self, at: Instant) -> Self {
        self.began = at;
        self
    }

    /// How old the job may grow before it is given up with
    /// [`PollFailed::Overdue`]. The default is an hour.
    #[must_use]
    pub fn within(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// How often it was asked after.
    #[must_use]
    pub fn polls(&self) -> u32 {
        self.polls
    }
}

/// What is told of a job: how far it has come, or that it came to nothing.
type Told<J> = Result<ProgressOf<J>, PollFailed>;

type ProgressOf<J> = Progress<<J as PolledJob>::State, <J as PolledJob>::Output>;

impl<S, J, R> PollUntil<S, J, R>
where
    J: PolledJob,
    S: Service<Request<J::Body>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
{
    /// The next that is told of the job; `None` once it is over. An error is
    /// that it failed, could not be asked after, or took too long; nothing
    /// follows it.
    pub async fn next(&mut self) -> Option<Told<J>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What the job comes to, without the progress on the way.
    ///
    /// # Errors
    /// If it failed, could not be asked after, or took too long.
    pub async fn finish(mut self) -> Result<J::Output, PollFailed> {
        loop {
            match self.next().await {
                Some(Ok(Progress::Running(_))) => {}
                Some(Ok(Progress::Done(output))) => return Ok(output),
                Some(Err(error)) => return Err(error),
                None => return Err(PollFailed::Over),
            }
        }
    }

    /// As [`next`](Self::next), to make a stream of it: with
    /// `futures_util::stream::poll_fn(move |cx| polls.poll_next(cx))`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Told<J>>> {
        loop {
            self.stage = match &mut self.stage {
                Stage::Early => match self.claim(Instant::now()) {
                    Ok(None) => Stage::Readying,
                    Ok(Some(due)) => Stage::Waiting(Box::pin(sleep_until(due))),
                    Err(error) => return self.end(Err(error)),
                },
                Stage::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    Stage::Early
                }
                Stage::Readying => {
                    if let Err(error) = ready!(self.service.poll_ready(cx)) {
                        return self.end(Err(PollFailed::Unsent(error.into())));
                    }
                    Stage::Called(Box::pin(self.call()))
                }
                Stage::Called(call) => {
                    let gathered = ready!(call.as_mut().poll(cx));
                    self.stage = Stage::Early;
                    match self.read(gathered) {
                        Ok(None) => continue,
                        Ok(Some(Progress::Running(state))) => {
                            return Poll::Ready(Some(Ok(Progress::Running(state))));
                        }
                        end => return self.end(end.map(|done| done.expect("it is done"))),
                    }
                }
                Stage::Over => return Poll::Ready(None),
            };
        }
    }

    fn end(&mut self, told: Told<J>) -> Poll<Option<Told<J>>> {
        self.stage = Stage::Over;
        Poll::Ready(Some(told))
    }

    /// Takes the turn, or tells when it will be.
    fn claim(&mut self, now: Instant) -> Result<Option<Instant>, PollFailed> {
        let (spacing, began) = (self.job.spacing(), JobBegan::at_instant(self.began));
        let schedule = self
            .schedule
            .get_or_insert_with(|| Schedule::new(now, Some(began), &spacing, rand::random));
        let Err(due) = schedule.claim(now, false, &spacing, rand::random) else {
            return Ok(None);
        };
        if due > later(self.began, self.max_age) {
            let age = now.saturating_duration_since(self.began);
            return Err(PollFailed::Overdue { age });
        }
        Ok(Some(due))
    }

    fn call(&mut self) -> Gather<S::Future, R> {
        self.polls = self.polls.saturating_add(1);
        let mut request = self.job.request();
        let began = JobBegan::at_instant(self.began).on_time();
        request.extensions_mut().insert(began);
        Gather::new(self.service.call(request), MAX_ANSWER)
    }

    /// What an answer tells, if it tells anything.
    fn read(&mut self, gathered: Gathered<R>) -> Result<Option<ProgressOf<J>>, PollFailed> {
        use ErrorClass::{Maintenance, NotReady, PartialSuccess, RateLimited, Success, Transient};

        let (head, frames) = match gathered {
            Gathered::Whole(head, frames) => (head, frames),
            Gathered::Long(_) => {
                return Err(PollFailed::Unreadable("the answer is too long".into()));
            }
            Gathered::Broken(_) => {
                return Err(PollFailed::Unreadable("the answer broke off".into()));
            }
            Gathered::Failed(error) => return Err(PollFailed::Unsent(error)),
        };
        let response = Response::from_parts(head, ());
        match ErrorClass::of(&response) {
            // A job that is done may be so in part.
            Success | PartialSuccess => {}
            NotReady | RateLimited | Transient | Maintenance => return Ok(None),
            class => {
                let (mut head, ()) = response.into_parts();
                let found: Option<Classification> = head.extensions.remove();
                let found = found.unwrap_or_else(|| Classification::new(class));
                return Err(PollFailed::Refused(Box::new(found)));
            }
        }
        let (head, ()) = response.into_parts();
        let step = self.job.read(&head, &frames.joined());
        match step.map_err(PollFailed::Unreadable)? {
            Step::Running(state) => Ok(Some(Progress::Running(state))),
            Step::Done(output) => Ok(Some(Progress::Done(output))),
            Step::Failed { state, message } => Err(PollFailed::Job { state, message }),
        }
    }
}

impl<S, J, R> fmt::Debug for PollUntil<S, J, R>
where
    J: PolledJob,
    S: Service<Request<J::Body>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollUntil")
            .field("polls", &self.polls)
            .field("is_over", &matches!(self.stage, Stage::Over))
            .finish_non_exhaustive()
    }
}
