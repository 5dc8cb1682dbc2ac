//! What `JitteredBackoffLayer` promises, seen from outside.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod contract;
mod ends;
mod events;
mod held;
mod http2;
#[path = "../support/log.rs"]
mod log;
mod matrix;
mod memory;
mod resources;
mod support;
mod transport;
mod waits;
