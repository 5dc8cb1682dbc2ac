use std::collections::BTreeMap;

use super::{
    AGAIN, BACK, CALLED, DAY, FEW, FLIGHT, KEPT, LEARNED, RECLAIM,
    fill::{Wish, fill},
    window::{Part, Statement, Window, gone_at, step},
};
use crate::shared_state::{
    Notice, ScopeAsk, ScopeReply, Tokens, WindowReply, WindowSpan,
    exchange::{MAX_MILLIS, millis},
};

/// One scope: its windows, and who holds what of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    members: BTreeMap<u64, Record>,
    windows: BTreeMap<i64, Window>,
    filled_at: u64,
    called_at: u64,
    /// Until then nobody gets more than it claims.
    settled_at: u64,
    /// When somebody spoke last.
    heard_at: u64,
    hold_until: u64,
    /// In millionths. 0: nothing is learned.
    learned: u64,
    learned_until: u64,
    pub(super) expires: u64,
}

/// What one member said last.
#[derive(Clone, Debug, Default)]
struct Record {
    number: u64,
    expires: u64,
    parts: BTreeMap<i64, Part>,
}

/// Who speaks, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    pub(super) member: u64,
    pub(super) number: u64,
    pub(super) lease: u64,
    pub(super) now: u64,
    pub(super) settled_at: u64,
    pub(super) instances: u64,
}

impl Scope {
    /// Whether it has heard this exchange, or a later one, of this member.
    pub(super) fn has_heard(&self, member: u64, number: u64, now: u64) -> bool {
        let record = self.members.get(&member).filter(|_| !self.is_ahead(now));
        record.is_some_and(|record| record.number >= number)
    }

    /// Whether the clock has been set back since. All that is written down would
    /// come true too late, so it is given up, and those who hold claim it.
    pub(super) fn is_ahead(&self, now: u64) -> bool {
        self.heard_at > now + BACK
    }

    pub(super) fn exchange(
        &mut self,
        ask: &ScopeAsk,
        speaker: Speaker,
        notices: &mut Vec<Notice>,
    ) -> ScopeReply {
        let now = speaker.now;
        self.heard_at = now;
        self.hear_news(ask, now, notices);
        let (is_new, holds) = self.hear_windows(ask, speaker);
        let filled = self.fill_if_due(now);
        let settled_at = speaker.settled_at.max(self.settled_at);
        let mut reply = ScopeReply::default();
        let (mut ask_in, mut missing) = (u64::MAX, false);
        let members = self.members.len() as u64;
        for (window_ask, held) in ask.windows.iter().zip(holds) {
            let code = window_ask.span.code();
            let record = self.members.entry(speaker.member).or_default();
            let part = record.parts.entry(code).or_default();
            let window = self.windows.entry(code).or_default();
            let mut target = match filled {
                true => part.target,
                // Not counted in yet.
                false if is_new => part.want.min(window.limit / members),
                false => part.target.min(part.want),
            };
            if now < settled_at {
                target = target.min(match held {
                    0 => unclaimed(code, window.limit, speaker),
                    held => held,
                });
                if part.want > target {
                    ask_in = ask_in.min(settled_at - now);
                }
            }
            let granted = window.grant(part, target, now);
            if part.held < target {
                missing = true;
                ask_in = ask_in.min(window.more_in(now));
            } else if part.want > part.held && window.turn > 0 {
                ask_in = ask_in.min(window.turn - now % window.turn);
            }
            reply.windows.push(WindowReply {
                target: narrow(target),
                held: narrow(part.held),
                granted: granted
                    .into_iter()
                    .map(|(from_in, count)| Tokens::new(narrow(count), duration(from_in)))
                    .collect(),
                limit: narrow(window.limit),
                spare: narrow(window.spare() / speaker.instances),
            });
        }
        if missing && filled {
            self.call(ask, speaker, notices);
        }
        reply.hold = (self.hold_until > now).then(|| duration(self.hold_until - now));
        reply.learned = (self.learned > 0).then_some(narrow(self.learned));
        reply.ask_in = (ask_in < u64::MAX).then(|| duration(ask_in));
        let longest = ask.windows.iter().map(|ask| length(ask.span)).max();
        let closed = self.hold_until.saturating_sub(now);
        self.expires = now + speaker.lease + longest.unwrap_or(0) + FLIGHT + KEPT + closed;
        reply
    }

