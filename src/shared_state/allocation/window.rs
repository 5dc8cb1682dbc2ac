use super::{AGAIN, AHEAD, DAY, EXACT, FLIGHT, LATER, LEARNED};

/// One window of a scope: what is held by all, and what is on its way back.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// The limit of all together: the smallest configured, times the learned
    /// part.
    pub(super) limit: u64,
    /// The tokens of all members, the dead included.
    pub(super) held: u64,
    /// Given back, but used until an instant: `(free_at, count)`, soonest
    /// first, one entry for each instant.
    pub(super) returning: Vec<(u64, u64)>,
    /// How long a turn takes, where there are hardly more tokens than members.
    pub(super) turn: u64,
    /// In millionths. 0: nothing is learned.
    pub(super) learned: u64,
    learned_until: u64,
}

/// A member's part in one window.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub(super) limit: u64,
    pub(super) held: u64,
    pub(super) want: u64,
    pub(super) queued: u64,
    pub(super) target: u64,
    /// Of those held, which it may use only from an instant on.
    pub(super) late: Vec<(u64, u64)>,
}

/// What others are to have, and do not hold yet.
#[derive(Debug, Default)]
pub(super) struct Missing {
    pub(super) all: u64,
    /// Of one of them.
    pub(super) most: u64,
}

/// What a member says of its part, in milliseconds.
pub(super) struct Statement<'a> {
    pub(super) held: u64,
    pub(super) returned: &'a [(u64, u64)],
    /// Whatever we know, that is what it holds.
    pub(super) trusted: bool,
    /// It has not heard the last answer: grants of it may never have come, and
    /// what it gave back before that is said again.
    pub(super) unheard: bool,
    /// But of what ends only with its use, no more than the others leave. What
    /// it uses beyond was given away when its lease was over.
    pub(super) permits: bool,
}

impl Window {
    /// Forgets what is free again, and what was learned long ago.
    pub(super) fn pass(&mut self, now: u64) {
        self.returning.retain(|(free_at, _)| *free_at > now);
        if self.learned_until <= now {
            self.learned = 0;
        }
    }

    /// A member has learned what part of the limit is real. Whether that is new.
    pub(super) fn learn(&mut self, ratio: u64, now: u64) -> bool {
        let was = std::mem::replace(&mut self.learned, ratio);
        self.learned_until = now + LEARNED;
        was != ratio
    }

    /// Takes a token back that is used until `free_at`.
    fn take_back(&mut self, free_at: u64, count: u64) {
        if count == 0 {
            return;
        }
        let at = self
            .returning
            .partition_point(|(other, _)| *other < free_at);
        match self.returning.get_mut(at) {
            Some((other, more)) if *other == free_at => *more += count,
            _ => self.returning.insert(at, (free_at, count)),
        }
    }

    /// Corrects what a member holds by what it says.
    pub(super) fn settle(&mut self, part: &mut Part, says: &Statement<'_>, now: u64, step: u64) {
        let others = self.held - part.held;
        let held = match says.trusted {
            false => says.held.min(part.held),
            true if says.permits && self.limit > 0 => {
                says.held.min(self.limit.saturating_sub(others))
            }
            true => says.held,
        };
        let mut lost = part.held.saturating_sub(held);
        part.late.retain(|(free_at, _)| *free_at > now);
        // What is said again, since its answer was lost, is among them, and so are
        // promises that never came, still in use by the one before. Nobody knows
        // which, so it is the soonest free that are left out.
        let says_back = says.returned.iter();
        let mut back: Vec<(u64, u64, bool)> = says_back
            .map(|(free_in, count)| (now + free_in, *count, false))
            .collect();
        if says.unheard && !says.trusted {
            back.extend(part.late.drain(..).map(|(at, count)| (at, count, true)));
        }
        back.sort_unstable_by(|one, other| other.cmp(one));
        for (free_at, count, is_promise) in back {
            let some = if says.trusted { count } else { count.min(lost) };
            if free_at > now && some > 0 {
                self.take_back(rounded(free_at, step), some);
            }
            if is_promise && count > some {
                part.late.push((free_at, count - some));
            }
            lost = lost.saturating_sub(some);
        }
        part.late.sort_unstable();
        // Grants that never came: nobody has used them, but those that were
        // promised ahead are still in use by the one before.
        while lost > 0
            && let Some((free_at, count)) = part.late.pop()
        {
            let gone = count.min(lost);
            self.take_back(free_at, gone);
            lost -= gone;
            if count > gone {
                part.late.push((free_at, count - gone));
            }
        }
        let mut late: u64 = part.late.iter().map(|(_, count)| count).sum();
        while late > held
            && let Some((free_at, count)) = part.late.pop()
        {
            let keep = count.saturating_sub(late - held);
            late -= count - keep;
            if keep > 0 {
                part.late.push((free_at, keep));
            }
        }
        self.held = self.held - part.held + held;
        part.held = held;
    }

