use std::collections::HashMap;

use super::{
    clock::{DAY, MINUTE, Micros, SECOND},
    level::{Level, Limits, Sharing},
    penalty::Penalty,
    routes::{ROUTES, RouteId},
    window::{Window, WindowKind},
};

/// Why the limiter refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Second {
        limit: u64,
        current: u64,
    },
    /// The first call over the minute's limit, which brought a suspension if
    /// there are any.
    Minute {
        until: Option<Micros>,
    },
    /// A suspension that had begun before.
    Suspended {
        until: Micros,
    },
    Day,
    Advertiser {
        who: u32,
        limit: u64,
        current: u64,
    },
    Field,
    Penalty,
}

/// A suspension that has just begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shut {
    /// `None` is the whole app.
    pub(super) route: Option<RouteId>,
    pub(super) until: Micros,
    pub(super) for_the_day: bool,
}

/// What one call is counted by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys<'a> {
    pub(super) route: RouteId,
    pub(super) advertisers: &'a [u32],
    pub(super) field: Option<&'a str>,
    /// What the whole call asks.
    pub(super) question: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) sharing: Sharing,
    pub(super) window: WindowKind,
    pub(super) count_refused: bool,
    pub(super) suspension: Option<Micros>,
    pub(super) advertiser_qps: Option<u64>,
    pub(super) field_qps: Option<u64>,
    pub(super) endpoints: Vec<(RouteId, Limits)>,
    pub(super) midnight_phase: Micros,
}

#[derive(Debug)]
struct Bucket {
    limits: Limits,
    second: Window,
    minute: Window,
    day: Window,
    shut: Option<(Micros, bool)>,
}

#[derive(Debug)]
pub(super) struct Limiter {
    settings: Settings,
    level: Level,
    app: Bucket,
    routes: Vec<Option<Box<Bucket>>>,
    /// Routes that do not count against the app as a whole.
    apart: Vec<bool>,
    advertisers: HashMap<(u32, RouteId), Window>,
    fields: HashMap<Box<str>, Window>,
    reporting: Penalty,
}

// ===== impl Bucket =====

impl Bucket {
    fn new(limits: Limits, settings: &Settings) -> Self {
        Self {
            limits,
            second: settings.window.window(SECOND),
            minute: settings.window.window(MINUTE),
            day: Window::fixed(DAY, settings.midnight_phase),
            shut: None,
        }
    }

    /// Refuses what comes while it is shut; opens with clear windows.
    fn refuses(&mut self, now: Micros, settings: &Settings) -> Option<Refusal> {
        let (until, for_the_day) = self.shut?;
        if now >= until {
            self.shut = None;
            self.second.clear();
            self.minute.clear();
            return None;
        }
        if for_the_day {
            return Some(Refusal::Day);
        }
        let prolonged = settings.suspension.filter(|_| settings.count_refused);
        let until = until.max(prolonged.map_or(0, |length| now.saturating_add(length)));
        self.shut = Some((until, false));
        Some(Refusal::Suspended { until })
    }

    /// The dearest window that this call would overrun.
    fn overrun(&mut self, now: Micros, suspension: Option<Micros>) -> Option<Refusal> {
        if self.day.with_this(now) > self.limits.day {
            return Some(Refusal::Day);
        }
        if self.minute.with_this(now) > self.limits.minute {
            let until = suspension.map(|length| now.saturating_add(length));
            return Some(Refusal::Minute { until });
        }
        let (limit, current) = (self.limits.second, self.second.with_this(now));
        (current > limit).then_some(Refusal::Second { limit, current })
    }

    fn count(&mut self, now: Micros) {
        self.second.count(now);
        self.minute.count(now);
        self.day.count(now);
    }
}

// ===== impl Limiter =====

impl Limiter {
    pub(super) fn new(level: Level, settings: Settings) -> Self {
        let mut limiter = Self {
            level,
            app: Bucket::new(level.limits(), &settings),
            routes: ROUTES.iter().map(|_| None).collect(),
            apart: vec![false; ROUTES.len()],
            advertisers: HashMap::new(),
            fields: HashMap::new(),
            reporting: Penalty::new(),
            settings,
        };
        limiter.set_level(level);
        limiter
    }