    fn hear_news(&mut self, ask: &ScopeAsk, now: u64, notices: &mut Vec<Notice>) {
        if self.learned_until <= now {
            self.learned = 0;
        }
        if let Some(hold) = ask.hold
            && now + millis(hold) > self.hold_until
        {
            self.hold_until = now + millis(hold);
            notices.push(Notice::Hold {
                scope: ask.name.clone(),
                wait: duration(millis(hold)),
            });
        }
        if let Some(ratio) = ask.learned {
            let ratio = u64::from(ratio).clamp(1, 1_000_000);
            if ratio != self.learned {
                notices.push(Notice::Learned {
                    scope: ask.name.clone(),
                    ratio: narrow(ratio),
                });
            }
            self.learned = ratio;
            self.learned_until = now + LEARNED;
        }
    }

    /// Whether the member was unknown, and what it holds of each window before
    /// any grant.
    fn hear_windows(&mut self, ask: &ScopeAsk, speaker: Speaker) -> (bool, Vec<u64>) {
        let now = speaker.now;
        let known = self.members.get(&speaker.member);
        let is_new = known.is_none();
        if ask.claim || (is_new && ask.acknowledged > 0) {
            self.settled_at = now + RECLAIM;
        }
        let trusted = ask.claim || known.is_none_or(|known| known.number < ask.acknowledged);
        let record = self.members.entry(speaker.member).or_default();
        (record.number, record.expires) = (speaker.number, now + speaker.lease);
        let mut holds = Vec::with_capacity(ask.windows.len());
        for ask in &ask.windows {
            let code = ask.span.code();
            let window = self.windows.entry(code).or_default();
            let part = record.parts.entry(code).or_default();
            let returned: Vec<(u64, u64)> = ask
                .returned
                .iter()
                .map(|back| (millis(back.free_in), u64::from(back.count)))
                .collect();
            let says = Statement {
                held: u64::from(ask.held),
                returned: &returned,
                trusted,
            };
            window.pass(now);
            window.settle(part, &says, now, step(code));
            part.limit = u64::from(ask.limit);
            part.want = u64::from(ask.want);
            part.queued = u64::from(ask.queued);
            holds.push(part.held);
        }
        // A window that it no longer counts.
        record.parts.retain(|code, part| {
            let counts = ask.windows.iter().any(|ask| ask.span.code() == *code);
            if !counts && let Some(window) = self.windows.get_mut(code) {
                window.drop_part(part, gone_at(*code, now), step(*code));
            }
            counts
        });
        (is_new, holds)
    }

    /// Computes everyone's part, if it is time. Few members are computed each
    /// time; with many it would cost too much.
    fn fill_if_due(&mut self, now: u64) -> bool {
        let members = self.members.len() as u64;
        let fresh = self.windows.values().any(|window| window.limit == 0);
        if members > FEW && !fresh && now < self.filled_at + members.min(1_000) {
            return false;
        }
        self.filled_at = now;
        self.bury(now);
        let mut codes: Vec<i64> = self.windows.keys().copied().collect();
        codes.sort_by_key(|code| ordered(*code));
        // The parts of the last window that has not enough for all.
        let mut scarce: Option<(u64, BTreeMap<u64, u64>)> = None;
        for code in codes {
            let alive = self
                .members
                .iter_mut()
                .filter(|(_, record)| record.expires > now);
            let mut parts: Vec<(u64, &mut Part)> = alive
                .filter_map(|(id, record)| Some((*id, record.parts.get_mut(&code)?)))
                .collect();
            let Some(window) = self.windows.get_mut(&code) else {
                continue;
            };
            let Some(limit) = parts.iter().map(|(_, part)| part.limit).min() else {
                continue;
            };
            let limit = match self.learned {
                0 => limit,
                ratio => (limit * ratio / 1_000_000).max(1).min(limit),
            };
            window.limit = limit;
            parts.iter_mut().for_each(|(_, part)| part.target = 0);
            parts.retain(|(_, part)| part.want > 0);
            let wish = |(id, part): &(u64, &mut Part)| {
                let mut want = part.want.min(limit);
                // Nobody can use more of a longer window than its part of a
                // shorter one lets through.
                if let Some((of, targets)) = &scarce
                    && let Some(target) = targets.get(id)
                    && limit * target < EXACT
                {
                    want = want.min((limit * target).div_ceil(*of).max(1));
                }
                Wish {
                    want,
                    queued: part.queued,
                }
            };
            let wishes: Vec<Wish> = parts.iter().map(wish).collect();
            let wanted: u64 = wishes.iter().map(|wish| wish.want).sum();
            let turn = turn(code, limit, wishes.len() as u64);
            window.turn = if turn < SELDOM { turn } else { 0 };
            let targets = fill(limit, &wishes, now / turn);
            for ((_, part), target) in parts.iter_mut().zip(&targets) {
                part.target = *target;
            }
            // Permits say nothing about a rate.
            if wanted > limit && code != 0 {
                let ids = parts.iter().map(|(id, _)| *id);
                scarce = Some((limit, ids.zip(targets).collect()));
            }
        }
        true
    }

