//! Tower layers for clients of the TikTok Business API.

pub mod body;
pub mod classify;
pub mod error;
#[cfg(feature = "error-classifier")]
pub mod error_classifier;
pub mod extensions;
#[cfg(feature = "jittered-backoff")]
pub mod jittered_backoff;
#[cfg(feature = "per-account-concurrency")]
pub mod per_account_concurrency;
#[cfg(feature = "retry-after-header")]
pub mod retry_after_header;
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(feature = "tiktok")]
pub mod tiktok;

#[cfg(any(feature = "retry-after-header", feature = "tiktok"))]
mod wall_clock;
