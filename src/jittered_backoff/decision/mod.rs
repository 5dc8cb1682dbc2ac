//! Which resend is safe.
//!
//! | the attempt proves | read | idempotent write | write |
//! |---|---|---|---|
//! | [`Settled`](Proof::Settled) | stop | stop | stop |
//! | [`NotDone`](Proof::NotDone) | resend | resend | resend |
//! | [`InDoubt`](Proof::InDoubt) | resend | resend | outcome unknown |
//! | [`Conflict`](Proof::Conflict) | resend | resend once | stop |
//! | [`Barred`](Proof::Barred) | stop | stop | stop |
//!
//! A write that stops on anything but a settled answer, and that was in doubt
//! at any attempt, ends with its outcome unknown.

#[cfg(test)]
mod tests;

use super::Delivery;
use crate::{classify::ErrorClass, extensions::Operation};

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answer {
        class: ErrorClass,
        refused: bool,
        is_final: bool,
    },
    Failure(Delivery),
}

/// What that proves about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The server has answered for good, whichever copy it answered.
    Settled,
    /// This copy was certainly not carried out, and the next one may be.
    NotDone,
    /// This copy may have been carried out.
    InDoubt,
    /// Something else changes the same object.
    Conflict,
    /// Another copy would fare no better. That says nothing of those before
    /// this one.
    Barred,
}

/// What a second copy of the request would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    IdempotentWrite,
    Write,
}

/// What became of the earlier attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// One of them may have been carried out.
    pub(super) in_doubt: bool,
    /// One of them met a conflict.
    pub(super) conflict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Resend,
    /// Hand on what the attempt came to.
    Stop,
    OutcomeUnknown,
}

impl Outcome {
    pub(super) fn proof(self) -> Proof {
        use ErrorClass as Class;

        let (class, refused, is_final) = match self {
            Self::Answer {
                class,
                refused,
                is_final,
            } => (class, refused, is_final),
            Self::Failure(Delivery::NotSent) => return Proof::NotDone,
            Self::Failure(Delivery::GivenUp) => return Proof::Barred,
            Self::Failure(Delivery::Unknown) => return Proof::InDoubt,
        };
        match class {
            Class::Success | Class::PartialSuccess => Proof::Settled,
            Class::RateLimited | Class::NotReady | Class::Transient | Class::Maintenance => {
                if refused {
                    Proof::NotDone
                } else {
                    Proof::InDoubt
                }
            }
            // It exists already: that is an answer.
            Class::Conflict if is_final => Proof::Settled,
            Class::Conflict => Proof::Conflict,
            // A copy that met one of these does not speak for the copies before
            // it: a token runs out, a gateway answers 404, and "the name is
            // taken" may well be the doing of the first copy.
            Class::InvalidRequest
            | Class::Permanent
            | Class::TokenExpired
            | Class::TokenInvalid
            | Class::PermissionDenied
            | Class::QuotaExhausted
            | Class::Unknown => Proof::Barred,
        }
    }

    pub(super) fn is_not_ready(self) -> bool {
        let class = ErrorClass::NotReady;
        matches!(self, Self::Answer { class: found, .. } if found == class)
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Answer { is_final: true, .. })
    }
}

impl Kind {
    pub(super) fn of(operation: &Operation) -> Self {
        match operation {
            Operation::Read => Self::Read,
            Operation::IdempotentWrite { .. } => Self::IdempotentWrite,
            Operation::Write => Self::Write,
        }
    }
}

/// Whether to send a request of this `kind` again, after an attempt that came
/// to `outcome`.
pub(super) fn decide(kind: Kind, outcome: Outcome, history: History) -> Decision {
    let proof = outcome.proof();
    let resend = match (proof, kind) {
        (Proof::Settled | Proof::Barred, _) => false,
        (Proof::NotDone, _) => true,
        (Proof::InDoubt | Proof::Conflict, Kind::Read) => true,
        (Proof::InDoubt, Kind::IdempotentWrite) => true,
        (Proof::Conflict, Kind::IdempotentWrite) => !history.conflict,
        (Proof::InDoubt | Proof::Conflict, Kind::Write) => false,
    };
    if resend && !outcome.is_final() {
        Decision::Resend
    } else {
        give_up(kind, proof, history)
    }
}

/// How a request ends that is not sent again, though it might be safe.
pub(super) fn give_up(kind: Kind, proof: Proof, history: History) -> Decision {
    let in_doubt = history.in_doubt || proof == Proof::InDoubt;
    if in_doubt && proof != Proof::Settled && kind != Kind::Read {
        Decision::OutcomeUnknown
    } else {
        Decision::Stop
    }
}
