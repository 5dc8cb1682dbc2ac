use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{
    answers::Refusals,
    fault::Faults,
    latency::Latency,
    level::{Level, Limits, Sharing},
    script::Script,
    window::WindowKind,
};

/// 2026-01-05T08:00:00Z, a Monday.
const START: Duration = Duration::from_secs(1_767_600_000);

/// How long an app or endpoint is shut after it overran its minute.
const SUSPENSION: Duration = Duration::from_secs(5 * 60);

/// Configures a [`Simulator`](super::Simulator).
#[derive(Clone)]
pub struct SimulatorBuilder {
    pub(super) level: Level,
    pub(super) sharing: Sharing,
    pub(super) window: WindowKind,
    pub(super) count_refused: bool,
    pub(super) suspension: Option<Duration>,
    pub(super) advertiser_qps: Option<u32>,
    pub(super) field_qps: Option<u32>,
    pub(super) endpoints: Vec<(String, Limits)>,
    pub(super) faults: Faults,
    pub(super) scripts: Vec<Script>,
    pub(super) latency: Latency,
    pub(super) maintenance: Option<(Duration, Duration)>,
    pub(super) refusals: Refusals,
    pub(super) events_status: bool,
    pub(super) gzip: bool,
    pub(super) vary: bool,
    pub(super) advertisers: Option<Vec<String>>,
    pub(super) tokens: Option<Vec<String>>,
    pub(super) refresh_tokens: Vec<String>,
    pub(super) token_lifetime: Duration,
    pub(super) transcoding: Duration,
    pub(super) report_queued: Duration,
    pub(super) report_processing: Duration,
    pub(super) job_spread: f64,
    pub(super) start: SystemTime,
    pub(super) app_id: String,
    pub(super) seed: u64,
    pub(super) remember_answers: usize,
}

impl std::fmt::Debug for SimulatorBuilder {
    // Not the tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatorBuilder")
            .field("level", &self.level)
            .field("sharing", &self.sharing)
            .field("window", &self.window)
            .field("faults", &self.faults)
            .field("latency", &self.latency)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Default for SimulatorBuilder {
    fn default() -> Self {
        Self {
            level: Level::default(),
            sharing: Sharing::default(),
            window: WindowKind::Fixed {
                phase: Duration::ZERO,
            },
            count_refused: false,
            suspension: Some(SUSPENSION),
            advertiser_qps: Some(20),
            field_qps: None,
            endpoints: Vec::new(),
            faults: Faults::none(),
            scripts: Vec::new(),
            latency: Latency::none(),
            maintenance: None,
            refusals: Refusals::default(),
            events_status: false,
            gzip: false,
            vary: true,
            advertisers: None,
            tokens: None,
            refresh_tokens: Vec::new(),
            token_lifetime: Duration::from_secs(86_400),
            transcoding: Duration::from_secs(60),
            report_queued: Duration::from_secs(5),
            report_processing: Duration::from_secs(25),
            job_spread: 1.0,
            start: UNIX_EPOCH + START,
            app_id: "7055107885017071618".to_owned(),
            seed: 0,
            remember_answers: 1_000,
        }
    }
}

impl SimulatorBuilder {
    /// The app's access level. Default: [`Level::Basic`].
    #[must_use]
    pub const fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Where the app's limits are counted. Default: [`Sharing::Both`].
    #[must_use]
    pub const fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// How windows run. Default: fixed, beginning with the start.
    #[must_use]
    pub const fn window(mut self, window: WindowKind) -> Self {
        self.window = window;
        self
    }

    /// Whether refused calls count in the windows and prolong a suspension.
    /// Default: no.
    #[must_use]
    pub const fn count_refused(mut self, count: bool) -> Self {
        self.count_refused = count;
        self
    }

    /// How long an app or endpoint is shut that overran its minute. With
    /// `None` the call over the limit is refused and that is all. Default: five
    /// minutes.
    #[must_use]
    pub const fn suspension(mut self, length: Option<Duration>) -> Self {
        self.suspension = length;
        self
    }

    /// Calls a second for one advertiser on one endpoint (40133). Default: 20.
    #[must_use]
    pub const fn advertiser_qps(mut self, limit: Option<u32>) -> Self {
        self.advertiser_qps = limit;
        self
    }

