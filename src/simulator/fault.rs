use std::{fmt, time::Duration};

use http::StatusCode;

use super::chance::Chance;

/// One thing that goes wrong.
///
/// A fault that does not fit the request (a write conflict on a read) does not
/// happen, and is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// nginx answers 502 with HTML; the call came no further.
    BadGateway,
    /// nginx answers 504 with HTML, and the call may have been carried out.
    GatewayTimeout {
        /// Whether it was.
        applied: bool,
    },
    /// The edge answers 429 with plain text and `Retry-After`; the call came
    /// no further.
    EdgeThrottle {
        /// What `Retry-After` says, in whole seconds.
        retry_after: Duration,
    },
    /// The connection breaks before the call is looked at.
    Reset,
    /// The connection breaks after the call was carried out.
    LostAnswer,
    /// The connection breaks in the middle of the answer's body, after the
    /// call was carried out.
    CutBody,
    /// The connection breaks, and a write is carried out so much later all the
    /// same.
    LateWrite(Duration),
    /// 40100, as though the second were full, though it is not.
    Throttle,
    /// The answer comes so much later.
    Stall(Duration),
    /// 50000, 50002 or 51010 (another code is sent with the text of 50000).
    ServerError {
        /// The code in the envelope.
        code: i64,
        /// Whether the call was carried out all the same.
        applied: bool,
    },
    /// 40202 on a write, which is not applied.
    WriteConflict,
    /// 60001, the system is in maintenance; nothing is applied.
    Maintenance,
    /// 20001 on a write, with the failed part listed in `data.error_list`.
    PartialSuccess,
    /// Code 0 on a write, with an item in `data.error_list` that failed.
    ErrorList,
    /// This answer, word for word, and nothing is applied.
    Answer {
        /// The HTTP status.
        status: StatusCode,
        /// The code in the envelope; with `None` the message is all there is.
        code: Option<i64>,
        /// The message.
        message: &'static str,
    },
    /// An asynchronous report that will end as `FAILED`, with code 0.
    TaskFailure,
}

/// How often each [`Fault`] happens by chance. Default: never.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(Vec<(Fault, f64)>);

/// A probability is none, or all together exceed one.
#[derive(Debug)]
pub(super) struct InvalidFaults;

/// Whether a fault strikes before or behind the limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Edge,
    Inside,
}

// ===== impl Fault =====

impl Fault {
    /// The name that the [`Ledger`](super::Ledger) counts it by.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BadGateway => "bad gateway",
            Self::GatewayTimeout { applied: false } => "gateway timeout",
            Self::GatewayTimeout { applied: true } => "gateway timeout, applied",
            Self::EdgeThrottle { .. } => "edge throttle",
            Self::Reset => "reset",
            Self::LostAnswer => "lost answer",
            Self::CutBody => "cut body",
            Self::LateWrite(_) => "late write",
            Self::Throttle => "throttle",
            Self::Stall(_) => "stall",
            Self::ServerError { applied: false, .. } => "server error",
            Self::ServerError { applied: true, .. } => "server error, applied",
            Self::WriteConflict => "write conflict",
            Self::Maintenance => "maintenance",
            Self::PartialSuccess => "partial success",
            Self::ErrorList => "error list",
            Self::Answer { .. } => "answer",
            Self::TaskFailure => "task failure",
        }
    }

    pub(super) const fn stage(&self) -> Stage {
        match self {
            Self::BadGateway
            | Self::GatewayTimeout { applied: false }
            | Self::EdgeThrottle { .. }
            | Self::Reset => Stage::Edge,
            _ => Stage::Inside,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// ===== impl Faults =====

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// What a busy client may meet: some 2 % of all requests, a fifth of them
    /// writes that were applied and are not reported so.
    #[must_use]
    pub fn mixed() -> Self {
        let server = |code, applied| Fault::ServerError { code, applied };
        Self(vec![
            (Fault::BadGateway, 0.003),
            (Fault::GatewayTimeout { applied: false }, 0.001),
            (Fault::GatewayTimeout { applied: true }, 0.000_5),
            (Fault::Reset, 0.002),
            (Fault::LostAnswer, 0.002),
            (Fault::CutBody, 0.000_5),
            (Fault::Stall(Duration::from_secs(5)), 0.002),
            (server(50_000, false), 0.003),
            (server(50_002, false), 0.002),
            (server(51_010, false), 0.001),
            (server(50_000, true), 0.000_5),
            (server(50_002, true), 0.000_5),
            (server(51_010, true), 0.001),
            (Fault::WriteConflict, 0.001),
            (Fault::TaskFailure, 0.002),
        ])
    }

    /// Adds a fault that strikes this share of the requests that it fits.
    #[must_use]
    pub fn with(mut self, fault: Fault, probability: f64) -> Self {
        self.0.push((fault, probability));
        self
    }

    pub(super) fn check(&self) -> Result<(), InvalidFaults> {
        let sound = self.0.iter().all(|(_, share)| (0.0..=1.0).contains(share));
        let total: f64 = self.0.iter().map(|(_, share)| share).sum();
        (sound && total <= 1.0 + 1e-9)
            .then_some(())
            .ok_or(InvalidFaults)
    }

    pub(super) fn draw(&self, chance: &mut Chance) -> Option<Fault> {
        if self.0.is_empty() {
            return None;
        }
        let mut draw = chance.unit();
        self.0.iter().find_map(|(fault, share)| {
            draw -= share;
            (draw < 0.0).then_some(*fault)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_at_their_rate() {
        let faults = Faults::none()
            .with(Fault::Reset, 0.25)
            .with(Fault::BadGateway, 0.5);
        let mut hits = [0_u32; 3];
        for n in 0..10_000 {
            hits[match faults.draw(&mut Chance::of(3, n)) {
                Some(Fault::Reset) => 0,
                Some(_) => 1,
                None => 2,
            }] += 1;
        }
        for (hits, share) in hits.into_iter().zip([0.25, 0.5, 0.25]) {
            assert!((f64::from(hits) / 10_000.0 - share).abs() < 0.02, "{hits}");
        }
    }

    #[test]
    fn the_mix_is_a_few_percent() {
        let total: f64 = Faults::mixed().0.iter().map(|(_, share)| share).sum();
        assert!((0.01..=0.03).contains(&total), "{total}");
        assert!(Faults::mixed().check().is_ok());
    }

    #[test]
    fn senseless_shares_are_refused() {
        for shares in [[0.6, 0.6], [-0.1, 0.2], [f64::NAN, 0.0]] {
            let faults = shares
                .iter()
                .fold(Faults::none(), |f, p| f.with(Fault::Reset, *p));
            assert!(faults.check().is_err());
        }
    }
}
