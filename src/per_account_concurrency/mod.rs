//! Bound the requests in flight for each account.
//!
//! A server that works on one account's requests one after another, or locks
//! the account for a write, answers a crowd of them with conflicts and
//! timeouts. And one busy account that holds every connection starves all
//! others. With this layer each account has its own permits, reads and writes
//! apart, and a request that finds none free waits behind its own account
//! only, first come, first served. The limits can be changed while requests
//! are under way, see [`PerAccountConcurrencyHandle`].
//!
//! An account without requests costs nothing: it is not in the map. So the
//! memory follows the requests that are under way, whatever the number of
//! accounts ever seen.
//!
//! # Example
//! ```
//! use std::{convert::Infallible, time::Duration};
//!
//! use http::{Request, Response};
//! use tokio::time::{Instant, sleep};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     extensions::{Operation, RequestContext},
//!     per_account_concurrency::PerAccountConcurrencyLayer,
//! };
//!
//! async fn one_second(_: Request<String>) -> Result<Response<String>, Infallible> {
//!     sleep(Duration::from_secs(1)).await;
//!     Ok(Response::new(String::new()))
//! }
//!
//! fn write(account: &str) -> Request<String> {
//!     let context = RequestContext::new(Operation::Write).with_account(account);
//!     Request::post("/").extension(context).body(String::new()).unwrap()
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = PerAccountConcurrencyLayer::builder().max_writes(1).build()?;
//! let handle = layer.handle();
//! let client = ServiceBuilder::new().layer(layer).service_fn(one_second);
//!
//! let start = Instant::now();
//! let (a, b, c) = tokio::join!(
//!     client.clone().oneshot(write("7001")),
//!     // Waits for the first: the account has one permit.
//!     client.clone().oneshot(write("7001")),
//!     client.clone().oneshot(write("7002")),
//! );
//! # assert!(a.is_ok() && b.is_ok() && c.is_ok());
//! assert_eq!(start.elapsed().as_secs(), 2);
//! assert!(handle.snapshot().accounts().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Requests
//!
//! The account and the operation come from the
//! [`RequestContext`](crate::extensions::RequestContext) in the request's
//! extensions; without one, the account from
//! [a function](PerAccountConcurrencyBuilder::key) and the operation from the
//! method. A request without an account passes without any limit, unless
//! [all of them share one](PerAccountConcurrencyBuilder::share_without_account).
//!
//! A request that may not be sent after some instant, see
//! [`Deadline::to_send`](crate::extensions::Deadline::to_send), leaves the
//! queue at that instant with
//! [`DeadlineExceeded`](crate::error::DeadlineExceeded). One that finds the
//! queue full fails with [`QueueFull`]. Neither was sent.
//!
//! # Sharing
//!
//! With the feature `shared-state`, several processes may share the permits of
//! each account (`PerAccountConcurrencyBuilder::shared`): all together have no
//! more in flight than one may. What a process holds of an account is its limit
//! there, for a lease.
//!
//! - **Lease.** A process asks for what is in use and waits. What it no longer uses
//!   it keeps for 30 seconds, unless somebody else wants it: who comes back to an
//!   account then waits for no round trip. Nothing is kept of an account of which
//!   others hold all the rest, nor of more accounts than one exchange renews.
//! - **Notice.** When somebody waits, a notice of the store tells those who hold
//!   some, and they give back what is free. That goes on to the next who waits in
//!   the same exchange, and a notice tells it: nobody asks again and again. A notice
//!   that was lost comes with the next exchange: of who waits, after 1.25 seconds, or
//!   3 where its requests wait for pacing as well; of who holds, after two thirds of
//!   a lease or 10 seconds, so that the two together may take as long as a lease and
//!   more. Where no notice comes at all, because the store has none, says that its
//!   channel is cut, or twice had to tell what a notice should have, nothing is kept
//!   for longer than a second, and who waits asks four times a second.
//! - **Cost.** The first request for an account waits for one round trip, or for
//!   those of the one who gives back as well; one that finds a permit waits for
//!   none. Accounts are renewed together, every 3.3 seconds: up to 64 at once among
//!   four processes, and down to 16 among 16 or more (8 where nothing is paced), for each costs the store the
//!   more, the more processes use it.
//!   While requests wait for pacing that is shared by the same state, so that none
//!   could go yet, permits are asked for and given back together with all else, in
//!   four fifths of the time that one more would wait, and every three seconds at
//!   the latest. So they cost next to nothing beyond what pacing costs, see the
//!   figures of `tower_tiktok::shared_state`. An urgent request that would overtake
//!   the others waits for its permit as they do.
//! - **Contention.** Where all processes together want more than there is, half
//!   is for all alike and half by backlog. A permit changes hands some half a
//!   second after it is wanted, or when its holder exchanges anyway if that has
//!   requests that wait for pacing. Where there are more processes than permits
//!   they go round every two seconds: four processes use three quarters of one
//!   permit, and 90 % of two. None waits longer than the turns of the others, each
//!   of which may last as long as a call, and an exchange.
//! - **Failure.** While the store is away, a process has the limit over the number
//!   of processes; where that is less than one, one permit at times. Nobody waits
//!   for the store longer than its deadline, so what was in flight when it went
//!   comes on top until it ends. With `FailureMode::Closed`, nothing is sent once
//!   the lease is over. A killed process's permits, those that it
//!   kept included, come back with its lease. A call
//!   that lasts longer than the lease of a process that is cut off is not counted
//!   any more.
//! - **Limits.** The smallest of those that use an account counts. A limit of 0
//!   pauses one process only. With [`max_queued`] at 0, a request for an account of
//!   which nothing is held is refused, and asks for the next.
//!
//! The names of the accounts are part of the keys in the store.
//!
//! [`max_queued`]: PerAccountConcurrencyBuilder::max_queued
//!
//! # Order
//!
//! Inside the retry, so that nothing is held while a retry sleeps and every
//! attempt takes a permit. Outside whatever has one limit for all, such as
//! pacing or `tower`'s `ConcurrencyLimit`: the service inside is readied only
//! when the permit is there, so a busy account holds none of what is shared.
//! It never exerts back-pressure itself, for which
//! [the queue is bounded](PerAccountConcurrencyBuilder::max_queued). Outside
//! the classifier, so that the permit is held until the answer is judged.
//!
//! # Cancel safety
//!
//! A request takes its permit, or its place in the queue, when the service is
//! called. The future, and the body of the response, may be dropped at any
//! time. A future that is kept, but neither polled nor dropped, keeps what it
//! has: who awaits calls one after another awaits them in the order in which
//! they were made, and as few as the queue has room for. The service inside may be
//! called at once, too: call within a runtime. A request that waits leaves the
//! queue at once. A permit, even one that was granted a moment ago, goes to the
//! next in the queue, after the call that it was for has ended.
//!
//! # Panics
//!
//! A future that has to wait for a permit that processes share panics when it is
//! polled outside a Tokio runtime, and none has asked for any before.
//!
//! # Clone
//!
//! Clones of the layer, of its services and of the handle share all permits.

mod account_of;
mod body;
mod builder;
mod error;
mod future;
mod handle;
mod key;
mod layer;
mod limits;
#[cfg(test)]
mod model;
mod permits;
mod service;
mod shard;
#[cfg(feature = "shared-state")]
mod shared;
mod snapshot;
mod ticket;
mod waiters;

pub use self::{
    account_of::{AccountOf, FromContext},
    body::HeldBody,
    builder::{PerAccountConcurrencyBuilder, Release},
    error::{InvalidConcurrency, QueueFull},
    future::ResponseFuture,
    handle::PerAccountConcurrencyHandle,
    layer::PerAccountConcurrencyLayer,
    limits::Limits,
    service::PerAccountConcurrency,
    snapshot::{AccountUse, Snapshot},
};
