//! Bodies that were looked into, and bodies that can be sent twice.

#[cfg(feature = "error-classifier")]
mod json;
#[cfg(feature = "error-classifier")]
mod peek;
#[cfg(feature = "error-classifier")]
mod peeked;
#[cfg(any(
    feature = "jittered-backoff",
    feature = "poll-pacing",
    feature = "report-batching",
    feature = "timeout-brake",
    feature = "token-refresh"
))]
mod replay;
#[cfg(any(feature = "poll-pacing", feature = "report-batching"))]
mod shared;

#[cfg(feature = "error-classifier")]
pub(crate) use self::peek::{Look, Peek};
#[cfg(any(
    feature = "jittered-backoff",
    feature = "poll-pacing",
    feature = "report-batching",
    feature = "timeout-brake",
    feature = "token-refresh"
))]
pub use self::replay::{BodyLost, Replay, ReplayBody};
#[cfg(any(feature = "poll-pacing", feature = "report-batching"))]
pub(crate) use self::shared::Frames;
#[cfg(any(feature = "poll-pacing", feature = "report-batching"))]
pub use self::shared::SharedBody;
#[cfg(feature = "error-classifier")]
pub use self::{json::JsonFields, peeked::Peeked};
