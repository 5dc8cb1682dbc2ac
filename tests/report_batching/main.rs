//! Reads that ask the same are one request, and reports are merged.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod kept;
mod merged;
mod priority;
mod same;
mod support;
