//! What a scenario file says. Every field has a default, and a field that
//! nobody knows is an error.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The law, in a sentence.
    pub(crate) law: String,
    /// How often it is played, each time with other seeds. Every time has to
    /// be as expected.
    #[serde(default = "once")]
    pub(crate) runs: u64,
    #[serde(default)]
    pub(crate) server: Server,
    #[serde(default)]
    pub(crate) client: Client,
    pub(crate) work: Work,
    /// The least and the most of each measure.
    pub(crate) expect: BTreeMap<String, [f64; 2]>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) level: String,
    /// Calls in a second, in a minute, in a day; instead of a level.
    pub(crate) limits: Option<[u64; 3]>,
    pub(crate) advertiser_qps: Option<u32>,
    /// `app`, `endpoint` or `both`.
    pub(crate) sharing: String,
    /// `sliding`, or fixed with a phase.
    pub(crate) sliding: bool,
    pub(crate) phase_ms: u64,
    pub(crate) count_refused: bool,
    pub(crate) latency_ms: u64,
    /// How uneven the latency is; 0 is always the same.
    pub(crate) latency_sigma: f64,
    /// The simulator's own mix of faults; `faults` come on top of it.
    pub(crate) mixed_faults: bool,
    /// How often each happens, by its name.
    pub(crate) faults: BTreeMap<String, f64>,
    pub(crate) scripts: Vec<Script>,
    /// How long a stall is, and what an edge says, in seconds.
    pub(crate) stall_s: u64,
    pub(crate) retry_after_s: u64,
    /// `envelope`, `retry-after` or `edge`.
    pub(crate) refusals: String,
    /// From when on, and for how long.
    pub(crate) maintenance_s: Option<[u64; 2]>,
    pub(crate) transcoding_s: u64,
    pub(crate) gzip: bool,
    /// The date on which it begins, in seconds since 1970.
    pub(crate) start: u64,
    /// The token expires so long after the work has begun.
    pub(crate) token_expires_s: Option<u64>,
    /// The token is revoked before the work begins.
    pub(crate) token_revoked: bool,
    pub(crate) seed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) fault: String,
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) skip: u64,
    pub(crate) times: u64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stack {
    /// `TikTokLayer`.
    #[default]
    Tiktok,
    /// The same, told that a write may be sent again after an error of the
    /// server.
    Careless,
    /// `tower`'s own retry, which knows nothing of what a request does.
    TowerRetry,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) stack: Stack,
    pub(crate) attempts: u32,
    pub(crate) base_ms: u64,
    pub(crate) cap_ms: u64,
    pub(crate) max_elapsed_s: u64,
    /// `full`, `equal` or `decorrelated`.
    pub(crate) jitter: String,
    pub(crate) budget: bool,
    pub(crate) writes: u32,
    pub(crate) reads: u32,
    pub(crate) max_queued: u32,
    /// Whether requests are paced, by the limits of the server.
    pub(crate) pacing: bool,
    /// The access level that the client takes for the server's.
    pub(crate) level: Option<String>,
    /// The limit of an advertiser that it takes for the server's.
    pub(crate) advertiser_qps: Option<u32>,
    /// Connections that all accounts share.
    pub(crate) connections: Option<usize>,
    pub(crate) gunzip: bool,
    pub(crate) seed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Work {
    pub(crate) accounts: usize,
    pub(crate) requests: usize,
    /// Requests for the first account, on top, that are asked for first.
    pub(crate) hot_requests: usize,
    /// How many callers take turns; 0 is one for each request.
    pub(crate) workers: usize,
    pub(crate) deadline_s: Option<u64>,
    /// Shares of each kind of request.
    pub(crate) mix: BTreeMap<Kind, usize>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Create,
    /// With a `request_id`.
    IdempotentCreate,
    Ad,
    /// An ad with a video that was uploaded a moment before the work begins.
    VideoAd,
    Status,
    Read,
}

const fn once() -> u64 {
    1
}

impl Default for Server {
    fn default() -> Self {
        Self {
            level: "basic".into(),
            limits: None,
            advertiser_qps: Some(20),
            sharing: "both".into(),
            sliding: false,
            phase_ms: 0,
            count_refused: false,
            latency_ms: 200,
            latency_sigma: 0.0,
            mixed_faults: false,
            faults: BTreeMap::new(),
            scripts: Vec::new(),
            stall_s: 5,
            retry_after_s: 5,
            refusals: "envelope".into(),
            maintenance_s: None,
            transcoding_s: 60,
            gzip: false,
            // 2026-01-05T08:00:00Z
            start: 1_767_600_000,
            token_expires_s: None,
            token_revoked: false,
            seed: 1,
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self {
            stack: Stack::Tiktok,
            attempts: 6,
            base_ms: 1_000,
            cap_ms: 64_000,
            max_elapsed_s: 900,
            jitter: "full".into(),
            budget: true,
            writes: 2,
            reads: 8,
            max_queued: 10_000,
            pacing: true,
            level: None,
            advertiser_qps: None,
            connections: None,
            gunzip: false,
            seed: 1,
        }
    }
}

impl Default for Work {
    fn default() -> Self {
        Self {
            accounts: 1,
            requests: 0,
            hot_requests: 0,
            workers: 0,
            deadline_s: None,
            mix: BTreeMap::from([(Kind::Create, 1)]),
        }
    }
}
