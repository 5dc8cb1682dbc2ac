use std::time::Duration;

use super::{
    chance::Chance,
    clock::{Micros, micros},
};

/// How long an answer takes. Default: no time at all.
///
/// A share of it passes before the limiter counts the call: the calls that a
/// client sends within one second need not arrive within one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    kind: LatencyKind,
    before: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum LatencyKind {
    Fixed(Duration),
    Lognormal {
        mean: Duration,
        sigma: f64,
    },
    Uniform {
        least: Duration,
        most: Duration,
    },
    Bimodal {
        usual: Duration,
        slow: Duration,
        share: f64,
    },
}

impl Default for Latency {
    fn default() -> Self {
        Self::none()
    }
}

impl Latency {
    /// Answers at once.
    #[must_use]
    pub const fn none() -> Self {
        Self::fixed(Duration::ZERO)
    }

    /// Always as long.
    #[must_use]
    pub const fn fixed(time: Duration) -> Self {
        Self {
            kind: LatencyKind::Fixed(time),
            before: 0.5,
        }
    }

    /// Mostly short and now and then long: `mean` on average, more uneven the
    /// larger `sigma` is (0.5 is a quiet network, 1.5 a bad one).
    #[must_use]
    pub const fn lognormal(mean: Duration, sigma: f64) -> Self {
        Self {
            kind: LatencyKind::Lognormal { mean, sigma },
            before: 0.5,
        }
    }

    /// Anything from `least` to `most`, all as likely.
    #[must_use]
    pub const fn uniform(least: Duration, most: Duration) -> Self {
        Self {
            kind: LatencyKind::Uniform { least, most },
            before: 0.5,
        }
    }

    /// Either `usual` or, for this share of the calls, `slow`: a cache that
    /// misses, a farther data centre.
    #[must_use]
    pub const fn bimodal(usual: Duration, slow: Duration, share: f64) -> Self {
        Self {
            kind: LatencyKind::Bimodal { usual, slow, share },
            before: 0.5,
        }
    }

    /// The share that passes before the limiter counts the call, from 0 to 1.
    /// Default: a half.
    #[must_use]
    pub const fn before_limiter(mut self, share: f64) -> Self {
        self.before = share;
        self
    }

    pub(super) fn is_sound(&self) -> bool {
        let even = match self.kind {
            LatencyKind::Fixed(_) => true,
            LatencyKind::Lognormal { sigma, .. } => (0.0..=10.0).contains(&sigma),
            LatencyKind::Uniform { least, most } => least <= most,
            LatencyKind::Bimodal { share, .. } => (0.0..=1.0).contains(&share),
        };
        even && (0.0..=1.0).contains(&self.before)
    }

    /// The time to the limiter, and the time from there to the answer.
    pub(super) fn draw(&self, chance: &mut Chance) -> (Micros, Micros) {
        let whole = match self.kind {
            LatencyKind::Fixed(time) => micros(time),
            LatencyKind::Lognormal { mean, sigma } => {
                let factor = (sigma * chance.normal() - sigma * sigma / 2.0).exp();
                (micros(mean) as f64 * factor) as Micros
            }
            LatencyKind::Uniform { least, most } => {
                let span = micros(most).saturating_sub(micros(least));
                micros(least) + (span as f64 * chance.unit()) as Micros
            }
            LatencyKind::Bimodal { usual, slow, share } => {
                let slow_now = chance.unit() < share;
                micros(if slow_now { slow } else { usual })
            }
        };
        let before = (whole as f64 * self.before) as Micros;
        (before, whole - before.min(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lognormal_keeps_its_mean() {
        let latency = Latency::lognormal(Duration::from_millis(200), 0.8).before_limiter(0.25);
        let (mut to, mut back) = (0, 0);
        for n in 0..20_000 {
            let (before, after) = latency.draw(&mut Chance::of(5, n));
            (to, back) = (to + before, back + after);
        }
        let mean = (to + back) / 20_000;
        assert!((190_000..210_000).contains(&mean), "{mean}");
        assert!((0.24..0.26).contains(&(to as f64 / (to + back) as f64)));
    }

    #[test]
    fn the_uniform_stays_within_its_bounds_and_fills_them() {
        let ms = Duration::from_millis;
        let latency = Latency::uniform(ms(40), ms(200));
        let draws: Vec<_> = (0..20_000)
            .map(|n| latency.draw(&mut Chance::of(5, n)))
            .map(|(before, after)| before + after)
            .collect();
        assert!(draws.iter().all(|time| (40_000..=200_000).contains(time)));
        let mean = draws.iter().sum::<u64>() / 20_000;
        assert!((119_000..121_000).contains(&mean), "{mean}");
        assert!(!Latency::uniform(ms(2), ms(1)).is_sound());
    }

    #[test]
    fn the_bimodal_is_slow_for_its_share() {
        let ms = Duration::from_millis;
        let latency = Latency::bimodal(ms(80), ms(480), 0.1);
        let slow = (0..20_000)
            .map(|n| latency.draw(&mut Chance::of(5, n)))
            .filter(|(before, after)| before + after == 480_000)
            .count();
        assert!((1_900..2_100).contains(&slow), "{slow}");
        assert!(!Latency::bimodal(ms(1), ms(2), 1.1).is_sound());
    }
}
