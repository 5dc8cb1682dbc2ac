/// The controller of Vector's adaptive request concurrency: AIMD on the number
/// of requests in flight, one decision for each round trip.
///
/// Times are seconds since any origin. It says what the limit should be;
/// holding requests to it is the caller's part.
#[derive(Clone, Copy, Debug)]
pub struct Concurrency {
    limit: usize,
    past: Option<(f64, f64)>,
    sum: f64,
    samples: f64,
    next_update: f64,
    refused: bool,
    reached: bool,
}

/// Vector's defaults.
const ALPHA: f64 = 0.4;
const DECREASE: f64 = 0.9;
const DEVIATIONS: f64 = 2.5;
const MOST: usize = 200;

impl Default for Concurrency {
    fn default() -> Self {
        Self {
            limit: 1,
            past: None,
            sum: 0.0,
            samples: 0.0,
            next_update: 0.0,
            refused: false,
            reached: false,
        }
    }
}

impl Concurrency {
    /// So many requests may be in flight.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// A request goes out, and with it so many are in flight.
    pub fn sent(&mut self, in_flight: usize) {
        self.reached |= in_flight >= self.limit;
    }

    /// An answer came after `took` seconds. Only a success is a sample of the
    /// round trip.
    pub fn answered(&mut self, now: f64, took: f64, refused: bool) {
        self.refused |= refused;
        let Some((mean, variance)) = self.past else {
            if !refused {
                self.past = Some((took, 0.0));
                self.next_update = now + took;
            }
            return;
        };
        if !refused {
            self.sum += took;
            self.samples += 1.0;
        }
        if now < self.next_update {
            return;
        }
        let current = (self.samples > 0.0).then_some(self.sum / self.samples);
        self.decide((mean, variance), current);
        if let Some(current) = current {
            let delta = current - mean;
            let variance = (1.0 - ALPHA) * (variance + ALPHA * delta * delta);
            self.past = Some((mean + ALPHA * delta, variance));
        }
        *self = Self {
            limit: self.limit,
            past: self.past,
            next_update: now + mean,
            ..Self::default()
        };
    }

    fn decide(&mut self, (mean, variance): (f64, f64), current: Option<f64>) {
        let quick = current.is_some_and(|rtt| rtt <= mean);
        let slow = current.is_some_and(|rtt| rtt >= mean + DEVIATIONS * variance.sqrt());
        if self.limit < MOST && self.reached && !self.refused && quick {
            self.limit += 1;
        } else if self.limit > 1 && (self.refused || slow) {
            self.limit = (self.limit as f64 * DECREASE) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rounds: usize, refused: bool, from: Concurrency) -> Concurrency {
        let mut controller = from;
        for round in 0..rounds {
            controller.sent(controller.limit());
            controller.answered(round as f64, 0.1, refused);
        }
        controller
    }

    #[test]
    fn it_adds_one_a_round_trip_and_takes_a_tenth_away() {
        let grown = after(40, false, Concurrency::default());
        assert_eq!(grown.limit(), 40);
        // The first round is still that of the successes before.
        assert_eq!(
            after(
                1,
                true,
                Concurrency {
                    next_update: 0.0,
                    ..grown
                }
            )
            .limit(),
            36
        );
    }

    #[test]
    fn it_never_goes_below_one() {
        assert_eq!(
            after(50, true, after(5, false, Concurrency::default())).limit(),
            1
        );
    }

    #[test]
    fn it_does_not_grow_beyond_what_is_used() {
        let mut controller = Concurrency::default();
        for round in 0..20 {
            controller.answered(f64::from(round), 0.1, false);
        }
        assert_eq!(controller.limit(), 1);
    }
}
