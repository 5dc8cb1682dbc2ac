//! What a key costs that was used once and is idle since: heap bytes, and the
//! time to find it again among many.
//!
//! `cargo bench -p tower-tiktok-benches --bench keys` prints one table for this
//! crate and for what others keep by key. The keys are the same for all:
//! [`AccountId`]s of 19 digits, which take 24 bytes and no heap block. Time
//! stands still, so all of them must be remembered, for their windows count.
//!
//! The time of a layer is that of a whole request, so for each store there are
//! two: for one key again and again, and for random ones. Their difference is
//! what it costs to find a key that is not in the cache. It fails where a layer
//! keeps more than [`MOST`] bytes for a key of a million.

use std::{
    alloc::System,
    convert::Infallible,
    future::{Ready, ready},
    hash::{BuildHasher, RandomState},
    hint::black_box,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use dashmap::DashMap;
use governor::{
    RateLimiter, clock::FakeRelativeClock, middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};
use hashbrown::HashMap;
use http::{Request, Response};
use http_body_util::Full;
use moka::sync::Cache;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::sync::Semaphore;
use tower::{Layer, Service};
use tower_tiktok::{
    extensions::{AccountId, Operation, RequestContext},
    per_account_concurrency::PerAccountConcurrencyLayer,
    request_pacing::{Quota, Quotas, RequestPacingLayer},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SIZES: [usize; 2] = [100_000, 1_000_000];
/// Bytes for an idle key.
const MOST: f64 = 128.0;
const LOOK_UPS: usize = 300_000;
const ROUNDS: usize = 5;
const SHARDS: usize = 64;

type Body = Full<Bytes>;

#[derive(Clone, Copy)]
struct Echo;

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(Body::default())))
    }
}

fn key(n: usize) -> AccountId {
    AccountId::from((7_000_000_000_000_000_000 + n as u64).to_string())
}

/// Sends one request of an account through a layer, which answers at once.
fn send<S: Service<Request<Body>>>(mut service: S) -> impl FnMut(&AccountId) {
    let mut cx = Context::from_waker(Waker::noop());
    move |account| {
        let context = RequestContext::new(Operation::Write)
            .with_account(account.as_str())
            .with_static_endpoint("/campaign/status/update/");
        let mut request = Request::new(Body::default());
        request.extensions_mut().insert(context);
        let mut call = std::pin::pin!(service.call(request));
        assert!(call.as_mut().poll(&mut cx).is_ready());
    }
}

fn pacing(quota: Quota) -> impl FnMut(&AccountId) {
    let quotas = Quotas::none().with_each_account_endpoint(quota);
    let layer = RequestPacingLayer::builder(quotas).build().expect("valid");
    send(layer.layer(Echo))
}

fn concurrency() -> impl FnMut(&AccountId) {
    let layer = PerAccountConcurrencyLayer::builder()
        .key(|request: &Request<Body>| {
            let context = request.extensions().get::<RequestContext>()?;
            context.account().cloned()
        })
        .build()
        .expect("defaults");
    send(layer.layer(Echo))
}

fn governor() -> impl FnMut(&AccountId) {
    let quota = governor::Quota::per_second(NonZeroU32::MAX);
    let store = DashMapStateStore::<AccountId>::default();
    let limiter: RateLimiter<_, _, _, NoOpMiddleware<_>> =
        RateLimiter::new(quota, store, FakeRelativeClock::default());
    move |account| {
        let _ = black_box(limiter.check_key(account));
    }
}

fn dashmap() -> impl FnMut(&AccountId) {
    let map = DashMap::<AccountId, Arc<Semaphore>>::new();
    move |account| {
        let entry = map.entry(account.clone());
        let semaphore = entry.or_insert_with(|| Arc::new(Semaphore::new(10)));
        let _ = black_box(semaphore.clone().try_acquire_owned());
    }
}

fn moka() -> impl FnMut(&AccountId) {
    let cache = Cache::builder()
        .time_to_idle(Duration::from_secs(3_600))
        .build();
    move |account: &AccountId| {
        let semaphore: Arc<Semaphore> =
            cache.get_with_by_ref(account, || Arc::new(Semaphore::new(10)));
        let _ = black_box(semaphore.try_acquire_owned());
    }
}

fn sharded() -> impl FnMut(&AccountId) {
    let hasher = RandomState::new();
    let shards: Vec<Mutex<HashMap<AccountId, [u64; 3]>>> =
        (0..SHARDS).map(|_| Mutex::default()).collect();
    move |account| {
        let shard = &shards[hasher.hash_one(account) as usize % SHARDS];
        let mut shard = shard.lock().expect("nothing panics");
        match shard.get_mut(account) {
            Some(state) => state[0] += 1,
            None => drop(shard.insert(account.clone(), [1; 3])),
        }
    }
}

/// Nanoseconds for one use, in the fastest round.
#[expect(clippy::disallowed_types, reason = "it measures real time")]
fn time(
    touch: &mut impl FnMut(&AccountId),
    keys: &[AccountId],
    mut next: impl FnMut() -> usize,
) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = std::time::Instant::now();
        for _ in 0..LOOK_UPS {
            touch(&keys[next()]);
        }
        start.elapsed().as_secs_f64() * 1e9 / LOOK_UPS as f64
    });
    rounds.fold(f64::INFINITY, f64::min)
}

/// Returns the bytes for each key.
fn row<F: FnMut(&AccountId)>(name: &str, make: impl FnOnce() -> F, keys: &[AccountId]) -> f64 {
    let region = Region::new(ALLOCATOR);
    let mut touch = make();
    keys.iter().for_each(&mut touch);
    let change = region.change();
    let live = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    let blocks = change.allocations as isize - change.deallocations as isize;
    let hot = time(&mut touch, keys, || 0);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let random = time(&mut touch, keys, || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % keys.len()
    });
    let n = keys.len();
    let bytes = live as f64 / n as f64;
    println!(
        "| {name} | {n} | {bytes:.1} | {:.2} | {hot:.0} | {random:.0} | {:.0} |",
        blocks as f64 / n as f64,
        random - hot,
    );
    bytes
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let _inside = runtime.enter();
    println!(
        "| store | keys | heap bytes/key | blocks/key | ns, one key | ns, random keys | difference |"
    );
    println!("|---|---|---|---|---|---|---|");
    let second = Quota::requests_per_second(10_000_000);
    let minute = second.clone().and_requests_per_minute(600_000_000);
    for size in SIZES {
        let keys: Vec<AccountId> = (0..size).map(key).collect();
        let ours = [
            row("pacing, a second", || pacing(second.clone()), &keys),
            row(
                "pacing, a second and a minute",
                || pacing(minute.clone()),
                &keys,
            ),
            row("per-account concurrency", concurrency, &keys),
        ];
        row("sharded hashbrown<_, 24 bytes>", sharded, &keys);
        row("governor keyed dashmap", governor, &keys);
        row("dashmap<_, Arc<Semaphore>>", dashmap, &keys);
        row("moka<_, Arc<Semaphore>> tti", moka, &keys);
        // A table that has just grown is half empty.
        let most = ours.into_iter().fold(0.0, f64::max);
        assert!(size < SIZES[1] || most <= MOST, "too much: {most}");
    }
}
