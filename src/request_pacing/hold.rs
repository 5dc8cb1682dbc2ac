use std::time::Duration;

use tokio::time::Instant;

use super::{learned::MEMORY, tighten::Tightened};

/// How long one step of the ramp lasts when no answer ends it sooner.
const STEP: Duration = Duration::from_secs(1);
/// No scope is closed for longer: a wait beyond it is as good as for ever.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 86_400);
/// Steps after which the ramp is over, with 256 requests in flight.
const STEPS: u32 = 8;

/// A scope that refusals have closed until an instant.
///
/// Refusals of requests that were sent before the first refusal came back are
/// one event with it: nobody could know better when they were sent.
#[derive(Debug, Default)]
pub(super) struct Hold {
    event: Option<Event>,
    until: Option<Instant>,
    /// So long of that somebody said. The rest follows from refusals in a row.
    #[cfg(feature = "shared-state")]
    said: Option<Instant>,
    ramp: Option<Ramp>,
    /// Whether it is closed until somebody opens it.
    pub(super) paused: bool,
    /// What the server says it admits.
    pub(super) tightened: Tightened,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    began: Instant,
    /// Events before this one, in a row.
    repeats: u32,
    /// Whether a request that was sent since has been admitted.
    over: bool,
    /// Until when it counts, if nothing is sent.
    counts_until: Instant,
}

/// After it was closed: one request first, then two, then four.
#[derive(Clone, Copy, Debug)]
struct Ramp {
    from: Instant,
    admitted: u32,
    in_flight: u32,
}

impl Hold {
    /// Whether the refusal of a request that was sent then is of an event that
    /// is known.
    pub(super) fn is_known(&self, sent: Instant) -> bool {
        self.event.is_some_and(|event| sent < event.began)
    }

    /// A request was refused; `wait` tells how long to stay away after so many
    /// events in a row. Returns until when the scope is closed, if that
    /// changed.
    pub(super) fn refused(
        &mut self,
        sent: Instant,
        now: Instant,
        wait: impl FnOnce(u32) -> Option<Duration>,
    ) -> Option<Instant> {
        let known = self.event.filter(|event| sent < event.began);
        let (began, repeats) = match (known, self.event) {
            (Some(event), _) => (event.began, event.repeats),
            (_, Some(event)) if event.counts(now) => (now, event.repeats.saturating_add(1)),
            _ => (now, 0),
        };
        let wait = wait(repeats).map(|wait| wait.min(LONGEST));
        let until = now + wait.unwrap_or_default();
        self.event = Some(Event {
            began,
            repeats,
            over: known.is_some_and(|event| event.over),
            counts_until: until + MEMORY,
        });
        (wait.is_some() && self.close(until)).then_some(until)
    }

    /// Refusals in a row told nothing of this scope: the next one is the first again.
    #[cfg(feature = "shared-state")]
    pub(super) fn forget_guesses(&mut self, now: Instant) {
        self.event = None;
        let said = self.said.unwrap_or(now).max(now);
        if self.until.is_some_and(|until| until > said) {
            self.until = None;
            self.close(said);
        }
    }

    /// The server says until when it is closed, by its last refusal.
    #[cfg(feature = "shared-state")]
    pub(super) fn says(&mut self, until: Option<Instant>) {
        self.said = self.said.max(until);
    }

    /// Somebody says until when it is closed. Unless it is for longer.
    pub(super) fn close_as_said(&mut self, until: Instant) -> bool {
        #[cfg(feature = "shared-state")]
        self.says(Some(until));
        self.close(until)
    }

    /// Closes until `until`, unless it is closed for longer.
    fn close(&mut self, until: Instant) -> bool {
        if self.until.is_some_and(|old| old >= until) {
            return false;
        }
        self.until = Some(until);
        self.ramp = Some(Ramp {
            from: until,
            admitted: 0,
            in_flight: 0,
        });
        true
    }

    /// Opens now, if it is closed until later.
    pub(super) fn open(&mut self, now: Instant) -> bool {
        #[cfg(feature = "shared-state")]
        {
            self.said = None;
        }
        self.until.take_if(|until| *until > now).is_some() && self.close(now)
    }

    /// A request that was sent then was admitted.
    #[inline]
    pub(super) fn admitted(&mut self, sent: Instant) {
        if let Some(event) = &mut self.event {
            event.over |= sent >= event.began;
        }
        if let Some(ramp) = &mut self.ramp
            && sent >= ramp.from
        {
            ramp.admitted += 1;
        }
    }

    /// A request was sent, or is about to be.
    #[inline]
    pub(super) fn take(&mut self, cost: u32) {
        self.tightened.take(cost);
        if let Some(ramp) = &mut self.ramp {
            ramp.in_flight += 1;
        }
    }

    /// What was called then is sent only now.
    pub(super) fn sent_late(&mut self, called: Instant, now: Instant) {
        self.ended(called);
        // While it is closed, it is none of those that open it.
        if let Some(ramp) = &mut self.ramp
            && now >= ramp.from
        {
            ramp.in_flight += 1;
        }
    }

    /// One that was taken then was not sent.
    pub(super) fn give_back(&mut self, cost: u32, taken: Instant) {
        self.tightened.give_back(cost);
        self.ended(taken);
    }

    /// A request that was sent then is over.
    #[inline]
    pub(super) fn ended(&mut self, sent: Instant) {
        if let Some(ramp) = &mut self.ramp
            && sent >= ramp.from
        {
            ramp.in_flight = ramp.in_flight.saturating_sub(1);
        }
    }

