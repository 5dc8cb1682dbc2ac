use std::{collections::VecDeque, time::Duration};

/// Round trips that are remembered.
const SEEN: usize = 128;
/// Fewer tell nothing of what is usual.
const FEW: usize = 16;
/// What stands for usual until then.
const UNKNOWN: Duration = Duration::from_secs(10);

/// How long answers take of late.
#[derive(Debug, Default)]
pub(super) struct Trips {
    seen: VecDeque<Duration>,
}

impl Trips {
    pub(super) fn saw(&mut self, trip: Duration) {
        if self.seen.len() == SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(trip);
    }

    /// A round trip that few exceed. Up to one stalled call in twenty does not
    /// change it much.
    pub(super) fn long(&self) -> Duration {
        if self.seen.len() < FEW {
            return UNKNOWN;
        }
        let mut trips: Vec<_> = self.seen.iter().copied().collect();
        let rank = trips.len() * 19 / 20;
        *trips.select_nth_unstable(rank).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_stalls_do_not_change_what_is_long() {
        let mut trips = Trips::default();
        assert_eq!(trips.long(), UNKNOWN);
        for n in 0..1_000 {
            trips.saw(Duration::from_millis(if n % 50 == 0 {
                10_000
            } else {
                100
            }));
        }
        assert_eq!(trips.long(), Duration::from_millis(100));
    }
}
