use std::time::Duration;

use http::StatusCode;

use super::{
    answers::{Answer, Answers, Plain, Refusals},
    api::World,
    call::Call,
    chance::Chance,
    clock::{Clock, Micros, SECOND, micros},
    fault::{Fault, Faults, Stage},
    latency::Latency,
    limits::{Keys, Limiter, Refusal},
    recorder::{Parties, Recorder},
    routes::{Found, ROUTES, RouteId},
    script::Scripts,
    sent::{Envelope, Sent},
    texts,
};

/// What does not change while the simulator runs.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) seed: u64,
    pub(super) app_id: String,
    pub(super) sandbox: bool,
    pub(super) faults: Faults,
    pub(super) latency: Latency,
    pub(super) maintenance: Option<(Micros, Micros)>,
    pub(super) refusals: Refusals,
    pub(super) events_status: bool,
    /// Only the advertisers that were named exist.
    pub(super) closed: bool,
}

/// Everything behind the lock.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) limiter: Limiter,
    pub(super) world: World,
    pub(super) recorder: Recorder,
    pub(super) scripts: Scripts,
    pub(super) answers: Answers,
    pub(super) sent: u64,
}

/// What becomes of a call: an answer or, if `None`, a broken connection.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) answer: Option<Answer>,
    pub(super) stall: Micros,
    /// It is carried out so much later, and not answered.
    pub(super) late: Option<Micros>,
    pub(super) parties: Parties,
    /// A write was carried out, and the answer says so.
    pub(super) tells_of_a_write: bool,
}

impl Backend {
    /// A call is sent: its own chance, the time to the limiter and the time
    /// from there.
    pub(super) fn depart(&mut self) -> (Chance, Micros, Micros) {
        self.sent += 1;
        let mut chance = Chance::of(self.settings.seed, self.sent);
        let (before, after) = self.settings.latency.draw(&mut chance);
        (chance, before, after)
    }

    /// A call has come: counts it, carries it out, answers it.
    pub(super) fn arrive(&mut self, call: &Call, mut chance: Chance) -> Arrival {
        let now = self.clock.now();
        self.answers.set_time(&self.clock, now);
        let ids = call.advertisers();
        let found = ROUTES.find(&call.url_path);
        let mut arrival = Arrival {
            answer: None,
            stall: 0,
            late: None,
            parties: self.parties(found, &ids),
            tells_of_a_write: false,
        };
        self.recorder
            .note(&arrival.parties, |tally| tally.received += 1);
        let plain = match found {
            Found::Route(id) if ROUTES[id].method == call.method => {
                self.serve(id, call, &ids, &mut chance, now, &mut arrival);
                return arrival;
            }
            Found::Route(_) => Plain::NotAllowed,
            Found::NoSlash => Plain::NoSlash,
            Found::Nothing => Plain::NotFound,
        };
        self.recorder
            .note(&arrival.parties, |tally| tally.rejected += 1);
        arrival.answer = Some(self.answers.dated(plain.answer()));
        arrival
    }

    /// The caller went away before the answer.
    pub(super) fn abandoned(&mut self, arrival: &Arrival) {
        let lost = u64::from(arrival.tells_of_a_write);
        self.recorder.note(&arrival.parties, |tally| {
            tally.abandoned += 1;
            tally.lost_answers += lost;
        });
    }

    fn parties(&mut self, found: Found, ids: &[String]) -> Parties {
        let advertisers = &mut self.world.advertisers;
        let closed = self.settings.closed;
        let known = ids.iter().filter(|id| !closed || advertisers.knows(id));
        let known: Vec<&String> = known.collect();
        Parties {
            route: match found {
                Found::Route(id) => Some(id),
                _ => None,
            },
            advertisers: known.into_iter().map(|id| advertisers.number(id)).collect(),
        }
    }

    fn serve(
        &mut self,
        id: RouteId,
        call: &Call,
        ids: &[String],
        chance: &mut Chance,
        now: Micros,
        arrival: &mut Arrival,
    ) {
        let path = ROUTES[id].path;
        let drawn = self.settings.faults.draw(chance);
        let of = |stage| drawn.filter(|fault| fault.stage() == stage);
        if let Some(fault) = self
            .scripts
            .next(Stage::Edge, path, ids)
            .or(of(Stage::Edge))
        {
            self.recorder.fault(&arrival.parties, fault);
            arrival.answer = self.edge(id, call, fault, now);
            return;
        }
        let sent = match self.gate(id, call, chance, now, &arrival.parties) {
            Err(envelope) => Sent::Envelope(envelope),
            Ok(()) => {
                let fault = self.scripts.next(Stage::Inside, path, ids);
                let fault = fault.or(of(Stage::Inside));
                if let Some(Fault::LateWrite(time)) = fault
                    && ROUTES[id].writes
                    && !ROUTES[id].is_token()
                {
                    self.recorder
                        .fault(&arrival.parties, Fault::LateWrite(time));
                    arrival.late = Some(micros(time));
                    return;
                }
                let outcome = self.carry_out(id, call, ids, fault, now, &arrival.parties);
                arrival.stall = outcome.stall;
                arrival.tells_of_a_write = outcome.tells_of_a_write;
                outcome.sent
            }
        };
        let answer = match sent {
            Sent::Envelope(envelope) => self.write(id, call, &envelope, chance, now),
            Sent::Half(reply) => {
                let envelope = Envelope::of(reply);
                let mut answer = self.write(id, call, &envelope, chance, now);
                answer.cut = true;
                answer
            }
            Sent::Plain(plain) => plain.answer(),
            Sent::Nothing => return,
        };
        arrival.answer = Some(self.answers.dated(answer));
    }

