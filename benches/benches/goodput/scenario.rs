use std::time::Duration;

use tower_tiktok::simulator::{Fault, Faults, Latency, Refusals};
use tower_tiktok_benches::goodput::Limits;

/// What the client is told that it may send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    pub(crate) second: u32,
    pub(crate) minute: u32,
}

/// How the server's windows run. Nobody is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Windows {
    Sliding,
    /// With a phase of each seed's own.
    Fixed,
}

/// How long answers take: always 120 ms on average.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Times {
    Lognormal,
    Uniform,
    Bimodal,
}

/// One account that asks for more than the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) writes: usize,
    pub(crate) workers: usize,
}

/// What pacing is to reach: no higher a ratio and no larger a share refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) ratio: f64,
    pub(crate) refused: f64,
}

/// A server, and the work that is to be done on it.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    pub(crate) title: &'static str,
    /// `None`: no level is known.
    pub(crate) configured: Option<Quota>,
    /// What the server enforces, and from when.
    pub(crate) limits: Vec<Limits>,
    pub(crate) windows: Windows,
    /// What a breach of the minute costs.
    pub(crate) suspension: Option<Duration>,
    pub(crate) count_refused: bool,
    pub(crate) refusals: Refusals,
    pub(crate) times: Times,
    /// The share of an answer's time before the limiter counts the call.
    pub(crate) before_limiter: f64,
    /// Answers take so many times as long from the middle of the bound on.
    pub(crate) slower_midway: Option<f64>,
    /// How long some calls stall, and which share of them.
    pub(crate) stalls: Option<(Duration, f64)>,
    pub(crate) writes: usize,
    pub(crate) accounts: usize,
    pub(crate) workers: usize,
    pub(crate) crowd: Option<Crowd>,
    /// The writes of each process, where several use the app. Each has so many
    /// workers.
    pub(crate) processes: &'static [usize],
    pub(crate) goal: Option<Goal>,
    /// Whether it is one of the table, and not a variation.
    pub(crate) main: bool,
}

/// 10/s and 600/min, known and sliding.
fn s1() -> Scenario {
    Scenario {
        id: "S1".to_owned(),
        title: "10/s + 600/min known, sliding",
        configured: Some(Quota {
            second: 10,
            minute: 600,
        }),
        limits: vec![from(0, 10, 600)],
        windows: Windows::Sliding,
        suspension: None,
        count_refused: false,
        refusals: Refusals::Envelope,
        times: Times::Lognormal,
        before_limiter: 0.25,
        slower_midway: None,
        stalls: None,
        writes: 3_000,
        accounts: 50,
        workers: 64,
        crowd: None,
        processes: &[],
        goal: goal(1.04, 0.003),
        main: true,
    }
}

const SUSPENSION: Option<Duration> = Some(Duration::from_secs(300));

fn goal(ratio: f64, refused: f64) -> Option<Goal> {
    Some(Goal { ratio, refused })
}

fn from(second: u64, per_second: u32, per_minute: u32) -> Limits {
    Limits {
        from: Duration::from_secs(second),
        second: per_second,
        minute: per_minute,
    }
}

/// The table of the issue.
fn table() -> Vec<Scenario> {
    let twenty = Some(Quota {
        second: 20,
        minute: 1_200,
    });
    vec![
        s1(),
        Scenario {
            id: "S1p".to_owned(),
            title: "as S1, 300 s of suspension on a minute breach, refused calls counted, fixed windows of unknown phase",
            windows: Windows::Fixed,
            suspension: SUSPENSION,
            count_refused: true,
            goal: goal(1.05, 0.003),
            ..s1()
        },
        // Only the second is hidden and shared with somebody: the minute of
        // the published level stays, and does not bind.
        Scenario {
            id: "S2".to_owned(),
            title: "a hidden limit drops from 20/s to 8/s at 75 s, 20/s configured",
            configured: twenty,
            limits: vec![from(0, 20, 1_200), from(75, 8, 1_200)],
            goal: goal(1.07, 0.015),
            ..s1()
        },
        Scenario {
            id: "S2u".to_owned(),
            title: "a hidden limit rises from 8/s to 20/s at 100 s, 20/s configured",
            configured: twenty,
            limits: vec![from(0, 8, 1_200), from(100, 20, 1_200)],
            goal: goal(1.08, 0.015),
            ..s1()
        },
        // Without a store, learning alone: 1.12 @ 3 %.
        Scenario {
            id: "S3".to_owned(),
            title: "as S1, four processes with 16 workers and 750 requests each",
            workers: 16,
            processes: &[750; 4],
            goal: goal(1.05, 0.005),
            ..s1()
        },
        Scenario {
            id: "S3u".to_owned(),
            title: "as S3, with 1,500, 750, 500 and 250 requests",
            workers: 16,
            processes: &[1_500, 750, 500, 250],
            goal: goal(1.05, 0.005),
            ..s1()
        },
        Scenario {
            id: "S4".to_owned(),
            title: "as S1, one advertiser has 900 of the requests and 15 of the workers",
            crowd: Some(Crowd {
                writes: 900,
                workers: 15,
            }),
            ..s1()
        },
        Scenario {
            id: "S5".to_owned(),
            title: "as S1, refused calls count in both windows",
            count_refused: true,
            ..s1()
        },
        Scenario {
            id: "S6".to_owned(),
            title: "as S1, fixed windows of unknown phase",
            windows: Windows::Fixed,
            goal: goal(1.03, 0.002),
            ..s1()
        },
        Scenario {
            id: "S7".to_owned(),
            title: "as S1 with suspensions, latency 5x from midway on, 1 % of the calls stall for 10 s",
            suspension: SUSPENSION,
            slower_midway: Some(5.0),
            stalls: Some((Duration::from_secs(10), 0.01)),
            goal: goal(1.06, 0.005),
            ..s1()
        },
    ]
}

