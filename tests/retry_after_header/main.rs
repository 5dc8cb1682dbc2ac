//! `RetryAfterHeader`: what it leaves, what it logs, and that it changes
//! nothing else.

mod left;
#[path = "../support/listen.rs"]
mod listen;
mod log;
mod property;
mod support;
mod unchanged;