    /// Changes the limits and keeps the counts.
    pub(super) fn set_level(&mut self, level: Level) {
        self.level = level;
        self.app.limits = level.limits();
        let per_endpoint = level == Level::Sandbox || self.settings.sharing != Sharing::AppWide;
        for (id, route) in ROUTES.iter() {
            let slot = usize::from(id);
            let own = self
                .settings
                .endpoints
                .iter()
                .rev()
                .find(|(of, _)| *of == id);
            let own = own
                .map(|(_, limits)| *limits)
                .or_else(|| level.endpoint_limits(route.path));
            // Endpoints with room of their own (events) are not in the app's.
            self.apart[slot] = level == Level::Sandbox
                || self.settings.sharing == Sharing::PerEndpoint
                || own.is_some_and(|own| own.second > level.limits().second);
            match own.or_else(|| per_endpoint.then(|| level.limits())) {
                None => self.routes[slot] = None,
                Some(limits) => match &mut self.routes[slot] {
                    Some(bucket) => bucket.limits = limits,
                    empty => *empty = Some(Box::new(Bucket::new(limits, &self.settings))),
                },
            }
        }
    }

    /// A report timed out.
    pub(super) fn report_timed_out(&mut self, question: u64, now: Micros) {
        self.reporting.timed_out(question, now);
    }

    /// Counts the call by every key, or by none and says why not.
    pub(super) fn admit(
        &mut self,
        now: Micros,
        midnight: Micros,
        keys: Keys<'_>,
    ) -> Result<(), (Refusal, Option<Shut>)> {
        let verdict = self.verdict(now, midnight, keys);
        if verdict.is_ok() || self.settings.count_refused {
            self.count(now, keys);
        }
        verdict
    }

    fn verdict(
        &mut self,
        now: Micros,
        midnight: Micros,
        keys: Keys<'_>,
    ) -> Result<(), (Refusal, Option<Shut>)> {
        let slot = usize::from(keys.route);
        let app = (!self.apart[slot]).then_some(&mut self.app);
        let route = self.routes[slot].as_deref_mut();
        let mut buckets = [(None, app), (Some(keys.route), route)];
        for bucket in buckets.iter_mut().filter_map(|(_, bucket)| bucket.as_mut()) {
            if let Some(refusal) = bucket.refuses(now, &self.settings) {
                return Err((refusal, None));
            }
        }
        for (route, bucket) in &mut buckets {
            let Some(bucket) = bucket else { continue };
            let (refusal, until) = match bucket.overrun(now, self.settings.suspension) {
                None => continue,
                Some(refusal @ Refusal::Minute { until: Some(until) }) => (refusal, until),
                Some(Refusal::Day) => (Refusal::Day, midnight),
                Some(refusal) => return Err((refusal, None)),
            };
            let (route, for_the_day) = (*route, refusal == Refusal::Day);
            bucket.shut = Some((until, for_the_day));
            return Err((
                refusal,
                Some(Shut {
                    route,
                    until,
                    for_the_day,
                }),
            ));
        }
        if ROUTES[keys.route].is_report() && self.reporting.refuses(keys.question, now) {
            return Err((Refusal::Penalty, None));
        }
        self.narrow(now, keys)
            .map_or(Ok(()), |refusal| Err((refusal, None)))
    }

    /// The limits on an advertiser and on a field's value.
    fn narrow(&mut self, now: Micros, keys: Keys<'_>) -> Option<Refusal> {
        let kind = self.settings.window;
        if let Some(limit) = self.settings.advertiser_qps {
            for &who in keys.advertisers {
                let window = self.advertisers.entry((who, keys.route));
                let current = window.or_insert_with(|| kind.window(SECOND)).with_this(now);
                if current > limit {
                    return Some(Refusal::Advertiser {
                        who,
                        limit,
                        current,
                    });
                }
            }
        }
        let (limit, field) = (self.settings.field_qps?, keys.field?);
        let window = self.fields.get_mut(field);
        (window.map_or(1, |window| window.with_this(now)) > limit).then_some(Refusal::Field)
    }

    fn count(&mut self, now: Micros, keys: Keys<'_>) {
        let (slot, kind) = (usize::from(keys.route), self.settings.window);
        if !self.apart[slot] {
            self.app.count(now);
        }
        if let Some(bucket) = &mut self.routes[slot] {
            bucket.count(now);
        }
        if ROUTES[keys.route].is_report() {
            self.reporting.count(now);
        }
        if self.settings.advertiser_qps.is_some() {
            for &who in keys.advertisers {
                let window = self.advertisers.entry((who, keys.route));
                window.or_insert_with(|| kind.window(SECOND)).count(now);
            }
        }
        if let (Some(_), Some(field)) = (self.settings.field_qps, keys.field) {
            if !self.fields.contains_key(field) {
                self.fields.insert(field.into(), kind.window(SECOND));
            }
            if let Some(window) = self.fields.get_mut(field) {
                window.count(now);
            }
        }
    }
}
