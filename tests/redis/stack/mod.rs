//! The whole stack of several processes, through a real Redis, at a server that
//! enforces its limits and writes down what it did.

mod fleet;
mod holder;
mod outages;
mod permits;
mod sharing;
