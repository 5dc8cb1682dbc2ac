//! The table of the module docs, row by row.

use tower_tiktok::{
    classify::{Classification, ErrorClass as Class},
    error::OutcomeUnknown,
    extensions::Operation,
};

use crate::support::{
    Server, Step, answer, idempotent, is, last, layer, ok, refused, request, secs, send,
};

/// How a request ends whose first attempt goes wrong and whose second works.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// It was sent again.
    Resent,
    /// What the first attempt came to was handed on.
    Stopped,
    Unknown,
}

use End::{Resent, Stopped, Unknown};

async fn end(step: &Step, operation: Operation) -> End {
    let server = Server::new([step.clone(), ok()]);
    let result = send(layer(), &server, request(operation)).await;
    match server.attempts() {
        2 => {
            assert!(result.is_ok_and(|response| response.extensions().is_empty()));
            Resent
        }
        1 if is::<OutcomeUnknown>(&result) => Unknown,
        1 => {
            match (step, result) {
                (Step::Answer(given), Ok(response)) => {
                    assert_eq!(response.extensions().get::<Classification>(), Some(given));
                }
                (Step::Status(given), Ok(response)) => assert_eq!(response.status(), *given),
                (Step::GivenUp, Err(_)) => {}
                (step, result) => panic!("{step:?} became {result:?}"),
            }
            Stopped
        }
        attempts => panic!("{attempts} attempts"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_row_of_the_matrix_holds() {
    let rows = [
        // (the first attempt, [read, idempotent write, write])
        (refused(Class::RateLimited), [Resent, Resent, Resent]),
        (answer(Class::RateLimited), [Resent, Resent, Unknown]),
        (Step::Status(429), [Resent, Resent, Resent]),
        (answer(Class::Transient), [Resent, Resent, Unknown]),
        (refused(Class::Transient), [Resent, Resent, Resent]),
        (Step::Status(500), [Resent, Resent, Unknown]),
        (Step::Status(503), [Resent, Resent, Unknown]),
        (answer(Class::Maintenance), [Resent, Resent, Unknown]),
        (Step::Lost, [Resent, Resent, Unknown]),
        (Step::Refused, [Resent, Resent, Resent]),
        (Step::GivenUp, [Stopped, Stopped, Stopped]),
        (refused(Class::NotReady), [Resent, Resent, Resent]),
        (answer(Class::NotReady), [Resent, Resent, Unknown]),
        (answer(Class::Conflict), [Resent, Resent, Stopped]),
        (last(Class::Conflict), [Stopped, Stopped, Stopped]),
        (answer(Class::TokenExpired), [Stopped, Stopped, Stopped]),
        (answer(Class::TokenInvalid), [Stopped, Stopped, Stopped]),
        (answer(Class::PermissionDenied), [Stopped, Stopped, Stopped]),
        (answer(Class::QuotaExhausted), [Stopped, Stopped, Stopped]),
        (answer(Class::InvalidRequest), [Stopped, Stopped, Stopped]),
        (answer(Class::Permanent), [Stopped, Stopped, Stopped]),
        (answer(Class::Unknown), [Stopped, Stopped, Stopped]),
        (answer(Class::PartialSuccess), [Stopped, Stopped, Stopped]),
        (answer(Class::Success), [Stopped, Stopped, Stopped]),
        (Step::Status(400), [Stopped, Stopped, Stopped]),
        (Step::Status(404), [Stopped, Stopped, Stopped]),
    ];
    for (step, expected) in rows {
        let operations = [Operation::Read, idempotent(secs(60)), Operation::Write];
        for (operation, expected) in operations.into_iter().zip(expected) {
            let end = end(&step, operation.clone()).await;
            assert_eq!(end, expected, "{step:?} on {operation:?}");
        }
    }
}
