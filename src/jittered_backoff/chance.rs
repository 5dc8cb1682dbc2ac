use std::sync::{Mutex, PoisonError};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Where the draws come from. Each wait takes a fresh one from the one source
/// that all requests share: a source copied for each request would give all
/// of them the same waits.
#[derive(Debug)]
pub(crate) enum Chance {
    Thread,
    Seeded(Box<Mutex<StdRng>>),
}

impl Chance {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        seed.map_or(Self::Thread, |seed| {
            Self::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(seed))))
        })
    }

    /// The next draw, in `0.0..1.0`.
    pub(crate) fn draw(&self) -> f64 {
        match self {
            Self::Thread => rand::random(),
            Self::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).random(),
        }
    }
}
