//! Writes in doubt: what is asked, when, and what follows.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod cancel;
mod generic;
mod many;
mod read_back;
mod support;
