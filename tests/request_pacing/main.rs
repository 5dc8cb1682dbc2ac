//! Pacing, as a caller and as a server see it.

#![cfg(test)]

mod cancel;
mod handle;
mod headers;
mod learned;
mod memory;
mod queue;
mod refusals;
mod scenarios;
mod support;
