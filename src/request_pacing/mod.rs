//! Release requests as fast as their limits allow, and never faster.
//!
//! A limit that is overrun costs more than the request that was refused: the
//! server may shut out everybody for minutes. And a limit that is kept by a
//! wide margin costs time, every second. With this layer a request waits until
//! every window of every scope that it counts in has room for it, as the
//! server counts: a request arrives some time between its sending and its
//! answer, and only then does it take room. Windows of a minute and more are
//! not overrun, however late calls arrive, up to
//! [`lost_after`](RequestPacingBuilder::lost_after) where nobody saw the answer.
//! In shorter ones the arrival is estimated; what the server refuses teaches how
//! well, and so the margin is as small as the evidence allows.
//!
//! What was sent before this process began nobody knows here. After a restart in
//! the middle of a run, wait for a minute, or share the state
//! ([below](#sharing)).
//!
//! # Example
//! ```
//! use std::convert::Infallible;
//!
//! use http::{Request, Response};
//! use tokio::time::Instant;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tiktok::request_pacing::{Quota, RequestPacingLayer};
//!
//! async fn ok(_: Request<()>) -> Result<Response<()>, Infallible> {
//!     Ok(Response::new(()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let quota = Quota::requests_per_second(10).and_requests_per_minute(600);
//! let layer = RequestPacingLayer::builder(quota).build()?;
//! let client = ServiceBuilder::new().layer(layer).service_fn(ok);
//!
//! let start = Instant::now();
//! for _ in 0..25 {
//!     client.clone().oneshot(Request::new(())).await.map_err(|e| e.to_string())?;
//! }
//! // Ten at once, ten after a second, and five after another.
//! assert_eq!(start.elapsed().as_secs(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Scopes
//!
//! [`Quotas`] name the scopes that a request counts in, by its
//! [`RequestContext`](crate::extensions::RequestContext), which a layer outside
//! or the caller puts in its extensions. A request without one counts for the
//! application alone. [`Scopes`] of your own may name others. A request passes them all at once or none, and takes
//! nothing while it waits: a busy account or endpoint keeps nothing from the
//! others.
//!
//! A request counts once in each, or as often as
//! [it costs](crate::extensions::RequestContext::with_cost): it goes when there
//! is room for all of it, and those who come after it let it go first. One that
//! costs more than a quota ever admits fails with [`Inadmissible`].
//!
//! A calendar day begins at 00:00 UTC, give or take the minute by which clocks
//! may differ: what is sent within a minute of midnight counts in both days,
//! and a day that was full opens at 00:01. [The clock](RequestPacingBuilder::clock)
//! may be set, and the machine may sleep.
//!
//! # The queue
//!
//! First come, first served inside an account; by turns between accounts,
//! [weighted](RequestPacingBuilder::weight) if wanted; a higher
//! [priority](crate::extensions::Priority) first, but
//! [not for ever](RequestPacingBuilder::ageing), and for less where the request
//! has little [`Patience`](crate::extensions::Patience), as polls have. A retry
//! waits with the age of its [first attempt](crate::extensions::Attempt::first_sent),
//! and has the turn that brought nothing again: that costs its account no other.
//! When as many wait as may, one more fails with [`QueueFull`]. One that would miss
//! [its deadline](crate::extensions::Deadline::to_send) fails with
//! [`DeadlineExceeded`](crate::error::DeadlineExceeded): at once, if its scopes
//! are closed or full for longer, if too many of the same account and priority
//! wait before it, or when a refusal, a header or a hold closes a scope that it
//! waits for; else, such as after a quota was lowered, when the deadline comes.
//! Neither was sent.
//!
//! A request that is told to go and is not polled within 100 milliseconds
//! leaves its slot to the next, and has its turn when it is polled. One that
//! may go while the service inside is not ready does so too. Just before the
//! call, a [hold](RequestPacingHandle::hold_until) and a
//! [pause](RequestPacingHandle::pause) are asked once more.
//!
//! Where requests wait, one task keeps the time for all scopes of a layer, in
//! each runtime in which one of them is polled. It ends when nobody waits;
//! nothing is spawned as long as nobody does.
//!
//! # Panics
//!
//! A future that has to wait panics when it is polled outside a Tokio runtime
//! with time enabled, as a sleep does; and any that is polled after it was
//! ready.
//!
//! # Errors
//!
//! Those of the service inside, and, of a request that was not sent:
//! [`QueueFull`], [`DeadlineExceeded`](crate::error::DeadlineExceeded),
//! [`Inadmissible`], and [`Draining`] after
//! [`drain`](RequestPacingHandle::drain).
//!
//! # Refusals
//!
//! A refusal closes the scope that it names for as long as it, or
//! [`RetryAfter`](crate::extensions::RetryAfter), says; one that names none
//! closes the widest. Whether an endpoint or the whole application is meant,
//! words do not tell for certain: of a window of seconds it is the fuller of the
//! two. Then the scope opens with one request first, then two,
//! then four. Refusals of requests that were under way together are one. A
//! first refusal by a window of seconds closes nothing: its slots keep the
//! others back. Where the scope is closed or full, the answer bears a
//! [`PacedHold`](crate::extensions::PacedHold): it may be sent again at once,
//! and waits here. A scope remembers for an hour how often it refused in a row.
//!
//! A scope that closes is a warning in the log, once for each time and not for
//! each that waits.
//!
//! # Headers
//!
//! Where answers tell of limits
//! ([`RateLimitStatus`](crate::extensions::RateLimitStatus)), no more goes than
//! they say is left, until they say that it resets; and a limit that is lower
//! than configured is kept instead. They name no scope, so the widest is taken.
//! Nothing ever goes faster for a header.
//!
//! # Learned limits
//!
//! The true limit may be lower than the quota, because others share it or
//! somebody erred; or nobody may know it ([`Quota::unknown`], and a scope
//! without a quota once it refused). A refusal of a short window that no delay on the way
//! explains cuts its limit, once for one event, to the one that the answers
//! around it contradict least, or to the one that
//! [the refusal names](crate::classify::Throttle::limit). One more request is
//! tried now and then, some one in a hundred; where that goes well, more and
//! more are, up to the quota and never above it. A refusal that names a window
//! of a minute, or names none while the shorter windows were less than a quarter full,
//! cuts the window of a minute to what it held, unless that was less than half of the
//! quota; it is tried again only after many minutes. (Others that are not known yet,
//! and fill the shorter ones, are taken for that, too.) Where nothing is known, four
//! requests go at first, and twice as many as long as none is refused.
//!
//! [`RequestPacingHandle::learned`] tells what was learned, and
//! [`RequestPacingBuilder::learned`] starts with it. That others use the limit,
//! too, is not part of that: it is learned again.
//!
//! ## Others that do not share the state
//!
//! Where a refusal names a limit that requests from here alone do not reach,
//! there are others. It costs some three refusals in a hundred to live with them;
//! [share the state](#sharing) where you can.
//!
//! Processes that share the state keep to the limit together, so a refusal tells them of
//! one that does not: a script, or one of theirs that has lost the store. They leave it
//! what it has, tell each other, and ask for more after ten windows, where that is
//! refused after up to forty. So where a stranger sends a fifth of 50 a second, 1.1 % are
//! refused (`a_fleet_leaves_a_stranger_what_it_has` in `tests/shared_layers`). Of those
//! that share nothing:
//!
//! - **The second.** Each process keeps what it had in the full window, asks for
//!   one more every twenty seconds or so, and gives one up when it is refused, so
//!   that the parts become alike.
//! - **The minute.** That it is too much for all together only its own refusal
//!   tells. From then on each has no more of it than its part of the second, less
//!   a sixteenth, for as long as there are others.
//! - **A suspension.** A call of one that has yet to hear of it may prolong it, so
//!   each stays away for a twelfth longer than it is told: 25 seconds for five
//!   minutes, and not past 325 seconds. Other software that comes back sooner may
//!   prolong it for ever: the waits grow then, as the refusals say.
//!
//! # At run time
//!
//! [`RequestPacingLayer::handle`] shows how things stand
//! ([`snapshot`](RequestPacingHandle::snapshot): queue, holds, learned limits, how
//! full each window is), and steers: [quotas](RequestPacingHandle::set_quota),
//! [weights](RequestPacingHandle::set_weight),
//! [holds](RequestPacingHandle::hold_until),
//! [pauses](RequestPacingHandle::pause) and, before the end,
//! [`drain`](RequestPacingHandle::drain).
//!
//! # Sharing
//!
//! With the feature `shared-state`, several processes may share the limits of
//! each scope (`RequestPacingBuilder::shared`): all together send no more than
//! one may. What a process holds of a limit is the limit of its own windows;
//! estimates, turns, holds and deadlines are as they are within a smaller one.
//! What a refusal closes, and what is learned of a limit, all hear at once: from
//! then on all have their parts of what was learned, and try for more together,
//! as seldom as one alone.
//!
//! - **Cost.** A process at work makes one round trip every two to three seconds,
//!   for all its scopes. A request waits for one only where its process has
//!   nothing left, and never longer than the store's deadline.
//! - **A newcomer.** Who begins while others use all that there is gets its part
//!   as it comes free: the first slot of a second some 300 milliseconds later, for
//!   others hear of it, give up a slot, and that must leave the window. Of a minute
//!   that is full, each slot must leave the minute.
//! - **Failure.** While the store is away, each has the limit over the number of
//!   processes, with care for windows of a minute and more; with
//!   `FailureMode::Closed`, nothing once the lease is over.
//! - **What nobody knows is not shared.** A scope of [`Quota::unknown`], or with no
//!   quota, has no limit that could be parted: each process learns by itself, from
//!   the same refusals, how much is left to it, and each hears of a hold only by
//!   a refusal of its own. Name the limit where you can, if only an estimate: it may
//!   be too high, for what is then learned is shared.
//! - **The end.** Before a process ends, `SharedState::leave` gives back what it
//!   holds; without it the others have it a lease and a window later.
//!
//! See `tower_tiktok::shared_state` for the rest, and for which fleets fit.
//!
//! # Stalled calls
//!
//! A call that is never answered holds its place in the windows of a minute
//! and more. In a shorter window it would cost its slot for ever; so once it
//! takes far longer than most, it counts as arrived as if it had taken as long
//! as a slow one. Should it arrive later after all, that window has one too
//! many.
//!
//! A call that is given up, by a timeout or because nobody wants its answer any
//! more, or whose connection broke, may still be on its way, and arrive
//! [some minutes](RequestPacingBuilder::lost_after) after it was sent. Until then
//! it keeps its place in windows of a minute and more; in shorter ones it counts
//! as one that stalls. So a timeout inside that is shorter than slow answers
//! take costs places. A call whose error proves that it never left keeps none:
//! one with [`NotSent`](crate::error::NotSent) in its chain and, with the feature
//! `jittered-backoff`, one that its `TransportErrors` take for not sent.
//!
//! # Order
//!
//! Inside the retry, so that every attempt is paced, and inside whatever
//! bounds an account, so that what is released is sent at once. Outside the
//! classifier and the header layer, which tell what an answer means. The
//! service inside is readied only when the request may go. Should it not be
//! ready within a tenth of a second, the slot goes to the next; should it be ready
//! later, while this request waits for a slot again, its readiness is given up, so
//! that others may have it. There is no back-pressure, for which
//! [the queue is bounded](RequestPacingBuilder::max_queued).
//!
//! # Cancel safety
//!
//! A request that may go takes its slots when the service is called, and the
//! service inside may be called at once, too: call within a runtime. Any other
//! joins the queue when its future is first polled. The future may be dropped
//! at any time. One that waits leaves the queue at once, and so does one that
//! fails, even if it is kept; one that was released but not sent hands its slots
//! on. One that was sent, if only by the call, keeps them, for the server may have
//! counted it.
//!
//! A future that waits and is not polled delays none but itself. One that may
//! go, and is kept but neither polled nor dropped, keeps its slots; those of windows
//! shorter than a minute no longer than a call that stalls. It counts from its call
//! on, or anew if it is first polled more than 10 milliseconds later, whether or not
//! the service inside has sent it by then. But it is not
//! asked again about its deadline, a hold or a pause, and many that are kept and
//! then polled together go together: call and poll at once, as tower's `oneshot`
//! does.
//!
//! # Clone
//!
//! Clones of the layer, of its services and of the handle share one state.