    /// Faults in front of the limiter.
    fn edge(&mut self, id: RouteId, call: &Call, fault: Fault, now: Micros) -> Option<Answer> {
        let plain = match fault {
            Fault::BadGateway => Plain::BadGateway,
            Fault::GatewayTimeout { .. } => {
                self.timed_out(id, call, now);
                Plain::GatewayTimeout
            }
            Fault::EdgeThrottle { retry_after } => Plain::TooMany {
                retry_after: seconds(micros(retry_after)),
            },
            _ => return None,
        };
        Some(self.answers.dated(plain.answer()))
    }

    /// Maintenance, the token and the limits.
    fn gate(
        &mut self,
        id: RouteId,
        call: &Call,
        chance: &mut Chance,
        now: Micros,
        parties: &Parties,
    ) -> Result<(), Envelope> {
        if self
            .settings
            .maintenance
            .is_some_and(|(from, until)| (from..until).contains(&now))
        {
            self.recorder.fault(parties, Fault::Maintenance);
            return Err(Envelope::of(texts::maintenance()));
        }
        if !ROUTES[id].is_token() {
            self.world
                .tokens
                .check(now, call.token.as_deref())
                .map_err(|reply| {
                    self.recorder.note(parties, |tally| tally.rejected += 1);
                    Envelope::of(reply)
                })?;
        }
        let field = call.text("pixel_code");
        let field = field.or_else(|| {
            call.text("event_source_id")
                .filter(|_| ROUTES[id].is_events())
        });
        let keys = Keys {
            route: id,
            advertisers: &parties.advertisers,
            field: field.as_deref(),
            question: call.question(),
        };
        let midnight = self.clock.midnight_after(now);
        let Err((refusal, shut)) = self.limiter.admit(now, midnight, keys) else {
            self.recorder.admitted(now, parties);
            return Ok(());
        };
        self.recorder.refused(now, parties, refusal);
        if let Some(shut) = shut {
            self.recorder.suspended(now, shut);
        }
        Err(Envelope {
            reply: self.refusal(refusal, chance),
            status: None,
            retry_after: Some(match refusal {
                Refusal::Minute { until: Some(until) } | Refusal::Suspended { until } => {
                    until - now
                }
                Refusal::Day => midnight - now,
                _ => SECOND,
            }),
        })
    }

    pub(super) fn timed_out(&mut self, id: RouteId, call: &Call, now: Micros) {
        if ROUTES[id].is_report() {
            self.limiter.report_timed_out(call.question(), now);
        }
    }

    fn write(
        &mut self,
        id: RouteId,
        call: &Call,
        envelope: &Envelope,
        chance: &mut Chance,
        now: Micros,
    ) -> Answer {
        let reply = &envelope.reply;
        if let (Refusals::Edge, Some(wait)) = (self.settings.refusals, envelope.retry_after) {
            return Plain::TooMany {
                retry_after: seconds(wait),
            }
            .answer();
        }
        let status = envelope.status.unwrap_or(match reply.code {
            40_100 | 40_104 if self.events_answer(id) => StatusCode::UNAUTHORIZED,
            40_001 | 40_002 if self.events_answer(id) => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        });
        let request_id = self.answers.request_id(chance);
        self.recorder.issued(now, &request_id, id, reply.code);
        let mut answer = self
            .answers
            .envelope(reply, status, &request_id, call.gzip, chance);
        if let (Refusals::RetryAfter, Some(wait)) = (self.settings.refusals, envelope.retry_after) {
            answer.retry_after(seconds(wait));
        }
        answer
    }

    fn events_answer(&self, id: RouteId) -> bool {
        self.settings.events_status && ROUTES[id].is_events()
    }
}

fn seconds(time: Micros) -> u64 {
    Duration::from_micros(time).as_millis().div_ceil(1_000) as u64
}
