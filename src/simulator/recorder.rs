use std::{collections::VecDeque, time::Duration};

use super::{
    clock::{Micros, SECOND},
    fault::Fault,
    ledger::{Issued, Ledger, Second, Suspension, Tally},
    limits::{Refusal, Shut},
    objects::Advertisers,
    routes::{ROUTES, RouteId},
};

/// Whom a call is counted for.
#[derive(Clone, Debug, Default)]
pub(super) struct Parties {
    pub(super) route: Option<RouteId>,
    pub(super) advertisers: Vec<u32>,
}

/// The ledger while it is being written.
#[derive(Debug)]
pub(super) struct Recorder {
    total: Tally,
    routes: Vec<Tally>,
    advertisers: Vec<Tally>,
    seconds: Vec<Second>,
    route_seconds: Vec<Vec<Second>>,
    suspensions: Vec<Suspension>,
    answers: VecDeque<Issued>,
    keep: usize,
}

impl Recorder {
    pub(super) fn keeping(answers: usize) -> Self {
        Self {
            total: Tally::default(),
            routes: vec![Tally::default(); ROUTES.len()],
            advertisers: Vec::new(),
            seconds: Vec::new(),
            route_seconds: vec![Vec::new(); ROUTES.len()],
            suspensions: Vec::new(),
            answers: VecDeque::new(),
            keep: answers,
        }
    }

    pub(super) fn note(&mut self, parties: &Parties, write: impl Fn(&mut Tally)) {
        write(&mut self.total);
        if let Some(route) = parties.route {
            write(&mut self.routes[usize::from(route)]);
        }
        for &who in &parties.advertisers {
            let who = who as usize;
            if self.advertisers.len() <= who {
                self.advertisers.resize(who + 1, Tally::default());
            }
            write(&mut self.advertisers[who]);
        }
    }

    pub(super) fn fault(&mut self, parties: &Parties, fault: Fault) {
        self.note(parties, |tally| {
            *tally.faults.entry(fault.name()).or_default() += 1
        });
    }

    pub(super) fn admitted(&mut self, now: Micros, parties: &Parties) {
        self.note(parties, |tally| tally.admitted += 1);
        self.in_second(now, parties, |second| second.admitted += 1);
    }

    pub(super) fn refused(&mut self, now: Micros, parties: &Parties, refusal: Refusal) {
        self.note(parties, |tally| {
            let refused = &mut tally.refused;
            *match refusal {
                Refusal::Second { .. } => &mut refused.second,
                Refusal::Minute { .. } => &mut refused.minute,
                Refusal::Suspended { .. } => &mut refused.suspended,
                Refusal::Day => &mut refused.day,
                Refusal::Advertiser { .. } => &mut refused.advertiser,
                Refusal::Field => &mut refused.field,
                Refusal::Penalty => &mut refused.penalty,
            } += 1;
        });
        self.in_second(now, parties, |second| second.refused += 1);
    }

    pub(super) fn suspended(&mut self, now: Micros, shut: Shut) {
        self.suspensions.push(Suspension {
            path: shut.route.map(|route| ROUTES[route].path),
            from: Duration::from_micros(now),
            until: Duration::from_micros(shut.until),
            for_the_day: shut.for_the_day,
        });
    }

    pub(super) fn issued(&mut self, now: Micros, request_id: &str, route: RouteId, code: i64) {
        if self.keep == 0 {
            return;
        }
        if self.answers.len() == self.keep {
            self.answers.pop_front();
        }
        self.answers.push_back(Issued {
            at: Duration::from_micros(now),
            request_id: request_id.to_owned(),
            path: ROUTES[route].path,
            code,
        });
    }

    pub(super) fn snapshot(&self, names: &Advertisers) -> Ledger {
        let met = |tally: &&Tally| tally.received > 0;
        let routes = ROUTES.iter().zip(&self.routes);
        let advertisers = names.names().zip(&self.advertisers);
        Ledger {
            total: self.total.clone(),
            endpoints: routes
                .filter(|(_, tally)| met(tally))
                .map(|((_, route), tally)| (route.path, tally.clone()))
                .collect(),
            advertisers: advertisers
                .filter(|(_, tally)| met(tally))
                .map(|(name, tally)| (name.to_owned(), tally.clone()))
                .collect(),
            seconds: self.seconds.clone(),
            endpoint_seconds: ROUTES
                .iter()
                .zip(&self.route_seconds)
                .filter(|(_, seconds)| !seconds.is_empty())
                .map(|((_, route), seconds)| (route.path, seconds.clone()))
                .collect(),
            suspensions: self.suspensions.clone(),
            answers: self.answers.clone(),
            made: Vec::new(),
        }
    }

    fn in_second(&mut self, now: Micros, parties: &Parties, write: impl Fn(&mut Second)) {
        write(last(&mut self.seconds, now));
        if let Some(route) = parties.route {
            write(last(&mut self.route_seconds[usize::from(route)], now));
        }
    }
}

fn last(seconds: &mut Vec<Second>, now: Micros) -> &mut Second {
    let second = now / SECOND;
    if seconds.last().is_none_or(|last| last.second != second) {
        seconds.push(Second {
            second,
            ..Second::default()
        });
    }
    seconds
        .last_mut()
        .expect("one was pushed if there was none")
}
