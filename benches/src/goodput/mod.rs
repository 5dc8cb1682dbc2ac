//! The pure parts of the `goodput` benchmark, here because a benchmark without
//! a harness runs no tests of its own.

mod clairvoyant;
mod concurrency;
mod cubic;
mod frontier;
mod stats;

pub use self::{
    clairvoyant::{Limits, Windows, last_admission},
    concurrency::Concurrency,
    cubic::Cubic,
    frontier::{Drive, Knows, Road, drive},
    stats::{jain, median, percentile},
};
