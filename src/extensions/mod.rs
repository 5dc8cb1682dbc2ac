//! What the layers tell each other: the types they leave in the extensions of
//! requests and responses.
//!
//! They are the protocol between the layers. A layer of your own may read
//! them, or leave them in place of one of ours.
//!
//! | type | in | left by | read by |
//! |---|---|---|---|
//! | [`RequestContext`] | request | the caller, or the layer that finds it out | backoff, concurrency, logs |
//! | [`Deadline`] | request | the caller | every layer that waits |
//! | [`Attempt`] | request | backoff, on each resend | every layer that waits, logs |
//! | [`LeaveNotReady`] | request | poll pacing | backoff |
//! | [`Patience`] | request | the caller, or poll pacing | pacing |
//! | [`Classification`](crate::classify::Classification) | response | the classifier | backoff, pacing, logs |
//! | [`PartialFailure`] | response | the classifier | the caller |
//! | [`RetryAfter`] | response | the header layer | backoff, pacing |
//! | [`RateLimitStatus`] | response | the header layer | pacing, the caller |
//! | [`PacedHold`] | response | pacing | backoff |

mod account;
mod attempt;
mod context;
mod deadline;
#[cfg(any(
    feature = "jittered-backoff",
    feature = "request-pacing",
    feature = "token-refresh"
))]
mod departure;
mod leave_not_ready;
#[cfg(any(
    feature = "jittered-backoff",
    feature = "per-account-concurrency",
    feature = "request-pacing",
    feature = "retry-after-header"
))]
mod lookup;
mod operation;
mod paced_hold;
mod partial_failure;
mod patience;
#[cfg(feature = "report-batching")]
mod read_back;
mod retry_after;

#[cfg(any(
    feature = "jittered-backoff",
    feature = "request-pacing",
    feature = "token-refresh"
))]
pub(crate) use self::departure::Departure;
#[cfg(any(
    feature = "jittered-backoff",
    feature = "per-account-concurrency",
    feature = "request-pacing",
    feature = "retry-after-header"
))]
pub(crate) use self::lookup::Lookup;
#[cfg(feature = "report-batching")]
pub(crate) use self::read_back::ReadBack;
pub use self::{
    account::AccountId,
    attempt::Attempt,
    context::{Priority, RequestContext},
    deadline::Deadline,
    leave_not_ready::LeaveNotReady,
    operation::Operation,
    paced_hold::PacedHold,
    partial_failure::{FailedItem, PartialFailure},
    patience::Patience,
    retry_after::{RateLimitPolicy, RateLimitStatus, RetryAfter},
};
