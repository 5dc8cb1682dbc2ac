//! Bodies that were looked into, and bodies that can be sent twice.

#[cfg(feature = "error-classifier")]
mod json;
#[cfg(feature = "error-classifier")]
mod peek;
#[cfg(feature = "error-classifier")]
mod peeked;
#[cfg(any(feature = "jittered-backoff", feature = "token-refresh"))]
mod replay;

#[cfg(feature = "error-classifier")]
pub(crate) use self::peek::{Look, Peek};
#[cfg(any(feature = "jittered-backoff", feature = "token-refresh"))]
pub use self::replay::{BodyLost, Replay, ReplayBody};
#[cfg(feature = "error-classifier")]
pub use self::{json::JsonFields, peeked::Peeked};
