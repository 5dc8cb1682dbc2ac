//! Tokens, over the simulator: what it says has happened is what has happened.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod expiry;
mod failure;
mod queued;
mod rotation;
mod stop;
mod support;
