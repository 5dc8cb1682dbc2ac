//! The other side: the simulator on loopback, or the real API.

use std::time::Duration;

use tokio::net::TcpListener;
use tower_tiktok::{
    simulator::{self, Faults, Latency, Level, Limits, Sharing, Simulator},
    tiktok::AccessLevel,
};

use crate::{
    args::{Args, FaultMix},
    level::level,
    summary::round,
};

/// How long an answer of the simulator takes on average.
const LATENCY: Duration = Duration::from_millis(80);

/// How long a video is transcoded, and how long a report takes.
const TRANSCODING: Duration = Duration::from_secs(4);
const REPORT: Duration = Duration::from_secs(2);

/// A simulator that listens.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) simulator: Simulator,
    pub(crate) base: http::Uri,
    level: Level,
    _listening: simulator::Server,
}

impl Server {
    pub(crate) async fn start(
        args: &Args,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let level = level(args.level);
        let faults = match args.faults {
            FaultMix::None => Faults::none(),
            FaultMix::Mixed => Faults::mixed(),
        };
        let simulator = Simulator::builder()
            .level(level)
            .sharing(Sharing::Both)
            .faults(faults)
            .latency(Latency::lognormal(LATENCY, 0.5).before_limiter(0.25))
            .transcoding(TRANSCODING)
            .report_times(REPORT / 2, REPORT / 2)
            .seed(args.seed)
            .build()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?).parse()?;
        let listening = simulator.serve(listener)?;
        Ok(Self {
            simulator,
            base,
            level,
            _listening: listening,
        })
    }

    /// The least time, in seconds, in which so many requests for each endpoint
    /// can be done: whole windows of the app and of each endpoint, and the
    /// chain from the first campaign to the last ad.
    pub(crate) fn bound(&self, by_path: &std::collections::BTreeMap<&'static str, u64>) -> f64 {
        // With luck in the phase, n windows' worth of requests take n - 1.
        let windows = |requests: u64, limit: u64| requests.div_ceil(limit).saturating_sub(1) as f64;
        let app = self.level.limits();
        let total: u64 = by_path.values().sum();
        let mut bound = windows(total, app.per_second());
        bound = bound.max(windows(total, app.per_minute()) * 60.0);

        // Campaign, ad group, upload, the video, and then the ads.
        let latency = LATENCY.as_secs_f64();
        let before_ads = 4.0 * latency + TRANSCODING.as_secs_f64();
        for (path, &requests) in by_path {
            let limits = self.level.endpoint_limits(path).unwrap_or(app);
            let before = match *path {
                "/ad/create/" => before_ads,
                _ => 0.0,
            };
            let seconds = windows(requests, limits.per_second());
            let minutes = windows(requests, limits.per_minute()) * 60.0;
            bound = bound.max(before + seconds.max(minutes) + latency);
        }
        round(bound, 2)
    }
}

/// How many calls the server lets pass to an endpoint.
pub(crate) fn limits_of(access: AccessLevel, path: &str) -> Limits {
    let level = level(access);
    level.endpoint_limits(path).unwrap_or(level.limits())
}
