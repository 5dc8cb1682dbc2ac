//! Bodies that were looked into, and bodies that can be sent twice.

#[cfg(feature = "error-classifier")]
mod fields;
#[cfg(feature = "error-classifier")]
mod peek;
#[cfg(feature = "error-classifier")]
mod peeked;
#[cfg(feature = "jittered-backoff")]
mod replay;

#[cfg(feature = "error-classifier")]
pub use self::{fields::JsonFields, peeked::Peeked};
