mod parts;

use std::collections::BTreeMap;

use super::{
    BACK, FLIGHT, KEPT, RECLAIM,
    window::{Missing, Part, Statement, Window, gone_at, ordered, step},
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
    pub(super) expires: u64,
}

/// What one member said last.
#[derive(Clone, Debug, Default)]
struct Record {
    number: u64,
    expires: u64,
    parts: BTreeMap<i64, Part>,
}

/// What was heard of a member.
struct Heard {
    /// It was unknown.
    is_new: bool,
    /// See [`ScopeReply::missed`].
    missed: bool,
    /// What it holds of each window before any grant.
    holds: Vec<u64>,
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
        self.hear_hold(ask, now, notices);
        let Heard {
            is_new,
            missed: missed_notice,
            holds,
        } = self.hear_windows(ask, speaker, notices);
        let filled = self.fill_if_due(now);
        let settled_at = speaker.settled_at.max(self.settled_at);
        let mut reply = ScopeReply {
            missed: missed_notice,
            ..ScopeReply::default()
        };
        let (mut ask_in, mut missing) = (u64::MAX, false);
        let members = self.members.len() as u64;
        for (window_ask, held) in ask.windows.iter().zip(holds) {
            let code = window_ask.span.code();
            let others = match filled && code != 0 {
                true => self.missing_to_others(code, speaker),
                // A permit is for whoever asks.
                false => Missing::default(),
            };
            let record = self.members.entry(speaker.member).or_default();
            let part = record.parts.entry(code).or_default();
            let window = self.windows.entry(code).or_default();
            let mut target = match filled {
                true => part.target,
                // Not counted in yet.
                false if is_new => part.want.min(window.limit / members),
                false if code == 0 => part.target.min(part.want.max(part.held)),
                false => part.target.min(part.want),
            };
            if now < settled_at {
                let most = unclaimed(code, window.limit, speaker);
                // Who began before it heard of us has next to nothing of a long one.
                let begins = ask.acknowledged == 0 && is_long(code, speaker);
                target = target.min(match held {
                    0 => most,
                    held if begins => held.max(most),
                    held => held,
                });
                if part.want > target {
                    ask_in = ask_in.min(settled_at - now);
                }
            }
            let most = window.fair(part, target, &others, now);
            let granted = window.grant(part, most, now);
            if part.held < target {
                missing |= code != 0;
                ask_in = ask_in.min(window.more_in(code, now));
            } else if part.want > part.held && window.turn > 0 {
                ask_in = ask_in.min(window.turn - now % window.turn);
            }
            reply.windows.push(WindowReply {
                learned: (window.learned > 0).then_some(narrow(window.learned)),
                target: narrow(target),
                held: narrow(part.held),
                granted: granted
                    .into_iter()
                    .map(|(from_in, count)| Tokens::new(narrow(count), duration(from_in)))
                    .collect(),
                limit: narrow(window.limit),
                spare: narrow(match code {
                    0 => window.spare(),
                    _ => window.spare() / speaker.instances,
                }),
            });
        }
        if filled {
            self.hand_on(ask, speaker, now >= settled_at, notices);
            let replies = ask.windows.iter().zip(&mut reply.windows);
            for (_, reply) in replies.filter(|(ask, _)| ask.span.code() == 0) {
                reply.spare = self.windows.get(&0).map_or(0, |it| narrow(it.spare()));
            }
        }
        if missing && filled {
            self.call(ask, speaker, notices);
        }
        reply.hold = (self.hold_until > now).then(|| duration(self.hold_until - now));
        reply.ask_in = (ask_in < u64::MAX).then(|| duration(ask_in));
        let longest = ask.windows.iter().map(|ask| length(ask.span)).max();
        let closed = self.hold_until.saturating_sub(now);
        self.expires = now + speaker.lease + longest.unwrap_or(0) + FLIGHT + KEPT + closed;
        reply
    }

    fn hear_hold(&mut self, ask: &ScopeAsk, now: u64, notices: &mut Vec<Notice>) {
        if let Some(hold) = ask.hold
            && now + millis(hold) > self.hold_until
        {
            self.hold_until = now + millis(hold);
            notices.push(Notice::Hold {
                scope: ask.name.clone(),
                wait: duration(millis(hold)),
            });
        }
    }

    fn hear_windows(
        &mut self,
        ask: &ScopeAsk,
        speaker: Speaker,
        notices: &mut Vec<Notice>,
    ) -> Heard {
        let name = &ask.name;
        let now = speaker.now;
        let known = self.members.get(&speaker.member);
        let is_new = known.is_none();
        if ask.claim || (is_new && ask.acknowledged > 0) {
            self.settled_at = now + RECLAIM;
        }
        let unheard = known.is_some_and(|known| known.number > ask.acknowledged);
        let trusted = ask.claim || known.is_none_or(|known| known.number < ask.acknowledged);
        let record = self.members.entry(speaker.member).or_default();
        (record.number, record.expires) = (speaker.number, now + speaker.lease);
        let mut holds = Vec::with_capacity(ask.windows.len());
        let mut missed = false;
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
                unheard,
                permits: code == 0,
            };
            window.pass(now);
            let said = returned.iter().fold(says.held, |sum, back| sum + back.1);
            missed |= code == 0 && !trusted && !unheard && part.held > said;
            window.settle(part, &says, now, step(code));
            part.limit = u64::from(ask.limit);
            part.want = u64::from(ask.want);
            part.queued = u64::from(ask.queued);
            if let Some(ratio) = ask.learned {
                let ratio = u64::from(ratio).clamp(1, 1_000_000);
                if window.learn(ratio, now) {
                    notices.push(Notice::Learned {
                        scope: name.clone(),
                        span: ask.span,
                        ratio: narrow(ratio),
                    });
                }
            }
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
        Heard {
            is_new,
            missed,
            holds,
        }
    }

    /// Tokens that the others are to have, and do not hold yet.
    fn missing_to_others(&self, code: i64, speaker: Speaker) -> Missing {
        let alive = self
            .members
            .iter()
            .filter(|(member, record)| **member != speaker.member && record.expires > speaker.now);
        let parts = alive.filter_map(|(_, record)| record.parts.get(&code));
        let mut missing = Missing::default();
        for part in parts {
            let some = part.target.saturating_sub(part.held);
            missing.all += some;
            missing.most = missing.most.max(some);
        }
        missing
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

/// What somebody may have who claims nothing, while others may yet claim: an
/// equal part, rounded up, or some of the limit were nobody's until then. Of a
/// long window, only as much as the time until then is worth.
fn unclaimed(code: i64, limit: u64, speaker: Speaker) -> u64 {
    let part = limit.div_ceil(speaker.instances);
    match is_long(code, speaker) {
        true => (part * speaker.lease / ordered(code)).max(1),
        false => part,
    }
}

/// Whether a window outlasts a lease.
fn is_long(code: i64, speaker: Speaker) -> bool {
    ordered(code) > speaker.lease
}

fn length(span: WindowSpan) -> u64 {
    millis(span.length())
}

fn duration(millis: u64) -> std::time::Duration {
    std::time::Duration::from_millis(millis.min(MAX_MILLIS))
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
