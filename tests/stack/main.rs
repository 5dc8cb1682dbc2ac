//! What `TikTokLayer` promises as a whole, seen from outside.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod clones;
mod context;
mod drops;
mod level;
#[path = "../support/log.rs"]
mod log;
mod order;
mod partial;
mod replay;
mod stream;
mod support;