    /// Calls a second for one `pixel_code` (40132), which the Events API calls
    /// `event_source_id`. Default: no limit, as none is published.
    #[must_use]
    pub const fn field_qps(mut self, limit: Option<u32>) -> Self {
        self.field_qps = limit;
        self
    }

    /// Limits of one endpoint, instead of those that its level gives it.
    #[must_use]
    pub fn endpoint(mut self, path: impl Into<String>, limits: Limits) -> Self {
        self.endpoints.push((path.into(), limits));
        self
    }

    /// What goes wrong by chance. Default: [`Faults::none`].
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Forces one more fault. [`Simulator::script`](super::Simulator::script) does the same later.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.scripts.push(script);
        self
    }

    /// How long answers take. Default: [`Latency::none`].
    #[must_use]
    pub const fn latency(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// Answers 60001 to everything for `length`, from `after` the start on.
    #[must_use]
    pub const fn maintenance(mut self, after: Duration, length: Duration) -> Self {
        self.maintenance = Some((after, length));
        self
    }

    /// How refused calls are told so. Default: [`Refusals::Envelope`].
    #[must_use]
    pub const fn refusals(mut self, refusals: Refusals) -> Self {
        self.refusals = refusals;
        self
    }

    /// Whether the event endpoints answer with HTTP 401 and 400, as their
    /// page has it. Default: no, they answer with 200 too.
    #[must_use]
    pub const fn events_status(mut self, real: bool) -> Self {
        self.events_status = real;
        self
    }

    /// Whether answers are compressed for those who ask. Default: no.
    #[must_use]
    pub const fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// Whether the order of keys, missing keys, capitals and the throttle's
    /// texts vary. Default: yes.
    #[must_use]
    pub const fn vary(mut self, vary: bool) -> Self {
        self.vary = vary;
        self
    }

    /// The advertisers that exist; any other gets 40300. Default: every id
    /// exists.
    #[must_use]
    pub fn advertisers<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.advertisers = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    /// The access tokens that are good; any other gets 40105. Default: every
    /// token is good that is not empty.
    #[must_use]
    pub fn tokens<I: Into<String>>(mut self, tokens: impl IntoIterator<Item = I>) -> Self {
        self.tokens = Some(tokens.into_iter().map(Into::into).collect());
        self
    }

    /// The refresh tokens that are good; any other gets 40107.
    #[must_use]
    pub fn refresh_tokens<I: Into<String>>(mut self, tokens: impl IntoIterator<Item = I>) -> Self {
        self.refresh_tokens = tokens.into_iter().map(Into::into).collect();
        self
    }

    /// How long a refreshed token is good. Default: a day.
    #[must_use]
    pub const fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// When an uploaded video can be used. Default: after a minute.
    #[must_use]
    pub const fn transcoding(mut self, time: Duration) -> Self {
        self.transcoding = time;
        self
    }

    /// How long a task, such as an asynchronous report, is `QUEUING`, and then `PROCESSING`.
    /// Default: 5 s and 25 s.
    #[must_use]
    pub const fn report_times(mut self, queued: Duration, processing: Duration) -> Self {
        self.report_queued = queued;
        self.report_processing = processing;
        self
    }

    /// Makes tasks and videos take between a `factor`-th of their time and
    /// `factor` times as long, by chance. Default: 1, they all take the same.
    #[must_use]
    pub const fn job_spread(mut self, factor: f64) -> Self {
        self.job_spread = factor;
        self
    }

    /// The date on which it begins. Default: 2026-01-05T08:00:00Z.
    #[must_use]
    pub const fn start(mut self, start: SystemTime) -> Self {
        self.start = start;
        self
    }

    /// The app's id, which is in the throttle's texts.
    #[must_use]
    pub fn app_id(mut self, id: impl Into<String>) -> Self {
        self.app_id = id.into();
        self
    }

    /// The seed of all that is left to chance. Default: 0.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many answers the ledger keeps. Default: the last 1,000.
    #[must_use]
    pub const fn remember_answers(mut self, answers: usize) -> Self {
        self.remember_answers = answers;
        self
    }
}
