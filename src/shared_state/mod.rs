//! Share one limit among several processes.
//!
//! A limit that belongs to an application is the sum of all its processes, and
//! a process that counts only its own requests is refused for those of the
//! others. Here a window's slots are tokens that processes hold: what one
//! holds is the limit of its own windows, so all that a layer does within a
//! limit, it goes on doing within a smaller one. The sum of all tokens is never
//! more than the limit, and a request that finds a token waits for nobody.
//! Now and then a process exchanges with the [store](SharedStore): it says
//! what it uses and wants, gives back what is beyond its part, and gets what
//! others have given back. There is a store [in memory](MemoryStore), for
//! tests, and with the feature `redis` one in Redis.
//!
//! # Example
//!
//! A store parts ten requests a second between two processes:
//!
//! ```
//! use std::{sync::{Arc, Mutex, Weak}, time::Duration};
//!
//! use tokio::time::{Instant, sleep};
//! use tower_tiktok::shared_state::{
//!     MemoryStore, ScopeDemand, ScopeShare, SharedState, Sharer, Which, WindowDemand, WindowSpan,
//! };
//!
//! /// A layer in which a hundred requests wait.
//! #[derive(Debug, Default)]
//! struct Busy(Mutex<u32>);
//!
//! impl Sharer for Busy {
//!     fn demand(&self, _: Which<'_>, _: Instant, demands: &mut Vec<ScopeDemand>) {
//!         let second = WindowSpan::Any(Duration::from_secs(1));
//!         demands.push(ScopeDemand::new("app", 100).with_window(WindowDemand::new(second, 10)));
//!     }
//!
//!     fn apply(&self, shares: &[ScopeShare], _: Instant) {
//!         *self.0.lock().unwrap() = shares[0].limits[0].1;
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new();
//! let mut limits = Vec::new();
//! # let mut kept = Vec::new();
//! for _ in 0..2 {
//!     let state = SharedState::builder(store.clone()).build()?;
//!     let layer = Arc::new(Busy::default());
//!     let sharer: Arc<dyn Sharer> = layer.clone();
//!     let membership = state.join(Arc::downgrade(&sharer));
//!     membership.call();
//! #   kept.push(membership);
//!     limits.push(layer);
//! }
//! sleep(Duration::from_secs(10)).await;
//! let limits: Vec<u32> = limits.iter().map(|layer| *layer.0.lock().unwrap()).collect();
//! assert_eq!(limits, [5, 5]);
//! # Ok(())
//! # }
//! ```
//!
//! # Parts
//!
//! Nobody gets more than it has a use for. Where there is not enough, half is
//! for all alike and half by backlog; where there are fewer tokens than
//! processes, they go round. A window that is as full as it may be changes
//! hands only as its tokens come free, so a token that was used is given back
//! with the time until it is.
//!
//! A refusal that closes a scope, and a rate that was learned, reach every
//! process at once by a [notice](Notice), or with its next exchange.
//!
//! # When the store is away
//!
//! An exchange has a [deadline](SharedStateBuilder::deadline), and nobody waits
//! longer for it. A process whose exchange came to nothing says so once, as a
//! warning, and in its [snapshot](SharedState::snapshot); it tries again at
//! least each second, and comes back by itself. Until then, with
//! [`FailureMode::LocalShare`]:
//!
//! - in a window shorter than a minute it has the limit over the number of
//!   processes that were there last. One that had less waits, if it had any,
//!   until the others must have noticed too;
//! - in a longer one, which must not be overrun, it has what it held and its
//!   part of what nobody held. Only when all leases are over, and all that was
//!   sent by them has left the window, it has the limit over the number.
//!
//! A process that wakes while the store is away, and holds nothing, begins with
//! an eighth of its part of a long window: nobody has reserved any for it. That
//! is the one thing by which a long window may be overrun.
//!
//! A state that was lost (`FLUSHALL`, a restart) begins anew: for the length of
//! a lease, those who knew the old one have what they held, and others no more
//! than an equal part. A server that replicates late and fails over has lost
//! some of it, and is believed no more than its members.
//!
//! # Redis
//!
//! `RedisState` keeps a hash for each scope, a set of members, and the time
//! at which the state began, all under one hash tag: `{prefix:app}:scope:name`,
//! `:members`, `:born`; notices go out on `:notices`. All expire some ten
//! minutes after their last use. The server must be a primary, 5.0 or later,
//! and should not evict (`noeviction`). Each process has two connections; in a
//! Cluster, one to each node and one for notices. A user needs few rights:
//!
//! ```text
//! ACL SETUSER pacer on >secret ~{pacing:7011}:* &{pacing:7011}:notices
//!   +evalsha +eval +subscribe +ping +get +set +pexpire +zadd +zremrangebyscore
//!   +zcard +hmget +hgetall +hset +hdel +del +hlen +hexists +publish +time
//! ```
//!
//! The address holds its name and password, `redis://pacer:secret@host:6379/0`;
//! neither is ever shown. For TLS, `rediss://` and the feature `redis-tls`; the
//! certificate is checked against those of the operating system.
//!
//! # Settings
//!
//! | setting | default | smaller | larger |
//! |---|---|---|---|
//! | [`lease`](SharedStateBuilder::lease) | 5 s | what the dead held is back sooner; more exchanges | bears longer failures unchanged |
//! | [`deadline`](SharedStateBuilder::deadline) | 50 ms | nobody waits long; a slow network looks like a failure | the other way round |
//! | [`failure_mode`](SharedStateBuilder::failure_mode) | `LocalShare` | | |
//! | [`assume_instances`](SharedStateBuilder::assume_instances) | 1 | a start without a store may overrun | it is slower than it may be |
//!
//! # Order
//!
//! A layer joins once, when it is built. Its limits are 0 until the first
//! exchange, so it must [call](Membership::call) when somebody waits.
//!
//! # Cancel safety
//!
//! No request takes part in an exchange: one task for each state does, and
//! ends with the last handle and layer. Tokens that a process held when it
//! ended come back with its lease, its window, and two seconds.
//!
//! # Clone
//!
//! Clones of a [`SharedState`] are one member. Clones of a store are one store.

mod allocation;
mod error;
mod exchange;
mod member;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store;

pub use self::{
    allocation::Ledger,
    error::{StoreError, StoreErrorKind},
    exchange::{
        Exchange, Notice, Reply, ScopeAsk, ScopeReply, Tokens, WindowAsk, WindowReply, WindowSpan,
    },
    member::{
        FailureMode, InvalidSharedState, Membership, ScopeDemand, ScopeShare, SharedScope,
        SharedSnapshot, SharedState, SharedStateBuilder, SharedWindow, Sharer, StoreStatus, Which,
        WindowDemand,
    },
    memory::{Fault, MemoryStore},
    store::{ExchangeFuture, SharedStore},
};

#[cfg(feature = "redis")]
pub use self::redis::{InvalidRedis, RedisState, RedisStateBuilder};
