use std::{
    error::Error,
    fmt,
    time::{Duration, UNIX_EPOCH},
};

use super::{
    answers::Answers,
    api::World,
    backend::{Backend, Settings},
    builder::SimulatorBuilder,
    clock::{Clock, micros},
    level::Level,
    limits::{self, Limiter},
    recorder::Recorder,
    routes::ROUTES,
    script::Scripts,
    service::Simulator,
    tasks::{TaskTimes, Tasks},
    tokens::Tokens,
};

/// The settings of a [`Simulator`] make no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSimulator {
    /// A limit is nought.
    ZeroLimit,
    /// A fault's share is not between 0 and 1, or all together exceed 1.
    Faults,
    /// A share or the sigma of the latency is out of its range.
    Latency,
    /// There is no such endpoint.
    UnknownEndpoint(String),
    /// The start is before 1970 or after the year 9000.
    Start,
    /// The spread of the jobs is not between 1 and 1000.
    JobSpread,
}
impl SimulatorBuilder {
    /// A simulator whose clock starts now.
    ///
    /// # Errors
    ///
    /// A setting makes no sense.
    pub fn build(self) -> Result<Simulator, InvalidSimulator> {
        self.check()?;
        let mut endpoints = Vec::with_capacity(self.endpoints.len());
        for (path, limits) in &self.endpoints {
            let id = ROUTES.named(path);
            let id = id.ok_or_else(|| InvalidSimulator::UnknownEndpoint(path.clone()))?;
            endpoints.push((id, *limits));
        }
        let clock = Clock::starting_at(self.start);
        let limits = limits::Settings {
            sharing: self.sharing,
            window: self.window,
            count_refused: self.count_refused,
            suspension: self.suspension.map(micros),
            advertiser_qps: self.advertiser_qps.map(u64::from),
            field_qps: self.field_qps.map(u64::from),
            endpoints,
            midnight_phase: clock.midnight_phase(),
        };
        let mut tokens = Tokens::new(self.tokens.is_some(), micros(self.token_lifetime));
        for token in self.tokens.iter().flatten() {
            tokens.issue(token, None);
        }
        for token in &self.refresh_tokens {
            tokens.issue_refresh(token, None);
        }
        let times = TaskTimes {
            queued: micros(self.report_queued),
            processing: micros(self.report_processing),
        };
        let tasks = Tasks::new(times, self.job_spread, self.seed);
        let mut world = World::new(tasks, tokens, micros(self.transcoding));
        for id in self.advertisers.iter().flatten() {
            world.advertisers.number(id);
        }
        let maintenance = self
            .maintenance
            .map(|(after, length)| (micros(after), micros(after.saturating_add(length))));
        Ok(Simulator::new(Backend {
            limiter: Limiter::new(self.level, limits),
            world,
            recorder: Recorder::keeping(self.remember_answers),
            scripts: Scripts(self.scripts),
            answers: Answers::new(self.vary, self.gzip),
            clock,
            sent: 0,
            settings: Settings {
                seed: self.seed,
                app_id: self.app_id,
                sandbox: self.level == Level::Sandbox,
                faults: self.faults,
                latency: self.latency,
                maintenance,
                refusals: self.refusals,
                events_status: self.events_status,
                closed: self.advertisers.is_some(),
            },
        }))
    }

    fn check(&self) -> Result<(), InvalidSimulator> {
        let zero = self.level.limits().any_is_zero()
            || self
                .endpoints
                .iter()
                .any(|(_, limits)| limits.any_is_zero())
            || self.advertiser_qps == Some(0)
            || self.field_qps == Some(0);
        if zero {
            return Err(InvalidSimulator::ZeroLimit);
        }
        self.faults.check().map_err(|_| InvalidSimulator::Faults)?;
        if !self.latency.is_sound() {
            return Err(InvalidSimulator::Latency);
        }
        if !(1.0..=1_000.0).contains(&self.job_spread) {
            return Err(InvalidSimulator::JobSpread);
        }
        // Request ids have four digits for the year.
        let last = UNIX_EPOCH + Duration::from_secs(221_845_392_000);
        if self.start < UNIX_EPOCH || self.start > last {
            return Err(InvalidSimulator::Start);
        }
        Ok(())
    }
}

impl fmt::Display for InvalidSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroLimit => f.write_str("a limit is zero"),
            Self::Faults => {
                f.write_str("a fault's share is not between 0 and 1, or their sum exceeds 1")
            }
            Self::Latency => f.write_str("the latency's share or sigma is out of range"),
            Self::UnknownEndpoint(path) => write!(f, "there is no endpoint {path}"),
            Self::JobSpread => f.write_str("the spread of the jobs is not between 1 and 1000"),
            Self::Start => f.write_str("the start is not between the years 1970 and 9000"),
        }
    }
}

impl Error for InvalidSimulator {}
