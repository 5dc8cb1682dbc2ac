use proptest::prelude::*;

use super::{
    Decision::{OutcomeUnknown as Unknown, Resend, Stop},
    *,
};

const CLASSES: [ErrorClass; 14] = [
    ErrorClass::Success,
    ErrorClass::PartialSuccess,
    ErrorClass::RateLimited,
    ErrorClass::Transient,
    ErrorClass::Maintenance,
    ErrorClass::Conflict,
    ErrorClass::NotReady,
    ErrorClass::TokenExpired,
    ErrorClass::TokenInvalid,
    ErrorClass::PermissionDenied,
    ErrorClass::QuotaExhausted,
    ErrorClass::InvalidRequest,
    ErrorClass::Permanent,
    ErrorClass::Unknown,
];

fn answer(class: ErrorClass) -> Outcome {
    Outcome::Answer {
        class,
        refused: false,
        is_final: false,
    }
}

fn refused(class: ErrorClass) -> Outcome {
    Outcome::Answer {
        class,
        refused: true,
        is_final: false,
    }
}

fn last(class: ErrorClass) -> Outcome {
    Outcome::Answer {
        class,
        refused: false,
        is_final: true,
    }
}

fn row(outcome: Outcome, history: History) -> [Decision; 3] {
    [Kind::Read, Kind::IdempotentWrite, Kind::Write].map(|kind| decide(kind, outcome, history))
}

#[test]
fn the_first_answer_decides_by_the_table() {
    use ErrorClass as Class;
    for (outcome, expected) in [
        (answer(Class::Success), [Stop, Stop, Stop]),
        (answer(Class::PartialSuccess), [Stop, Stop, Stop]),
        (refused(Class::RateLimited), [Resend, Resend, Resend]),
        (answer(Class::RateLimited), [Resend, Resend, Unknown]),
        (answer(Class::Transient), [Resend, Resend, Unknown]),
        (refused(Class::Transient), [Resend, Resend, Resend]),
        (last(Class::Transient), [Stop, Unknown, Unknown]),
        (answer(Class::Maintenance), [Resend, Resend, Unknown]),
        (answer(Class::Conflict), [Resend, Resend, Stop]),
        (refused(Class::Conflict), [Resend, Resend, Stop]),
        (last(Class::Conflict), [Stop, Stop, Stop]),
        (refused(Class::NotReady), [Resend, Resend, Resend]),
        (answer(Class::NotReady), [Resend, Resend, Unknown]),
        (last(Class::RateLimited), [Stop, Unknown, Unknown]),
        (answer(Class::TokenExpired), [Stop, Stop, Stop]),
        (answer(Class::TokenInvalid), [Stop, Stop, Stop]),
        (answer(Class::PermissionDenied), [Stop, Stop, Stop]),
        (answer(Class::QuotaExhausted), [Stop, Stop, Stop]),
        (answer(Class::InvalidRequest), [Stop, Stop, Stop]),
        (answer(Class::Permanent), [Stop, Stop, Stop]),
        (answer(Class::Unknown), [Stop, Stop, Stop]),
        (
            Outcome::Failure(Delivery::NotSent),
            [Resend, Resend, Resend],
        ),
        (Outcome::Failure(Delivery::GivenUp), [Stop, Stop, Stop]),
        (
            Outcome::Failure(Delivery::Unknown),
            [Resend, Resend, Unknown],
        ),
    ] {
        assert_eq!(row(outcome, History::default()), expected, "{outcome:?}");
    }
}

#[test]
fn a_doubt_is_settled_by_a_definitive_answer_only() {
    use ErrorClass as Class;
    let doubt = History {
        in_doubt: true,
        conflict: false,
    };
    let after = |outcome| decide(Kind::IdempotentWrite, outcome, doubt);
    for settled in [
        answer(Class::Success),
        answer(Class::PartialSuccess),
        last(Class::Conflict),
    ] {
        assert_eq!(after(settled), Stop, "{settled:?}");
    }
    for barred in [
        answer(Class::InvalidRequest),
        answer(Class::Permanent),
        answer(Class::TokenExpired),
        answer(Class::TokenInvalid),
        answer(Class::PermissionDenied),
        answer(Class::QuotaExhausted),
        answer(Class::Unknown),
        Outcome::Failure(Delivery::GivenUp),
    ] {
        assert_eq!(after(barred), Unknown, "{barred:?}");
    }
}

#[test]
fn a_second_conflict_ends_an_idempotent_write() {
    let conflict = answer(ErrorClass::Conflict);
    let mut history = History {
        in_doubt: false,
        conflict: true,
    };
    assert_eq!(row(conflict, history), [Resend, Stop, Stop]);
    history.in_doubt = true;
    assert_eq!(row(conflict, history), [Resend, Unknown, Unknown]);
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let class = proptest::sample::select(&CLASSES[..]);
    prop_oneof![
        (class, any::<bool>(), any::<bool>()).prop_map(|(class, refused, is_final)| {
            Outcome::Answer {
                class,
                refused: refused && !is_final,
                is_final,
            }
        }),
        prop_oneof![
            Just(Delivery::NotSent),
            Just(Delivery::GivenUp),
            Just(Delivery::Unknown)
        ]
        .prop_map(Outcome::Failure),
    ]
}

proptest! {
    #[test]
    fn a_plain_write_is_never_sent_again_in_doubt(
        outcome in any_outcome(), in_doubt: bool, conflict: bool,
    ) {
        let history = History { in_doubt, conflict };
        if decide(Kind::Write, outcome, history) == Resend {
            prop_assert_eq!(outcome.proof(), Proof::NotDone);
        }
    }

    #[test]
    fn a_read_never_has_an_unknown_outcome(
        outcome in any_outcome(), in_doubt: bool, conflict: bool,
    ) {
        let history = History { in_doubt, conflict };
        prop_assert_ne!(decide(Kind::Read, outcome, history), Unknown);
    }
}
