use std::time::Duration;

use super::{
    Alert, AlertKind, AlertScope, AlertState, Finding, Severity,
    raised::{Key, Raised},
    seen::Seen,
    state::{Now, State},
    watch::{Both, Watch},
};

/// As many changes wait for whoever delivers them. More are lost.
const MAX_OUTBOX: usize = 1_024;
/// Nobody looks more often.
const PAUSE: Duration = Duration::from_millis(50);
const DAY: Duration = Duration::from_secs(86_400);
/// From this share on, next to nothing goes on.
const OUTAGE: f64 = 0.5;

/// Which alerts are up.
impl State {
    /// Whether the refusal makes an alert of what went before.
    pub(super) fn judge(&mut self, scope: AlertScope, seen: &Seen<'_>, now: Now) {
        let both = self.both(&scope, now.at);
        let key = Key::new(AlertKind::Throttled, scope);
        if !self.raised.contains_key(&key) {
            let watch = self.watch(&key.scope);
            let since = watch.and_then(|watch| watch.sustained(both, &self.settings, now.at));
            let Some(since) = since else {
                return;
            };
            let finding = seen.finding(AlertKind::Throttled, key.scope.clone());
            let finding = finding.with_shares(both);
            self.raise(key, finding, since, None, now);
            return;
        }
        let finding = seen.finding(AlertKind::Throttled, key.scope.clone());
        let finding = finding.with_shares(both);
        self.goes_on(&key, finding, None, now);
    }

    /// What the windows of a scope hold. Of the application, what no narrower
    /// alert tells of already: one cause is one alert.
    fn both(&mut self, scope: &AlertScope, now: Duration) -> Both {
        if !scope.is_app() {
            let watch = self.narrow.get_mut(scope);
            return watch.map_or(Both::default(), |watch| watch.both(now));
        }
        let mut told = Both::default();
        for key in self.raised.keys() {
            if key.kind == AlertKind::Throttled
                && let Some(watch) = self.narrow.get_mut(&key.scope)
            {
                told.add(watch.both(now));
            }
        }
        self.app.both(now).without(told)
    }

    fn watch(&self, scope: &AlertScope) -> Option<&Watch> {
        if scope.is_app() {
            return Some(&self.app);
        }
        self.narrow.get(scope)
    }

    /// Somebody tells that something is wrong.
    pub(super) fn report(&mut self, finding: Finding, now: Now) {
        let lasts = finding.lasts.unwrap_or(self.settings.long);
        let until = now.at.saturating_add(lasts);
        let key = Key::new(finding.kind, finding.scope.clone());
        if self.raised.contains_key(&key) {
            self.goes_on(&key, finding, Some(until), now);
        } else {
            self.raise(key, finding, now.at, Some(until), now);
        }
    }

    fn raise(
        &mut self,
        key: Key,
        finding: Finding,
        since: Duration,
        until: Option<Duration>,
        now: Now,
    ) {
        if self.raised.len() >= self.settings.max_scopes {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        let raised = Raised::new(id, finding, now.wall_at(since), until, now.at);
        self.tell(raised.alert.clone());
        self.raised.insert(key, raised);
    }

    fn goes_on(&mut self, key: &Key, finding: Finding, until: Option<Duration>, now: Now) {
        let every = self.settings.short;
        let Some(raised) = self.raised.get_mut(key) else {
            return;
        };
        raised.take(finding, until, now.at);
        let update = raised.update(every, now.at);
        update.into_iter().for_each(|alert| self.tell(alert));
    }

    pub(super) fn clear(&mut self, key: &Key) {
        if let Some(mut raised) = self.raised.remove(key) {
            raised.alert.state = AlertState::Cleared;
            self.tell(raised.alert);
        }
    }

    /// Nothing is wrong any more.
    pub(super) fn clear_by_hand(&mut self, kind: AlertKind, scope: AlertScope) {
        self.clear(&Key::new(kind, scope));
    }

    /// Clears what is over by now.
    pub(super) fn tick(&mut self, now: Now) {
        let mut keys: Vec<Key> = self.raised.keys().cloned().collect();
        // Always the same order; and the narrow ones first, which the
        // application leaves out as long as they are up.
        keys.sort_by_key(|key| (key.scope.is_app(), self.raised[key].alert.id));
        for key in keys {
            let Some(raised) = self.raised.get(&key) else {
                continue;
            };
            let is_over = match raised.until {
                Some(until) => until <= now.at,
                None => {
                    let both = self.both(&key.scope, now.at);
                    if let Some(raised) = self.raised.get_mut(&key) {
                        raised.alert.figures.set_shares(both);
                    }
                    both.are_calm(&self.settings)
                }
            };
            if is_over {
                self.clear(&key);
            } else if let Some(raised) = self.raised.get_mut(&key) {
                let update = raised.update(self.settings.short, now.at);
                update.into_iter().for_each(|alert| self.tell(alert));
            }
        }
    }

    /// When to [tick](Self::tick) next, if ever.
    pub(super) fn next_tick(&self, now: Duration) -> Option<Duration> {
        let tick = now.saturating_add(self.settings.short / 12);
        if !self.raised.is_empty() {
            let untils = self.raised.values().filter_map(|raised| raised.until);
            let next = untils.fold(tick, Duration::min);
            return Some(next.max(now.saturating_add(PAUSE)));
        }
        // What waits for that long is to be told of, though nothing is answered.
        let idle = self.settings.long.max(self.settings.queue_age.min(DAY));
        let idle = idle.saturating_add(self.settings.short);
        let is_used = self
            .last
            .is_some_and(|last| now.saturating_sub(last) < idle);
        (self.watches && is_used).then_some(tick)
    }

    fn tell(&mut self, alert: Alert) {
        if self.outbox.len() >= MAX_OUTBOX {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        self.outbox.push_back(alert);
    }
}

impl Finding {
    fn with_shares(mut self, both: Both) -> Self {
        self.figures.set_shares(both);
        let outage = both.reach(OUTAGE);
        if outage {
            self.severity = Severity::Critical;
        }
        self
    }
}