mod active;
mod alarms;
mod band;
mod builder;
mod by_hand;
mod charge;
mod clock;
mod core;
mod cost;
mod drain;
mod error;
mod flights;
mod future;
mod gate;
mod gates;
mod handle;
mod hold;
mod keep;
mod layer;
mod learned;
mod line;
mod log;
#[cfg(test)]
mod model;
mod names;
mod outcome;
mod pacer;
mod passage;
mod pump;
mod queue;
mod quota;
mod quotas;
mod scopes;
mod service;
mod settle;
mod share;
#[cfg(feature = "shared-state")]
mod shared;
mod slots;
mod snapshot;
mod tick;
mod ticket;
mod tighten;
mod timekeeper;
mod trips;
mod waiter;
mod window;

pub use self::{
    builder::RequestPacingBuilder,
    drain::Drained,
    error::{Draining, Inadmissible, QueueFull},
    future::ResponseFuture,
    handle::RequestPacingHandle,
    layer::RequestPacingLayer,
    learned::{InvalidLearned, LearnedLimit},
    quota::{InvalidQuota, Quota, Span, Window},
    quotas::Quotas,
    scopes::{Scope, Scopes, Touched},
    service::RequestPacing,
    snapshot::{ScopeUse, Snapshot, WindowUse},
};
