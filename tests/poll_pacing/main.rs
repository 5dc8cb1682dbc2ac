//! Polls are spaced, shared and bounded, and jobs are followed to their end.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod cancel;
mod jobs;
mod not_ready;
mod polls;
mod support;