    /// Tokens that nobody holds, and that are not on their way back.
    pub(super) fn spare(&self) -> u64 {
        let coming: u64 = self.returning.iter().map(|(_, count)| count).sum();
        self.limit.saturating_sub(self.held + coming)
    }

    /// When it may be worth to ask again. What comes back of itself is promised
    /// ahead; others give back when they are called.
    pub(super) fn more_in(&self, code: i64, now: u64) -> u64 {
        let least = match ordered(code) > AHEAD {
            true => LATER,
            false => AHEAD / 2,
        };
        match self.returning.first() {
            Some((free_at, _)) => (free_at - now).saturating_sub(AHEAD).max(least),
            None => AGAIN,
        }
    }

    /// A member no longer counts this window.
    pub(super) fn drop_part(&mut self, part: &Part, free_at: u64, step: u64) {
        self.held -= part.held;
        self.take_back(rounded(free_at, step), part.held);
    }

    /// Up to how many it may have now, of its `target`. What there is goes to all
    /// that miss some, by how many: whoever asks first would have it all, and in
    /// another window no room for it.
    pub(super) fn fair(&self, part: &Part, target: u64, others: &Missing, now: u64) -> u64 {
        let missing = target.saturating_sub(part.held);
        let coming: u64 = self.returning.iter().map(|(_, count)| count).sum();
        let soon = self.returning.iter();
        let soon = soon.take_while(|(free_at, _)| *free_at <= now + AHEAD);
        let soon: u64 = soon.map(|(_, count)| count).sum();
        let there = (self.limit + soon).saturating_sub(self.held + coming);
        let all = missing + others.all;
        let mut parts = there.saturating_mul(missing);
        if missing >= others.most {
            // So there is always one that gets the last.
            parts = parts.saturating_add(all.saturating_sub(1));
        }
        if others.all == 0 || parts >= EXACT {
            return target;
        }
        target.min(part.held + parts / all)
    }

    /// Grants what is missing up to `target`: what is free, and then what will
    /// soon be. Returns `(from_in, count)`.
    pub(super) fn grant(&mut self, part: &mut Part, target: u64, now: u64) -> Vec<(u64, u64)> {
        let mut granted = Vec::new();
        let mut missing = target.saturating_sub(part.held);
        let coming: u64 = self.returning.iter().map(|(_, count)| count).sum();
        let free = self.limit.saturating_sub(self.held + coming).min(missing);
        if free > 0 {
            granted.push((0, free));
            missing -= free;
        }
        // Where the limit was lowered, those that come back first are no
        // longer there to give.
        let mut gone = (self.held + coming).saturating_sub(self.limit);
        let mut promised = 0;
        for (free_at, count) in &mut self.returning {
            if missing == 0 || *free_at > now + AHEAD {
                break;
            }
            let skipped = gone.min(*count);
            gone -= skipped;
            let some = missing.min(*count - skipped);
            if some > 0 {
                granted.push((*free_at - now, some));
                part.late.push((*free_at, some));
                *count -= some;
                missing -= some;
                promised += some;
            }
        }
        self.returning.retain(|(_, count)| *count > 0);
        part.late.sort_unstable();
        part.held += free + promised;
        self.held += free + promised;
        granted
    }
}

/// Short windows first; a day is a long one.
pub(super) fn ordered(code: i64) -> u64 {
    if code < 0 { DAY } else { code.unsigned_abs() }
}

/// When the tokens are free that a dead member held.
pub(super) fn gone_at(code: i64, expires: u64) -> u64 {
    match code {
        0 => expires,
        length if length > 0 => expires + length.unsigned_abs() + FLIGHT,
        _ => expires - expires % DAY + DAY + FLIGHT,
    }
}

/// The steps into which instants are merged, so that their number stays small.
pub(super) fn step(code: i64) -> u64 {
    match code {
        0 => 1,
        length if length > 0 => (length.unsigned_abs() / 64).max(1),
        _ => DAY / 64,
    }
}

fn rounded(at: u64, step: u64) -> u64 {
    at.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A member gave three back, and was promised two; it has heard of neither,
    /// and says the three again.
    #[test]
    fn a_promise_that_never_came_is_not_free_before_its_time() {
        let mut window = Window {
            limit: 10,
            held: 10,
            ..Window::default()
        };
        let mut part = Part {
            held: 7,
            late: vec![(2_000, 2)],
            ..Part::default()
        };
        let says = Statement {
            held: 5,
            returned: &[(0, 3)],
            trusted: false,
            unheard: true,
            permits: false,
        };
        window.settle(&mut part, &says, 1_000, 1);
        assert_eq!((part.held, window.held), (5, 8));
        assert_eq!(window.returning, [(2_000, 2)]);
        assert_eq!(window.spare(), 0);
    }
}