    /// Frees what the dead held, once it is in no window any more.
    fn bury(&mut self, now: u64) {
        let windows = &mut self.windows;
        self.members.retain(|_, record| {
            if record.expires > now {
                return true;
            }
            let expires = record.expires;
            record.parts.retain(|code, part| {
                let stays = part.held > 0 && gone_at(*code, expires) > now;
                if !stays && let Some(window) = windows.get_mut(code) {
                    window.held -= part.held;
                }
                stays
            });
            !record.parts.is_empty()
        });
    }

    /// Calls on those who hold more than their part.
    fn call(&mut self, ask: &ScopeAsk, speaker: Speaker, notices: &mut Vec<Notice>) {
        let now = speaker.now;
        if now < self.called_at + AGAIN {
            return;
        }
        let over = self.members.iter().filter(|(member, record)| {
            **member != speaker.member
                && record.expires > now
                && record.parts.values().any(|part| part.held > part.target)
        });
        let members: Vec<u64> = over.map(|(member, _)| *member).take(CALLED).collect();
        if !members.is_empty() {
            self.called_at = now;
            notices.push(Notice::Wanted {
                scope: ask.name.clone(),
                members,
            });
        }
    }

    #[cfg(test)]
    pub(super) fn held(&self, code: i64) -> u64 {
        let parts = self
            .members
            .values()
            .filter_map(|record| record.parts.get(&code));
        let held = parts.map(|part| part.held).sum();
        assert_eq!(
            held,
            self.windows.get(&code).map_or(0, |window| window.held)
        );
        held
    }
}

/// Turns this long matter to nobody. Where everyone has some, what one has more
/// should stay: a longer window that is as full as it may be is slow to follow.
const SELDOM: u64 = 600_000;

/// The longest turn, otherwise.
const OFTEN: u64 = 10_000;

/// How long a token that cannot be parted stays with one, in milliseconds.
fn turn(code: i64, limit: u64, wishes: u64) -> u64 {
    if limit >= 2 * wishes {
        return SELDOM;
    }
    code.unsigned_abs().clamp(2_000, OFTEN)
}

/// What somebody may have who claims nothing, while others may yet claim. Of a
/// long window, only as much as the time until then is worth.
fn unclaimed(code: i64, limit: u64, speaker: Speaker) -> u64 {
    let part = limit / speaker.instances;
    let length = ordered(code);
    if length <= speaker.lease {
        return part.max(1);
    }
    (part * speaker.lease / length).max(1)
}

/// Short windows first; a day is a long one.
fn ordered(code: i64) -> u64 {
    if code < 0 { DAY } else { code.unsigned_abs() }
}

/// Where the store's numbers are still exact.
const EXACT: u64 = 1 << 53;

fn length(span: WindowSpan) -> u64 {
    millis(span.length())
}

fn duration(millis: u64) -> std::time::Duration {
    std::time::Duration::from_millis(millis.min(MAX_MILLIS))
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
