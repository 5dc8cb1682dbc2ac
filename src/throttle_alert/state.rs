use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, SystemTime},
};

use super::{
    Alert, AlertKind, AlertScope,
    builder::Settings,
    raised::{Key, Raised},
    seen::{Seen, Verdict},
    watch::Watch,
};

/// All scopes, and the alerts that are up. It neither locks nor waits nor reads
/// a clock: who calls it does.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    /// All attempts, whoever refused them.
    pub(super) app: Watch,
    /// Scopes that refused of late, by themselves.
    pub(super) narrow: HashMap<AlertScope, Watch>,
    swept: Duration,
    pub(super) raised: HashMap<Key, Raised>,
    /// Whether answers show which tokens are refused.
    pub(super) judges_tokens: bool,
    /// The first of the refusals by which a token may be over.
    expired: Option<Duration>,
    pub(super) outbox: VecDeque<Alert>,
    /// When an attempt was last answered.
    pub(super) last: Option<Duration>,
    pub(super) next_id: u64,
    pub(super) lost: u64,
    /// Whether there is something to look at now and then.
    pub(super) watches: bool,
    /// Whether somebody tells of changes, and keeps the time.
    pub(super) driven: bool,
}

/// Now, since the layer was built and by the wall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) at: Duration,
    pub(super) wall: fn() -> SystemTime,
}

impl Now {
    /// The time of day at `at`, which is past.
    pub(super) fn wall_at(self, at: Duration) -> SystemTime {
        let now = (self.wall)();
        now.checked_sub(self.at.saturating_sub(at)).unwrap_or(now)
    }
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            app: Watch::new(&settings, Duration::ZERO, false),
            narrow: HashMap::new(),
            swept: Duration::ZERO,
            raised: HashMap::new(),
            judges_tokens: true,
            expired: None,
            outbox: VecDeque::new(),
            last: None,
            next_id: 1,
            lost: 0,
            watches: false,
            driven: false,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// An attempt was answered.
    #[inline]
    pub(super) fn attempt(&mut self, seen: &Seen<'_>, now: Now) {
        self.last = Some(now.at);
        let throttled = seen.verdict == Verdict::Throttled;
        self.app.count(throttled, now.at);
        if throttled || !self.narrow.is_empty() {
            self.count_narrow(seen, now.at);
        }
        match seen.verdict {
            Verdict::Admitted if self.raised.is_empty() && self.expired.is_none() => {}
            Verdict::Admitted => self.admitted(seen),
            Verdict::Throttled => self.throttled(seen, now),
            Verdict::TokenInvalid | Verdict::TokenExpired if !self.judges_tokens => {}
            Verdict::TokenInvalid => self.token_refused(seen, now),
            Verdict::TokenExpired => {
                // A refresh is due then, and cures it.
                let since = *self.expired.get_or_insert(now.at);
                if now.at.saturating_sub(since) >= self.settings.short {
                    self.token_refused(seen, now);
                }
            }
            Verdict::Unclear => {}
        }
    }

    /// Scopes are watched from their first refusal on, which begins the count.
    fn count_narrow(&mut self, seen: &Seen<'_>, now: Duration) {
        let refused_by = seen.refused_by();
        let (settings, narrow) = (&self.settings, &mut self.narrow);
        for scope in seen.scopes() {
            let throttled = refused_by.as_ref() == Some(&scope);
            if let Some(watch) = narrow.get_mut(&scope) {
                watch.count(throttled, now);
            } else if throttled {
                if narrow.len() >= settings.max_scopes {
                    // Not at each refusal: whoever sends many names must not
                    // make each of them dear.
                    if now.saturating_sub(self.swept) < settings.short / 20 {
                        continue;
                    }
                    self.swept = now;
                    narrow.retain(|_, watch| !watch.is_quiet(now));
                    if narrow.len() >= settings.max_scopes {
                        continue;
                    }
                }
                narrow.insert(scope, Watch::new(settings, now, true));
            }
        }
    }

    fn admitted(&mut self, seen: &Seen<'_>) {
        if self.expired.is_some_and(|since| seen.sent >= since) {
            self.expired = None;
        }
        if self.raised.is_empty() {
            return;
        }
        // One that was sent since it was shut out, and let in.
        for scope in seen.scopes().chain([AlertScope::app()]) {
            let key = Key::new(AlertKind::Suspended, scope);
            if let Some(raised) = self.raised.get(&key)
                && seen.sent > raised.last
            {
                self.clear(&key);
            }
        }
    }

    fn throttled(&mut self, seen: &Seen<'_>, now: Now) {
        let by = seen.refused_by().filter(|by| self.narrow.contains_key(by));
        let by = by.unwrap_or_else(AlertScope::app);
        if let Some(wait) = seen.suspension(self.settings.short) {
            let finding = seen.finding(AlertKind::Suspended, by.clone());
            let finding = finding.with_time(wait).with_lasting(wait);
            self.report(finding, now);
        }
        self.judge(by.clone(), seen, now);
        if !by.is_app() {
            self.judge(AlertScope::app(), seen, now);
        }
    }

    fn token_refused(&mut self, seen: &Seen<'_>, now: Now) {
        self.report(
            seen.finding(AlertKind::TokenRefused, AlertScope::app()),
            now,
        );
    }

    pub(super) fn take_outbox(&mut self) -> VecDeque<Alert> {
        std::mem::take(&mut self.outbox)
    }

    /// Whether time is to be kept, and nobody does.
    #[inline]
    pub(super) fn wants_driver(&self) -> bool {
        !self.driven && (self.watches || !self.raised.is_empty() || self.has_news())
    }

    #[inline]
    pub(super) fn has_news(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// The alerts that are up, the oldest first.
    pub(super) fn alerts(&self) -> Vec<Alert> {
        let mut alerts: Vec<Alert> = self.raised.values().map(|it| it.alert.clone()).collect();
        alerts.sort_by_key(|alert| alert.id);
        alerts
    }
}
