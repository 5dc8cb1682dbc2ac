//! Share one limit among several processes.
//!
//! A limit that belongs to an application counts the requests of all its
//! processes, and one that counts only its own is refused for those of the
//! others. Here a window's slots are tokens that processes hold: what one
//! holds is the limit of its own windows, so all that a layer does within a
//! limit, it goes on doing within a smaller one. The sum of all tokens is never
//! more than the limit, and a request that finds a token waits for nobody.
//! Now and then a process exchanges with the [store](SharedStore): it says
//! what it uses and wants, gives back what is beyond its part, and gets what
//! others have given back. There is a store [in memory](MemoryStore), for
//! tests, and with the feature `redis` one in Redis.
//!
//! Make one [`SharedState`] for each process, and give a clone to each layer that
//! shares by it (`.shared(state.clone())`): two states of one process count as two
//! processes, and so does each layer that is given the store itself. A state is for
//! one application; two that use one Redis name theirs (`RedisState`'s `app`).
//!
//! # Example
//!
//! What a layer does of it, here one of our own: a store parts ten requests a second
//! between two processes.
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
//! for all alike and half by backlog; where there are fewer than two tokens for each
//! process, what cannot be parted goes round; of a rate, first among those who would
//! have none. A window that is as full as it may be changes
//! hands only as its tokens come free, so a token that was used is given back
//! with the time until it is. Where everyone's part is computed, which is at each
//! exchange with up to 16 processes, what comes free goes to all that miss some, by
//! how many they miss. With more processes that is once a second at least, and in
//! between it goes to whoever asks first.
//!
//! Permits are tokens of a window without a length: one is free as soon as it is
//! released. It stays with its process for half a minute, until somebody else wants
//! it, or there are more of them than one exchange renews (16 to 64 scopes, by the
//! number of processes). That somebody waits is [told](Notice::Permits) to those who
//! hold some, and so is what they gave back to those who get it. Requests that wait
//! for a permit count as if they waited for the windows that they pass next, of each
//! scope no more than may go on together.
//!
//! A refusal that closes a scope, and a rate that was learned, reach every
//! process at once by a [notice](Notice), or with its next exchange. Of a window
//! that was learned to admit less, each has its part of that from then on, within
//! a quarter of a second; what was sent before stays in the window. All know the
//! same part, so those that come later start with it, and all try for more
//! together, as seldom as one alone. A store that has forgotten it is told again.
//!
//! # When the store is away
//!
//! An exchange has a [deadline](SharedStateBuilder::deadline), and nobody waits
//! longer for it: not for the end of another either, nor for a permit and then again
//! for its turn, for the store is asked about both at once where the layer of permits
//! is outside of that which paces. Who comes while one is under way is asked for
//! beside it. Should there be more of them than a store is asked about at once, twice
//! what one exchange is, then those that are not heard of by the deadline go on as if
//! the store were away, each with its part.
//!
//! Who waits for what others have waits for them, and not for the store, until that is
//! lost: then it has a part of its own. So whoever hears that its connection to Redis
//! has ended asks within a quarter of a second whether the store is there, each process
//! after another time, and knows a deadline later: some 0.3 seconds by default. That a
//! server hangs, its connection tells 0.5 to 1.5 seconds later. One that ends again and
//! again has it asked as seldom as a lease is renewed. A store that
//! [tells](Notice::Heard) of no end is found out by the next exchange: of one that waits
//! for a permit 1.25 seconds after the last, or 3 where its requests wait for their turn
//! too, and of one that waits for its turn when there would have been more.
//!
//! A process whose exchange came to nothing says so once, as a warning, and in its
//! [snapshot](SharedState::snapshot); it tries again at least each second, and comes
//! back by itself. Until then, with [`FailureMode::LocalShare`]:
//!
//! - in a window shorter than a minute it has the limit over the number of
//!   processes that were there last. One that had less waits, if it had any,
//!   until the others must have noticed too;
//! - in a longer one, which must not be overrun, it has what it held and its
//!   part of what nobody held. Only when all leases are over, and all that was
//!   sent by them has left the window, it has the limit over the number. For a
//!   limit of a day that would be tomorrow: once no minute knows of a lease any more,
//!   67 seconds after the store was lost by default, it has of one longer than a
//!   minute at least what its part lets through evenly in the time from then on.
//!
//! What a server says meanwhile to one process of how long to stay away, the others
//! hear with its first exchange. What it only concludes from refusals once its lease is
//! over, of how long to stay away or of how much is real of a limit, it tells nobody, and
//! forgets when the store is back: others may have been the reason. A limit that fell
//! meanwhile is learned anew then.
//!
//! Three things may overrun a long window. A process that wakes while the store is
//! away, and holds nothing, takes what its part is worth in a second, or one
//! request: nobody has reserved any for it. What comes evenly of a limit of a day,
//! others may have used already, so by its end up to as much again may have been sent.
//! And what nobody held may have been given to others since a process heard of it, up to
//! two thirds of a lease ago.
//! [`FailureMode::Closed`] does none of that: once its lease is over, requests wait
//! for the store, without a bound but their own deadlines.
//!
//! When only one process is cut off, the others cannot know that it goes on: its
//! part comes on top, once its lease is over. Then some are refused, of its requests
//! or theirs, and from two or three of these the others learn
//! [what is left](crate::request_pacing#others-that-do-not-share-the-state), and tell
//! each other. It learns the same, and tells nobody. Whenever one in twenty of its own
//! is refused, it leaves the limit of that scope to them for a lease, then for four
//! times as long, up to five minutes, until the store is back, each after another time,
//! should they have left together; unless less than three quarters of the limit were
//! known to be real, for then some are refused anyway. Of four, one of which is cut off
//! for three minutes, 0.5 % of all requests are refused in the mean at 50 a second, and
//! 1.5 % at 10, at most 2.6 %; in no five seconds more than one second admits
//! (`the_others_leave_one_that_is_cut_off_its_part` in `tests/shared_layers`). A limit
//! of a minute that is less than sixty times that of the second
//! refuses none of them before it is overrun: where that must not be, set
//! [`FailureMode::Closed`].
//!
//! A process that was stopped, and goes on, sends nothing by what it had: each
//! share says [until when](ScopeShare::valid_until) it holds.
//!
//! A state that was lost (`FLUSHALL`, a restart) begins anew: for the length of
//! a lease, those who knew the old one have what they held, and others no more
//! than an equal part among those that have spoken: at worst, each token is had
//! twice. All that were there count for as long, whether they have spoken or not,
//! should the store be lost meanwhile. A server that replicates late and fails over has
//! lost some of it, and is believed no more than its members. A state whose clock was
//! set back by more than a second begins anew too. A clock that is set ahead, by
//! more than a lease and a window, frees at once what others hold, until they
//! speak next.
//!
//! # Redis
//!
//! `RedisState` keeps a hash for each scope, a set of members, and the time
//! at which the state began, all under one hash tag: `{prefix:app}:scope:name`,
//! `:members`, `:born`; notices go out on `:notices`. All expire some ten
//! minutes and the length of their longest window after their last use. The server
//! must be a primary, Redis 5.0 or later or Valkey, and should not evict
//! (`noeviction`). All processes should be of one version of this crate. Each has
//! two connections; in a Cluster, one to each node and one for notices. A user needs
//! few rights (one command; in a Cluster also `+cluster|slots +asking`, for another
//! database than 0 also `+select`):
//!
//! ```text
//! ACL SETUSER pacer on >secret ~{pacing:7011}:* &{pacing:7011}:notices
//!   +evalsha +eval +subscribe +ping +get +set +pexpire +zadd +zremrangebyscore
//!   +zcard +hmget +hgetall +hset +hdel +del +hlen +hexists +publish +time
//! ```
//!
//! The address holds its name and password, `redis://pacer:secret@host:6379/0`;
//! neither is ever shown. For TLS, `rediss://` and the feature `redis-tls`; the
//! certificate is checked against those of the operating system, or against
//! your own (`root_certificate`). That feature turns on rustls with *ring*. Where
//! something else in the program turns on another provider, such as aws-lc-rs, rustls
//! cannot choose: install one as the default when the program starts
//! (`CryptoProvider::install_default`), or no connection is made. To make one, over
//! TLS above all, may take longer than the deadline; then the first exchange fails,
//! and the next finds it made.
//!
//! # Figures
//!
//! `cargo bench --workspace --bench fleet`: fleets that have more to
//! do than they may, under paused time, 5 ms from the store, two minutes each.
//! None was refused, and 99 % to all of the limit was used:
//!
//! | processes | limit | exchanges per request | fairness (Jain) |
//! |---|---|---|---|
//! | 4 | 10/s + 600/min | 0.120 | 0.962 |
//! | 4 | 50/s + 3,000/min | 0.024 | 0.998 |
//! | 10 | 50/s + 3,000/min | 0.064 | 1.000 |
//! | 100 | 75/s + 4,500/min | 0.740 | 1.000 |
//! | 100 | 150/s + 9,000/min | 0.485 | 1.000 |
//! | 100 | 200/s + 12,000/min | 0.150 | 1.000 |
//! | 100 | 1,000/s + 60,000/min | 0.030 | 1.000 |
//! | 1,000 | 1,000/s + 60,000/min | 0.334 | 1.000 |
//!
//! A process exchanges every two to three seconds, whatever it sends: where each
//! has only one request a second, that is more than one in five requests.
//!
//! The same command, four processes of 16 workers each with the whole stack, whose
//! accounts' permits are shared as well:
//!
//! | limit | accounts | writes of each | used | exchanges per request |
//! |---|---|---|---|---|
//! | 10/s + 600/min | 50 each | 2 | 99.6 % | 0.118 |
//! | 10/s + 600/min | the same 50 | 8 | 98.8 % | 0.121 |
//! | 10/s + 600/min | the same 50 | 2 | 98.2 % | 0.172 |
//! | 50/s + 3,000/min | 50 each | 2 | 98.6 % | 0.025 |
//! | 50/s + 3,000/min | the same 50 | 8 | 97.6 % | 0.026 |
//! | 50/s + 3,000/min | the same 50 | 2 | 98.7 % | 0.153 |
//!
//! The last of three runs; the others differ by up to 1.3 % and 0.02. Up to 0.42 %
//! were refused. Where all want more permits
//! of the same accounts than there are, each request needs one that another process
//! has just had. Both say so with what else they have to say, so it is not one
//! exchange for each, but one every two seconds or so for each process.
//!
//! The same with `-- --redis redis://127.0.0.1:6379`: Redis 7.0 as full as eight
//! connections make it, beside them on a machine with two cores that does nothing
//! else (a third of that while it is busy). The times are those of seven others in
//! the queue as well:
//!
//! | processes in a scope | exchanges/s | p50 | p99 | longest |
//! |---|---|---|---|---|
//! | 8 | 6,340 | 1.2 ms | 2.1 ms | 5 ms |
//! | 16 | 4,050 | 1.8 ms | 3.4 ms | 7 ms |
//! | 100 | 11,830 | 0.7 ms | 1.0 ms | 5 ms |
//! | 1,000 | 11,360 | 0.6 ms | 1.2 ms | 31 ms |
//! | 2,000 | 12,330 | 0.6 ms | 1.1 ms | 74 ms |
//!
//! Up to 16 processes, everyone's part is computed at each exchange; beyond, once
//! a second at least, and that is the longest time: it grows with the processes, to
//! 31 ms with a thousand, or 77 ms while the machine is busy. So with a thousand
//! processes of one app set a deadline of 150 ms; with a few hundred the default does.
//!
//! The permits of an account are a scope each, so an exchange may be about many of
//! them. What it costs the server, of Redis 7.0's own time, where all processes use
//! all of the accounts:
//!
//! | processes | accounts in an exchange | a core of the server's |
//! |---|---|---|
//! | 4 | 16 | 1.1 ms |
//! | 4 | 64 | 3.5 ms |
//! | 16 | 16 | 2.1 ms |
//! | 16 | 64 | 8.5 ms |
//! | 100 | 16 | 0.6 ms on average |
//!
//! So an exchange is about 64 accounts among four processes, 32 among eight, and 16
//! among sixteen or more; the others come with the next one. Where no request waits
//! for its turn, so that nothing spaces the exchanges out, it is about half as many
//! among more than eight: sixteen processes that all ask at once are answered within
//! 36 ms, where with 16 accounts each it took 85, and one exchange in three failed.
//! At an exchange every two seconds, a server carries some 8,000 processes of apps
//! with 8 to 16 each, where all they share is one scope, and 3,300 on a busy machine.
//!
//! # Fleets
//!
//! What to set, and what one Redis sees of one app whose processes all have more
//! to do than they may. A process that has nothing to do is not seen at all.
//!
//! | processes | set | connections | exchanges/s | a scope's memory |
//! |---|---|---|---|---|
//! | 10 | nothing | 20 | 3 | 4.6 kB |
//! | 100 | nothing | 200 | 30 | 21 kB |
//! | 1,000 | `deadline` 150 ms, `lease` 10 s; `maxclients` 4,000 | 2,000 | 334 | 180 kB |
//!
//! - Below a limit of two requests a second for each process, what cannot be parted
//!   goes from one to the next, every three seconds. 98 % to all of the limit is used
//!   (10, 40 and 100 processes at 1.5 a second for each, 40 and 100 at 0.75, 40 at 1.2, 1
//!   and 0.5), and a request costs 0.3 exchanges at one a second, 0.4 to 0.6 at 1.2 and
//!   1.5, 0.7 to 0.8 at 0.75, and 2 at 0.5
//!   (`cargo test --features shared-state --test shared_state go_round -- --nocapture`,
//!   and the bench `fleet`). Below that it is more exchanges, and less of the limit.
//! - With a thousand processes the longest call takes 31 to 77 ms, once a second. With
//!   the deadline of 50 ms, whoever is in the queue behind it takes the store for
//!   lost, and goes on by itself until its next try: nothing is overrun by more than
//!   its part of a second, but the warnings are many. So set a deadline that is
//!   twice as long as that.
//! - A scope is one for the app, one for each endpoint that has a limit, one for
//!   each account that has one, and with shared permits one more for the reads, and
//!   for the writes, of each account. One of which nobody speaks is gone ten
//!   minutes later: with 100,000 accounts within ten minutes, four processes, and
//!   shared permits, that is some 80 MB. One with a limit for the day stays a day longer.
//! - A hold, who should give back, and which permits go from one to another, is
//!   published to all processes of the app.
//! - Several apps are several hash tags: a Cluster spreads apps, not one app.
//! - More than some 2,000 processes of one app do not fit. Part them: an app of
//!   their own, or one process that sends for several.
//!
//! # Health
//!
//! The gauge `api_client.shared_state.up` (feature `metrics`) is 0 while the store is
//! away, and an alert of the feature `throttle-alert` tells of it.
//! [`SharedState::snapshot`] tells all: whether the store is there, since when it
//! is not and why, how many processes there are, how many exchanges there were
//! and how many came to nothing, and what this process holds of each scope. The
//! handles of the layers have the same as `shared()`. It takes a lock for a
//! moment, and is for dashboards and checks of health, not for each request.
//!
//! One warning tells that the store is lost, with the error and the mode, and one
//! event at `INFO` that it is back, or has forgotten all, however many requests
//! there are meanwhile. A process is healthy while the store is away: only with
//! [`FailureMode::Closed`] does it stop.
//!
//! # Settings
//!
//! | setting | default | smaller | larger |
//! |---|---|---|---|
//! | [`lease`](SharedStateBuilder::lease) | 5 s | what the dead held is back sooner; more exchanges | bears longer failures unchanged |
//! | [`deadline`](SharedStateBuilder::deadline) | 50 ms, at most 1 s | nobody waits long; a slow network looks like a failure | the other way round |
//! | [`failure_mode`](SharedStateBuilder::failure_mode) | `LocalShare` | | |
//! | [`assume_instances`](SharedStateBuilder::assume_instances) | 1 | a start without a store may overrun | it is slower than it may be |
//!
//! # Order
//!
//! A layer joins once, when it is built. One state serves one layer of each kind:
//! two that pace the same scopes would each have all that the process holds. Its
//! limits are 0 until the first exchange, so it must [call](Membership::call) when somebody waits.
//!
//! # Cancel safety
//!
//! No request takes part in an exchange: one task for each state does, and
//! ends with the last handle and layer. Tokens that a process held when it
//! ended come back with its lease, its window, and two seconds; those of one
//! that [leaves](SharedState::leave) before it ends, at once.
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
        Exchange, Notice, PermitPart, Reply, ScopeAsk, ScopeReply, Tokens, WindowAsk, WindowReply,
        WindowSpan,
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
