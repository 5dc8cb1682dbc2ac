//! Reads that time out are braked before the server does.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod generic;
mod penalty;
