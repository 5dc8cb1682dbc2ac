use std::time::Duration;

use http::Response;
use tokio::time::Instant;

use super::{
    ClassifyError,
    builder::Config,
    decision::{Outcome, Proof},
    kept::Kept,
    log,
    session::{End, Facts, Next, Session},
    wait,
};
use crate::{
    body::Replay,
    classify::{ByStatus, Classification, Classify, ErrorClass, Throttle, ThrottleWindow},
    error::{BoxError, DeadlineExceeded, OutcomeUnknown, WaitTooLong},
    extensions::{PacedHold, RetryAfter},
};

/// What comes after an attempt.
pub(super) enum Settled<R> {
    /// A resend, after this time.
    Wait(Duration),
    End(Result<Response<R>, BoxError>),
}

/// Decides what comes after an attempt that was no success. A response that is
/// not handed on is dropped in here, before any wait.
pub(super) fn settle<S, B, C, R>(
    session: &mut Session,
    kept: &Kept<S, B>,
    config: &Config<C>,
    result: Result<Response<R>, BoxError>,
) -> Settled<R>
where
    B: Replay,
    C: ClassifyError,
{
    let now = Instant::now();
    let operation = kept.operation();
    let outcome = outcome(&result, config);
    let throttled = result.as_ref().ok().and_then(throttled);
    let facts = Facts {
        operation: &operation,
        outcome,
        throttled,
        floor: server_wait(&result, session.repeats(throttled)),
        floor_is_cut: header_wait(&result).is_some_and(|wait| wait.is_cut()),
        held: result.as_ref().ok().and_then(held),
        replayable: kept.is_replayable(),
        deadline: kept.deadline(),
        now,
    };
    let mut next = if outcome.is_not_ready() && kept.leaves_not_ready() {
        session.give_up(&operation, outcome.proof())
    } else {
        session.judge(&config.limits, &facts, || config.chance.draw())
    };
    // Who is turned away and told when to come back adds no load by obeying.
    let told = facts.held.is_some() || !facts.floor.is_zero();
    let invited = outcome.proof() == Proof::NotDone && told;
    if let (Next::Wait(_), Some(budget)) = (next, &config.budget)
        && !invited
        && !budget.withdraw(now)
    {
        next = session.give_up(&operation, outcome.proof());
    }

    match next {
        Next::HandOn => {
            let class = result.as_ref().ok().map(ErrorClass::of);
            log::failed(kept, session, result.as_ref().ok().and_then(found), class);
            Settled::End(result)
        }
        Next::Wait(delay) => {
            log::resend(kept, session, result.as_ref().ok().and_then(found), delay);
            #[cfg(feature = "metrics")]
            crate::metrics::resend(result.as_ref().ok().map(ErrorClass::of), delay);
            Settled::Wait(delay)
        }
        Next::OutcomeUnknown => {
            let (classification, cause) = match result {
                Ok(response) => (Some(classification(response)), None),
                Err(error) => (None, Some(error)),
            };
            Settled::End(Err(unknown(session, kept, classification, cause)))
        }
        Next::Fail(reason) => {
            let (classification, cause) = match result {
                Ok(response) => (Some(classification(response)), None),
                Err(error) => (None, Some(error)),
            };
            log::failed(kept, session, classification.as_ref(), None);
            let error = match reason {
                End::Late { earliest } => DeadlineExceeded::new(earliest, classification.clone())
                    .with_cause(cause)
                    .into(),
                End::WaitTooLong(wait) => WaitTooLong::new(wait, classification.clone()).into(),
            };
            Settled::End(Err(end(session, kept, classification, error)))
        }
    }
}

/// Ends a request in `error`, unless it is a write in doubt: then that is what
/// the caller must know, and `error` its cause.
pub(super) fn end<S, B>(
    session: &Session,
    kept: &Kept<S, B>,
    classification: Option<Classification>,
    error: BoxError,
) -> BoxError {
    if session.is_in_doubt(&kept.operation()) {
        unknown(session, kept, classification, Some(error))
    } else {
        error
    }
}

/// Ends a write in doubt.
pub(super) fn unknown<S, B>(
    session: &Session,
    kept: &Kept<S, B>,
    classification: Option<Classification>,
    cause: Option<BoxError>,
) -> BoxError {
    log::outcome_unknown(kept, session, classification.as_ref());
    OutcomeUnknown::new(classification, cause).into()
}

fn outcome<R, C: ClassifyError>(
    result: &Result<Response<R>, BoxError>,
    config: &Config<C>,
) -> Outcome {
    match result {
        Ok(response) => match found(response) {
            Some(found) => Outcome::Answer {
                class: found.class(),
                refused: found.is_refused(),
                is_final: found.is_final(),
            },
            None => {
                let class = ErrorClass::from_status(response.status());
                Outcome::Answer {
                    class,
                    refused: class == ErrorClass::RateLimited,
                    is_final: false,
                }
            }
        },
        Err(error) => Outcome::Failure(config.delivery(error)),
    }
}

fn server_wait<R>(result: &Result<Response<R>, BoxError>, repeats: u32) -> Duration {
    let response = match result {
        Ok(response) => response,
        Err(error) => return token_wait(error),
    };
    let header = header_wait(result).map(|wait| wait.delay());
    let throttle = found(response).and_then(Classification::throttle);
    // What the server says beats what is guessed of a limit without a name.
    let guess = |throttle: &&Throttle| throttle.window() == ThrottleWindow::Unknown;
    let throttle = throttle.filter(|throttle| header.is_none() || !guess(throttle));
    wait::floor([header, throttle.and_then(|throttle| throttle.wait(repeats))])
}

/// How long nobody will try to get the token that is missing.
#[cfg(feature = "token-refresh")]
fn token_wait(error: &BoxError) -> Duration {
    let missing = error.downcast_ref::<crate::token_refresh::TokenUnavailable>();
    let retry_at = missing.and_then(crate::token_refresh::TokenUnavailable::retry_at);
    retry_at.map_or(Duration::ZERO, |at| {
        at.saturating_duration_since(Instant::now())
    })
}

#[cfg(not(feature = "token-refresh"))]
fn token_wait(_: &BoxError) -> Duration {
    Duration::ZERO
}

fn header_wait<R>(result: &Result<Response<R>, BoxError>) -> Option<RetryAfter> {
    result.as_ref().ok()?.extensions().get().copied()
}

fn held<R>(response: &Response<R>) -> Option<Instant> {
    response.extensions().get().map(PacedHold::instant)
}

/// The window of the limit that was reached, if one was.
fn throttled<R>(response: &Response<R>) -> Option<ThrottleWindow> {
    (ErrorClass::of(response) == ErrorClass::RateLimited).then(|| {
        found(response)
            .and_then(Classification::throttle)
            .map_or(ThrottleWindow::Unknown, Throttle::window)
    })
}

/// What a classifier found.
fn found<R>(response: &Response<R>) -> Option<&Classification> {
    response.extensions().get()
}

/// What a classifier found, or else what the status suggests.
fn classification<R>(response: Response<R>) -> Classification {
    let (mut head, _) = response.into_parts();
    let found = head.extensions.remove();
    found.unwrap_or_else(|| ByStatus.classify(&head, None))
}
