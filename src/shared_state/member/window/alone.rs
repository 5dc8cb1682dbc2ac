//! What may be used of a window while the store is away.

use std::time::Duration;

use tokio::time::Instant;

use super::{LINGER, Window};
use crate::shared_state::member::settings::{Outage, Settings, after};

/// From here on a window must not be overrun, whatever happens to the store.
const LONG: Duration = Duration::from_secs(60);

impl Window {
    /// How much may be used while the store is away. See the module docs.
    pub(in crate::shared_state::member) fn limit_alone(
        &self,
        settings: &Settings,
        outage: &Outage,
        now: Instant,
    ) -> u32 {
        let leased = outage.leased_until.is_some_and(|until| now < until);
        let held = if leased { self.limit(now) } else { 0 };
        if outage.closed {
            return held;
        }
        let length = self.demand.span.length();
        let share = self.share(outage, now);
        if length < LONG {
            return match self.held {
                0 => share,
                // Who has less than its part waits until those with more must
                // have noticed too.
                _ if leased && now < outage.since + settings.noticed() => held.min(share.max(1)),
                _ => share,
            };
        }
        if now >= outage.alone_at(settings, length) {
            return share;
        }
        let own = if self.held + self.spare == 0 {
            // Those who held it all do not know of us. All who wake take together
            // what is worth a second.
            self.worth(1, share).max(share.min(1))
        } else if leased {
            held + self.spare
        } else {
            (self.held + self.spare).min(share)
        };
        let alone = now.saturating_duration_since(outage.alone_at(settings, LONG));
        own.max(self.worth(alone.as_secs(), share))
    }

    /// What so many seconds are worth of a share, used evenly.
    fn worth(&self, seconds: u64, share: u32) -> u32 {
        let length = self.demand.span.length().as_secs().max(1);
        let worth = u64::from(share).saturating_mul(seconds) / length;
        u32::try_from(worth).map_or(share, |worth| worth.min(share))
    }

    /// After how many seconds it is worth more than that.
    fn worth_more(&self, than: u32, share: u32) -> Option<u64> {
        let length = self.demand.span.length().as_secs().max(1);
        let more = u64::from(than) + 1;
        (than < share).then(|| more.saturating_mul(length).div_ceil(share.into()))
    }

    /// An equal part of the limit; where that is less than one, one at times.
    fn share(&self, outage: &Outage, now: Instant) -> u32 {
        let instances = outage.instances.max(1);
        let whole = self.real_limit();
        if whole >= instances {
            return whole / instances;
        }
        let turns = u64::from(instances.div_ceil(whole.max(1)));
        u32::from(self.turn(outage, now) % turns == outage.member % turns)
    }

    fn turn(&self, outage: &Outage, now: Instant) -> u64 {
        let length = self.demand.span.length().max(LINGER).as_millis();
        let turn = now.saturating_duration_since(outage.began).as_millis() / length;
        u64::try_from(turn).unwrap_or(0)
    }

    /// When one more of a long window has come of those that come evenly.
    fn flows_at(&self, settings: &Settings, outage: &Outage, now: Instant) -> Option<Instant> {
        if outage.closed || self.demand.span.length() <= LONG {
            return None;
        }
        let limit = self.limit_alone(settings, outage, now);
        let seconds = self.worth_more(limit, self.share(outage, now))?;
        Some(after(
            outage.alone_at(settings, LONG),
            Duration::from_secs(seconds),
        ))
    }

    /// When `limit_alone` may change of itself.
    pub(in crate::shared_state::member) fn changes_alone(
        &self,
        settings: &Settings,
        outage: &Outage,
        now: Instant,
    ) -> Option<Instant> {
        let length = self.demand.span.length();
        let mut at = vec![
            outage.since + settings.noticed(),
            outage.alone_at(settings, length),
        ];
        at.extend(self.flows_at(settings, outage, now));
        at.extend(outage.leased_until);
        at.extend(self.next_change(now));
        if self.real_limit() < outage.instances {
            let step = length.max(LINGER);
            let turn = u32::try_from(self.turn(outage, now) + 1).unwrap_or(u32::MAX);
            at.push(after(outage.began, step.saturating_mul(turn)));
        }
        at.into_iter().filter(|at| *at > now).min()
    }
}
