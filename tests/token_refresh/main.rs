//! Tokens, over the simulator: what it says has happened is what has happened.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod expiry;
mod failure;
#[cfg(target_os = "linux")]
mod overwritten;
mod queued;
mod rotation;
mod stop;
mod support;
