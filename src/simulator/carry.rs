use super::{
    answers::Plain,
    api::{Effects, Scene},
    backend::{Arrival, Backend},
    call::Call,
    clock::{Micros, micros},
    fault::Fault,
    recorder::Parties,
    reply::Reply,
    routes::{ROUTES, RouteId},
    sent::{Envelope, Sent},
    texts,
};

/// What came of a call that passed the limiter.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) sent: Sent,
    pub(super) stall: Micros,
    pub(super) tells_of_a_write: bool,
}

impl Outcome {
    fn of(sent: Sent) -> Self {
        Self {
            sent,
            stall: 0,
            tells_of_a_write: false,
        }
    }
}

impl Backend {
    /// Carries the call out, with the faults behind the limiter.
    pub(super) fn carry_out(
        &mut self,
        id: RouteId,
        call: &Call,
        ids: &[String],
        fault: Option<Fault>,
        now: Micros,
        parties: &Parties,
    ) -> Outcome {
        if let Some(fault @ Fault::Answer { status, .. }) = fault {
            self.recorder.fault(parties, fault);
            return Outcome::of(match texts::answer(fault) {
                Ok(reply) => Sent::Envelope(Envelope {
                    status: Some(status),
                    ..Envelope::of(reply)
                }),
                Err(text) => Sent::Plain(Plain::Text { status, text }),
            });
        }
        let instead = fault.and_then(|fault| Some((fault, texts::instead(&ROUTES[id], fault)?)));
        if let Some((fault, reply)) = instead {
            self.recorder.fault(parties, fault);
            self.note_timeout(id, call, &reply, now);
            return Outcome::of(Sent::Envelope(Envelope::of(reply)));
        }
        let mut scene = Scene {
            now,
            clock: &self.clock,
            call,
            route: id,
            owners: &parties.advertisers,
            fault,
            struck: false,
            effects: Effects::default(),
        };
        let reply = if call.malformed {
            Reply::error(40_002, "Invalid JSON in the request body.")
        } else if ids.iter().all(|id| self.world.advertisers.knows(id)) {
            self.world.answer(&mut scene)
        } else {
            Reply::error(40_300, "The advertiser does not exist or has been deleted.")
        };
        let (effects, mut struck) = (scene.effects, scene.struck);
        self.record(&reply, effects, parties);
        let mut outcome = self.afterwards(id, call, reply, fault, now, &mut struck);
        if let Some(fault) = fault.filter(|_| struck) {
            self.recorder.fault(parties, fault);
        }
        outcome.tells_of_a_write &= effects.applied;
        if effects.applied && !outcome.tells_of_a_write {
            self.recorder.note(parties, |tally| tally.lost_answers += 1);
        }
        outcome
    }

    /// Carries out what was sent long ago, by somebody who has gone.
    pub(super) fn carry_out_late(&mut self, call: &Call, mut arrival: Arrival) {
        let Some(id) = arrival.parties.route else {
            return;
        };
        let (now, ids) = (self.clock.now(), call.advertisers());
        let outcome = self.carry_out(id, call, &ids, None, now, &arrival.parties);
        arrival.tells_of_a_write = outcome.tells_of_a_write;
        self.abandoned(&arrival);
    }

    /// The faults that strike when the work is done.
    fn afterwards(
        &mut self,
        id: RouteId,
        call: &Call,
        reply: Reply,
        fault: Option<Fault>,
        now: Micros,
        struck: &mut bool,
    ) -> Outcome {
        let sent = match fault {
            Some(Fault::LostAnswer) => Sent::Nothing,
            Some(Fault::CutBody) => Sent::Half(reply),
            Some(Fault::GatewayTimeout { .. }) => {
                self.timed_out(id, call, now);
                Sent::Plain(Plain::GatewayTimeout)
            }
            Some(Fault::ServerError { code, .. }) if reply.is_ok() => {
                let reply = texts::server_error(code);
                self.note_timeout(id, call, &reply, now);
                Sent::Envelope(Envelope::of(reply))
            }
            other => {
                let stall = match other {
                    Some(Fault::Stall(time)) => micros(time),
                    _ => 0,
                };
                *struck |= stall > 0;
                return Outcome {
                    sent: Sent::Envelope(Envelope::of(reply)),
                    stall,
                    tells_of_a_write: true,
                };
            }
        };
        *struck = true;
        Outcome::of(sent)
    }

    fn record(&mut self, reply: &Reply, effects: Effects, parties: &Parties) {
        let rejected = !reply.is_ok() && effects.deduplicated == 0;
        self.recorder.note(parties, |tally| {
            tally.rejected += u64::from(rejected);
            tally.applied += u64::from(effects.applied);
            tally.created += effects.created;
            tally.duplicated += effects.duplicated;
            tally.deduplicated += effects.deduplicated;
        });
    }

    fn note_timeout(&mut self, id: RouteId, call: &Call, reply: &Reply, now: Micros) {
        if matches!(reply.code, 51_001 | 51_010) {
            self.timed_out(id, call, now);
        }
    }
}
