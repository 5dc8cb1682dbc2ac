//! What a window has room for, as pure arithmetic.

mod count;
mod day;
#[cfg(feature = "shared-state")]
mod lent;
mod limit;
mod log;
mod plan;
#[cfg(test)]
mod tests;
mod windows;

pub(super) use self::{
    plan::Plan,
    windows::{Arrived, InFlight, Windows},
};
