use std::collections::VecDeque;

use super::tick::Tick;

/// As many of those that are gone may lie about.
const MOST_GONE: usize = 32;

/// The requests of one scope for which its short windows wait: granted and
/// about to be sent, or sent and not answered.
///
/// They have consecutive numbers and most go in that order, so each is found
/// by its place.
#[derive(Debug, Default)]
pub(super) struct Flights {
    /// The oldest: mostly there is no other.
    first: Option<Flight>,
    others: VecDeque<Flight>,
    next: u64,
    /// Those of the others that are gone.
    gone: usize,
    requests: u32,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    number: u64,
    /// [`Tick::NEVER`]: not yet.
    sent: Tick,
    /// As how many it counts. None: it is gone.
    requests: u32,
}

impl Flights {
    /// Returns its number, never used again.
    #[inline]
    pub(super) fn add(&mut self, sent: Option<Tick>, requests: u32) -> u64 {
        let number = self.next;
        self.next += 1;
        self.requests = self.requests.saturating_add(requests);
        let flight = Flight {
            number,
            sent: sent.unwrap_or(Tick::NEVER),
            requests,
        };
        match self.first {
            None => self.first = Some(flight),
            Some(_) => self.others.push_back(flight),
        }
        number
    }

    /// As how many requests they count.
    pub(super) fn requests(&self) -> u32 {
        self.requests
    }

    /// It is sent now, or not yet.
    pub(super) fn set_sent(&mut self, number: u64, sent: Option<Tick>) {
        if let Some(flight) = self.find(number) {
            flight.sent = sent.unwrap_or(Tick::NEVER);
        }
    }

    /// Whether it was still there.
    #[inline]
    pub(super) fn remove(&mut self, number: u64) -> bool {
        let Some(first) = self.first.as_ref() else {
            return false;
        };
        if first.number != number {
            return self.remove_other(number);
        }
        self.requests = self.requests.saturating_sub(first.requests);
        self.first = None;
        if !self.others.is_empty() {
            self.first = self.next_first();
        }
        true
    }

    fn remove_other(&mut self, number: u64) -> bool {
        let Some(flight) = self.find(number) else {
            return false;
        };
        let requests = std::mem::take(&mut flight.requests);
        self.requests = self.requests.saturating_sub(requests);
        self.gone += 1;
        if self.gone > MOST_GONE.max(self.others.len() / 2) {
            self.others.retain(|it| it.requests > 0);
            self.gone = 0;
        }
        true
    }

    fn next_first(&mut self) -> Option<Flight> {
        while let Some(flight) = self.others.pop_front() {
            if flight.requests > 0 {
                return Some(flight);
            }
            self.gone -= 1;
        }
        None
    }

    /// The number of the oldest, or that of the next.
    pub(super) fn oldest(&self) -> u64 {
        self.first.as_ref().map_or(self.next, |it| it.number)
    }

    /// The number of the next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The oldest that was sent: its number, when, and as how many it counts.
    pub(super) fn oldest_sent(&self) -> Option<(u64, Tick, u32)> {
        let mut sent = self.first.iter().chain(&self.others);
        sent.find(|it| it.requests > 0 && it.sent != Tick::NEVER)
            .map(|it| (it.number, it.sent, it.requests))
    }

    fn find(&mut self, number: u64) -> Option<&mut Flight> {
        let first = self.first.as_mut()?;
        if first.number == number {
            return Some(first);
        }
        let front = self.others.front()?.number;
        let place = usize::try_from(number.checked_sub(front)?).ok()?;
        // Where some were taken out, it is further to the front.
        let at = match self.others.get(place) {
            Some(it) if it.number == number => place,
            _ => self
                .others
                .binary_search_by_key(&number, |it| it.number)
                .ok()?,
        };
        let flight = self.others.get_mut(at)?;
        (flight.requests > 0).then_some(flight)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_those_that_were_added_and_not_removed(
            steps in prop::collection::vec((0_u8..3, any::<prop::sample::Index>()), 1..400),
        ) {
            let (mut flights, mut model) = (Flights::default(), BTreeMap::new());
            for (step, which) in steps {
                if step < 2 || model.is_empty() {
                    let sent = (step == 0).then(|| Tick::end_of_day(model.len() as u32));
                    let number = flights.add(sent, 1 + u32::from(step));
                    prop_assert!(model.insert(number, (sent, 1 + u32::from(step))).is_none());
                } else {
                    let number = *which.get(&model.keys().copied().collect::<Vec<_>>());
                    prop_assert!(flights.remove(number) && !flights.remove(number));
                    model.remove(&number);
                }
                let oldest = model.keys().next().copied().unwrap_or(flights.next());
                prop_assert_eq!(flights.oldest(), oldest);
                let sent = model.iter().find_map(|(n, it)| Some((*n, it.0?, it.1)));
                prop_assert_eq!(flights.oldest_sent(), sent);
                prop_assert_eq!(flights.requests(), model.values().map(|it| it.1).sum::<u32>());
                let most = 2 * model.len() + MOST_GONE + 2;
                prop_assert!(flights.others.len() <= most);
            }
        }
    }
}
