use std::{cell::Cell, time::Duration};

/// Round trips that are remembered.
const SEEN: usize = 128;
/// Fewer tell nothing of what is usual.
const FEW: usize = 16;
/// What stands for usual until then.
const UNKNOWN: Duration = Duration::from_secs(10);
/// The last of them tell whether what is usual has changed. It is looked at as
/// often.
const LAST: usize = 8;
/// A trip that few exceed, to one that half of them exceed.
const LONG: u32 = 5;
const MEDIAN: u32 = 2;

/// Those that came since are kept apart until then.
const ROOM: usize = SEEN + LAST;

/// How long answers take of late.
#[derive(Debug, Default)]
pub(super) struct Trips {
    /// In microseconds, in a ring.
    seen: Vec<u32>,
    next: usize,
    /// The least of the present half of the ring, and of the one before; 0
    /// until both are full.
    least: [u32; 2],
    /// None: nobody has asked since the last change.
    long: Cell<Option<Duration>>,
}

impl Trips {
    pub(super) fn saw(&mut self, trip: Duration) {
        let micros = u32::try_from(trip.as_micros()).unwrap_or(u32::MAX);
        if self.seen.len() < ROOM {
            self.seen.push(micros);
        } else {
            self.seen[self.next] = micros;
        }
        self.next = (self.next + 1) % ROOM;
        self.least[0] = self.least[0].min(micros);
        if self.next.is_multiple_of(ROOM / 2) {
            self.least = [u32::MAX, self.least[0]];
        }
        if self.next.is_multiple_of(LAST) {
            self.long.set(None);
        }
    }

    /// What a round trip takes for certain. One in so many is less than the
    /// least of late, but hardly one is less than half of it.
    pub(super) fn surely(&self) -> Duration {
        let least = self.least[0].min(self.least[1]);
        Duration::from_micros((least / 2).into())
    }

    /// A round trip that few exceed. Up to one stalled call in twenty does not
    /// change it much; all becoming slower does at once.
    pub(super) fn long(&self) -> Duration {
        let long = self.long.get().unwrap_or_else(|| self.measure());
        self.long.set(Some(long));
        long
    }

    fn measure(&self) -> Duration {
        // As it was when it was due.
        let due = self.next - self.next % LAST;
        let known = match self.seen.len() {
            ROOM => SEEN,
            _ => due.min(SEEN),
        };
        if known < FEW {
            return UNKNOWN;
        }
        let mut all = [0; SEEN];
        let all = &mut all[..known];
        for (n, trip) in all.iter_mut().enumerate() {
            *trip = self.seen[(due + ROOM - known + n) % ROOM];
        }
        let mut last = [0; LAST];
        last.copy_from_slice(&all[known - LAST..]);
        let rank = all.len() * 19 / 20;
        let usual = *all.select_nth_unstable(rank).1;
        let now = *last.select_nth_unstable(LAST / 2).1;
        let now = now.saturating_mul(LONG) / MEDIAN;
        Duration::from_micros(usual.max(now).into())
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
        assert_eq!(trips.long(), Duration::from_millis(250));
    }

    #[test]
    fn what_a_trip_takes_for_certain_is_half_of_the_least() {
        let mut trips = Trips::default();
        (0..ROOM - 1).for_each(|_| trips.saw(Duration::from_millis(100)));
        assert_eq!(trips.surely(), Duration::ZERO);
        (0..2).for_each(|_| trips.saw(Duration::from_millis(100)));
        assert_eq!(trips.surely(), Duration::from_millis(50));
        trips.saw(Duration::from_millis(20));
        assert_eq!(trips.surely(), Duration::from_millis(10));
        (0..ROOM + ROOM / 2).for_each(|_| trips.saw(Duration::from_millis(500)));
        assert_eq!(trips.surely(), Duration::from_millis(250));
    }

    #[test]
    fn when_all_become_slower_it_shows_at_once() {
        let mut trips = Trips::default();
        (0..500).for_each(|_| trips.saw(Duration::from_millis(100)));
        (0..2 * LAST).for_each(|_| trips.saw(Duration::from_millis(500)));
        assert!(trips.long() > Duration::from_secs(1));
    }
}