    /// Whether it was closed after `taken`, even if it is open again.
    pub(super) fn closed_since(&self, taken: Instant) -> bool {
        self.ramp.is_some_and(|ramp| ramp.from > taken)
    }

    /// Until when it is closed.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        let held = self.until.filter(|until| *until > now);
        held.max(self.tightened.opens_at(1, now))
    }

    /// Whether one more request of this cost may be in flight.
    #[inline]
    pub(super) fn admits(&mut self, cost: u32, now: Instant) -> bool {
        if self.paused {
            return false;
        }
        if self.until.is_none() && self.ramp.is_none() && self.tightened.is_empty() {
            return true;
        }
        self.admits_now(cost, now)
    }

    #[cold]
    fn admits_now(&mut self, cost: u32, now: Instant) -> bool {
        self.ramp_room(now) > 0 && self.tightened.room(now) >= cost
    }

    fn ramp_room(&mut self, now: Instant) -> u32 {
        if self.until(now).is_some() {
            return 0;
        }
        let Some(ramp) = self.ramp else {
            return u32::MAX;
        };
        let step = ramp.step(now);
        if step >= STEPS {
            self.ramp = None;
            self.until = None;
            return u32::MAX;
        }
        (1_u32 << step).saturating_sub(ramp.in_flight)
    }

    /// When there is more room, if there is none. `None`: when somebody opens
    /// it.
    pub(super) fn next_free(&self, cost: u32, now: Instant) -> Option<Instant> {
        if self.paused {
            return None;
        }
        if let Some(until) = self.until(now).max(self.tightened.opens_at(cost, now)) {
            return Some(until);
        }
        let ramp = self.ramp?;
        let elapsed = now.saturating_duration_since(ramp.from).as_secs();
        Some(ramp.from + STEP * u32::try_from(elapsed + 1).unwrap_or(u32::MAX))
    }

    /// Whether it is as a new one.
    pub(super) fn is_clear(&mut self, now: Instant) -> bool {
        let open = !self.paused && self.ramp_room(now) == u32::MAX;
        open && self.tightened.room(now) == u32::MAX
            && self.event.is_none_or(|event| !event.counts(now))
    }
}

impl Event {
    /// Whether another one would be one in a row with it.
    fn counts(&self, now: Instant) -> bool {
        !self.over && now < self.counts_until
    }
}

impl Ramp {
    fn step(&self, now: Instant) -> u32 {
        let elapsed = now.saturating_duration_since(self.from).as_secs() / STEP.as_secs();
        let elapsed = u32::try_from(elapsed).unwrap_or(u32::MAX);
        // Answers double it: the first lets two go, the next two let four go.
        let answers = (self.admitted + 1).ilog2();
        elapsed.saturating_add(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(repeats: u32) -> Option<Duration> {
        Some(if repeats == 0 { SECOND } else { SECOND * 300 })
    }

    #[test]
    fn refusals_of_one_event_are_one() {
        let (now, mut hold) = (Instant::now(), Hold::default());
        for n in 0..19 {
            hold.refused(now, now + SECOND / 10 + SECOND * n / 1_000, waits);
        }
        let until = hold.until(now + SECOND).unwrap();
        assert!(until <= now + SECOND * 12 / 10);
    }

    #[test]
    fn a_second_event_in_a_row_waits_longer() {
        let (now, mut hold) = (Instant::now(), Hold::default());
        hold.refused(now, now, waits);
        hold.refused(now + SECOND, now + SECOND, waits);
        assert_eq!(hold.until(now + SECOND), Some(now + SECOND * 301));

        let mut hold = Hold::default();
        hold.refused(now, now, waits);
        hold.admitted(now + SECOND);
        hold.refused(now + SECOND, now + SECOND, waits);
        assert_eq!(hold.until(now + SECOND), Some(now + SECOND * 2));
    }

    #[test]
    fn an_event_is_forgotten_an_hour_after_it_opened() {
        let (now, mut hold) = (Instant::now(), Hold::default());
        hold.refused(now, now, waits);
        let opened = now + SECOND;
        assert!(!hold.is_clear(opened + SECOND * 3_599));
        assert!(hold.is_clear(opened + SECOND * 3_600));
        let later = opened + SECOND * 3_600;
        hold.refused(later, later, waits);
        assert_eq!(hold.until(later), Some(later + SECOND));
    }

    #[test]
    fn a_wait_without_an_end_closes() {
        let (now, mut hold) = (Instant::now(), Hold::default());
        hold.refused(now, now, |_| Some(Duration::MAX));
        assert_eq!(hold.ramp_room(now + SECOND * 1_000_000), 0);
    }

    #[test]
    fn it_opens_with_a_ramp() {
        let (now, mut hold) = (Instant::now(), Hold::default());
        assert_eq!(hold.ramp_room(now), u32::MAX);
        hold.refused(now, now, waits);
        assert_eq!(
            (hold.ramp_room(now), hold.next_free(1, now)),
            (0, Some(now + SECOND))
        );

        let open = now + SECOND;
        assert_eq!(hold.ramp_room(open), 1);
        hold.take(1);
        assert_eq!(hold.ramp_room(open), 0);
        hold.admitted(open);
        hold.ended(open);
        assert_eq!(hold.ramp_room(open), 2);
        // One that stalls does not keep it shut.
        (0..2).for_each(|_| hold.take(1));
        assert_eq!(hold.next_free(1, open), Some(open + SECOND));
        assert_eq!(hold.ramp_room(open + SECOND), 2);
        assert_eq!(hold.ramp_room(open + SECOND * 8), u32::MAX);
    }
}