/// The table, and all of its variations.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = table();
    for scenario in table() {
        all.push(vary(&scenario, "uniform", |it| it.times = Times::Uniform));
        all.push(vary(&scenario, "bimodal", |it| it.times = Times::Bimodal));
        all.push(vary(&scenario, "early", |it| it.before_limiter = 0.1));
        all.push(vary(&scenario, "late", |it| it.before_limiter = 0.9));
        if scenario.id == "S7" {
            all.push(vary(&scenario, "stalls", |it| it.slower_midway = None));
            all.push(vary(&scenario, "slower", |it| it.stalls = None));
        }
        if ["S1", "S5"].contains(&&*scenario.id) {
            // The work goes with the minute's limit, so all take as long.
            all.push(vary(&scenario, "slow", |it| it.limit_to(1, 30, 150)));
            all.push(vary(&scenario, "fast", |it| {
                it.limit_to(100, 6_000, 30_000)
            }));
            let blind = if scenario.id == "S1" { 1.10 } else { 1.12 };
            let unknown = vary(&scenario, "unknown", |it| {
                it.configured = None;
                it.goal = goal(blind, 0.02);
            });
            all.push(vary(&unknown, "vague", Scenario::name_no_limit));
            all.push(unknown);
        }
        if ["S2", "S2u"].contains(&&*scenario.id) {
            all.push(vary(&scenario, "vague", Scenario::name_no_limit));
        }
    }
    all
}

fn vary(scenario: &Scenario, word: &str, change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut varied = scenario.clone();
    varied.id = format!("{}-{word}", scenario.id);
    varied.main = false;
    change(&mut varied);
    varied
}

// ===== impl Scenario =====

impl Scenario {
    fn limit_to(&mut self, second: u32, minute: u32, writes: usize) {
        self.configured = Some(Quota { second, minute });
        self.limits = vec![from(0, second, minute)];
        self.writes = writes;
    }

    fn name_no_limit(&mut self) {
        self.refusals = Refusals::Vague;
    }

    /// Whether it is run unless others are asked for.
    pub(crate) fn is_default(&self) -> bool {
        self.main || self.id.starts_with("S1-") || self.id.starts_with("S5-")
    }

    /// How long answers take, when they take so many times as long as usual.
    pub(crate) fn latency(&self, times: f64) -> Latency {
        let ms = |ms: u64| Duration::from_millis(ms).mul_f64(times);
        let latency = match self.times {
            Times::Lognormal => Latency::lognormal(ms(120), 0.5),
            Times::Uniform => Latency::uniform(ms(40), ms(200)),
            Times::Bimodal => Latency::bimodal(ms(80), ms(480), 0.1),
        };
        latency.before_limiter(self.before_limiter)
    }

    /// How long an answer takes on average, at first.
    pub(crate) fn mean_latency(&self) -> Duration {
        Duration::from_millis(120)
    }

    pub(crate) fn faults(&self) -> Faults {
        self.stalls.map_or_else(Faults::none, |(time, share)| {
            Faults::none().with(Fault::Stall(time), share)
        })
    }

    /// What varies, for the heading.
    pub(crate) fn variation(&self) -> &'static str {
        match self.id.split_once('-').map(|(_, word)| word) {
            Some("uniform") => "; latency uniform, 40 to 200 ms",
            Some("bimodal") => "; latency 80 ms, and 480 ms for a tenth",
            Some("early") => "; a tenth of the latency before the limiter",
            Some("late") => "; nine tenths of the latency before the limiter",
            Some("stalls") => "; the latency stays as it is",
            Some("slower") => "; no call stalls",
            Some("slow") => "; at 1/s + 30/min, 150 writes",
            Some("fast") => "; at 100/s + 6,000/min, 30,000 writes",
            Some("unknown") => "; nothing configured",
            Some("vague") => "; no refusal names the limit",
            Some("unknown-vague") => "; nothing configured, and no refusal names the limit",
            _ => "",
        }
    }
}
