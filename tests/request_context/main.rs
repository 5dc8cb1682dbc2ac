//! `TikTokRequestContextLayer` and its table, from outside.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod accounts;
mod endpoints;
mod rows;
mod service;
mod support;
mod table;
