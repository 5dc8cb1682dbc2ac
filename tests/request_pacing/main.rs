//! Pacing, as a caller and as a server see it.

#![cfg(test)]

mod by_hand;
mod cancel;
mod clock;
mod cost;
mod deadlines;
mod drain;
mod eviction;
mod handle;
mod headers;
mod learned;
mod lost;
mod memory;
mod models;
mod others;
mod queue;
mod refusals;
mod runtimes;
mod scenarios;
mod scopes;
mod server;
mod small;
mod support;
mod turns;
mod unpolled;
mod unready;
mod wakeups;
mod which_window;
