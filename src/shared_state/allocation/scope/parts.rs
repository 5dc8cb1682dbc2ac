//! Computes everyone's part of a scope.

use std::collections::BTreeMap;

use super::{Record, Scope, Speaker, narrow, ordered, unclaimed};
use crate::shared_state::{
    Notice, PermitPart, ScopeAsk,
    allocation::{
        AGAIN, CALLED, EXACT, FEW,
        fill::{Filled, PARTS, Wish, fill},
        window::{Part, Window, gone_at},
    },
};

/// Turns this long matter to nobody. Where everyone has some, what one has more
/// should stay: a longer window that is as full as it may be is slow to follow.
const SELDOM: u64 = 600_000;

/// The shortest turn otherwise, and the longest. A shorter one costs more exchanges; of a
/// longer one, what somebody has sent in a minute depends on how many turns it has had.
const SOON: u64 = 3_000;
const OFTEN: u64 = 10_000;

/// A turn of permits.
const PERMITS: u64 = 2_000;

impl Scope {
    /// Computes everyone's part, if it is time. Few members are computed each
    /// time; with many it would cost too much.
    pub(super) fn fill_if_due(&mut self, now: u64) -> bool {
        let members = self.members.len() as u64;
        let fresh = self.windows.values().any(|window| window.limit == 0);
        if members > FEW && !fresh && now < self.filled_at + members.min(1_000) {
            return false;
        }
        self.filled_at = now;
        self.bury(now);
        let mut codes: Vec<i64> = self.windows.keys().copied().collect();
        codes.sort_by_key(|code| ordered(*code));
        // The last window that has not enough for all, and everyone's part of it.
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
            let limit = match window.learned {
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
                if let Some((of, parts)) = &scarce
                    && let Some(part) = parts.get(id)
                    && limit.saturating_mul(*part) < EXACT
                {
                    want = want.min((limit * part).div_ceil(of * PARTS).max(1));
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
            // A permit that goes to all in turn costs more exchanges.
            let none_first = code != 0;
            let Filled { mut targets, means } = fill(limit, &wishes, now / turn, none_first);
            if scarce.is_some() {
                leave(window, limit, &parts, &mut targets, now / turn);
            }
            for ((_, part), target) in parts.iter_mut().zip(&targets) {
                part.target = *target;
            }
            // Permits say nothing about a rate.
            if code == 0 {
                let left = limit.saturating_sub(targets.iter().sum());
                leave_unwanted(&mut self.members, left, now);
            } else if wanted > limit {
                let ids = parts.iter().map(|(id, _)| *id);
                // Turns are too short for a longer window to follow.
                let parts = match turn {
                    SELDOM => targets.iter().map(|target| target * PARTS).collect(),
                    _ => means,
                };
                scarce = Some((limit, ids.zip(parts).collect()));
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

    /// Hands on the permits that are free to those who miss some, and tells those
    /// who hold some that the speaker waits.
    pub(super) fn hand_on(
        &mut self,
        ask: &ScopeAsk,
        speaker: Speaker,
        settled: bool,
        notices: &mut Vec<Notice>,
    ) {
        let (now, own) = (speaker.now, speaker.member);
        let Some(window) = self.windows.get_mut(&0) else {
            return;
        };
        let record = self.members.get(&own);
        let part = record.and_then(|record| record.parts.get(&0));
        let waits = part.is_some_and(|part| part.want > part.held);
        let calls = waits && now >= self.called_at + AGAIN;
        if !calls && window.spare() == 0 {
            return;
        }
        // Who comes after the one that gives has it first.
        let after = self.members.range(own..).map(|(id, _)| *id);
        let before = self.members.range(..own).map(|(id, _)| *id);
        let ids: Vec<u64> = after.chain(before).filter(|id| *id != own).collect();
        // Of those who hold some, first those who hold more than their part.
        let (mut parts, mut rest) = (Vec::new(), Vec::new());
        for id in ids {
            let alive = self.members.get_mut(&id).filter(|it| it.expires > now);
            let Some(record) = alive else { continue };
            let Some(part) = record.parts.get_mut(&0) else {
                continue;
            };
            let target = match part.held {
                _ if settled => part.target,
                0 => part.target.min(unclaimed(0, window.limit, speaker)),
                held => held,
            };
            let some = target.saturating_sub(part.held).min(window.spare());
            part.held += some;
            window.held += some;
            let (held, target) = (narrow(part.held), narrow(part.target));
            let told = PermitPart::new(id, record.number, held, target);
            if some > 0 || (calls && held > target && parts.len() < CALLED) {
                parts.push(told);
            } else if calls && held > 0 {
                rest.push(told);
            }
        }
        let more = CALLED.saturating_sub(parts.len());
        parts.extend(rest.into_iter().take(more));
        if calls {
            self.called_at = now;
        }
        if !parts.is_empty() {
            let scope = ask.name.clone();
            notices.push(Notice::Permits { scope, parts });
        }
    }

    /// Calls on those who hold more than their part.
    pub(super) fn call(&mut self, ask: &ScopeAsk, speaker: Speaker, notices: &mut Vec<Notice>) {
        let now = speaker.now;
        if now < self.called_at + AGAIN {
            return;
        }
        let over = self.members.iter().filter(|(member, record)| {
            **member != speaker.member
                && record.expires > now
                && record
                    .parts
                    .iter()
                    .any(|(code, part)| *code != 0 && part.held > part.target)
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
}

/// Leaves to those who have more than their part what they have, and gives them more,
/// while there is some that nobody misses. Who had much of a longer window before
/// others came has used what it has, and would stand still until that has left.
fn leave(window: &Window, limit: u64, parts: &[(u64, &mut Part)], targets: &mut [u64], turn: u64) {
    let each = parts.iter().zip(&*targets);
    let missing = each.map(|((_, part), target)| target.saturating_sub(part.held));
    let over = window.spare().saturating_sub(missing.sum());
    if over == 0 {
        return;
    }
    for ((_, part), target) in parts.iter().zip(&mut *targets) {
        *target = part.held.min(part.want).min(limit).max(*target);
    }
    let each = parts.iter().zip(&*targets);
    let left = each.map(|((_, part), target)| Wish {
        want: part.want.min(limit) - target,
        queued: part.queued,
    });
    let more = fill(over, &left.collect::<Vec<_>>(), turn, true).targets;
    targets
        .iter_mut()
        .zip(more)
        .for_each(|(target, more)| *target += more);
}

/// A permit that nobody else has a use for may stay where it is.
fn leave_unwanted(members: &mut BTreeMap<u64, Record>, mut left: u64, now: u64) {
    for record in members.values_mut().filter(|it| it.expires > now) {
        if let Some(part) = record.parts.get_mut(&0) {
            let more = part.held.saturating_sub(part.target).min(left);
            part.target += more;
            left -= more;
        }
    }
}

/// How long a token that cannot be parted stays with one, in milliseconds.
fn turn(code: i64, limit: u64, wishes: u64) -> u64 {
    if limit >= 2 * wishes {
        return SELDOM;
    }
    match code {
        0 => PERMITS,
        _ => code.unsigned_abs().clamp(SOON, OFTEN),
    }
}
