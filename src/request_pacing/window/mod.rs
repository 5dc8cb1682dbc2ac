//! What a window has room for, as pure arithmetic.

mod count;
mod counts;
mod day;
mod flight;
#[cfg(feature = "shared-state")]
mod lent;
mod limit;
mod log;
mod plan;
#[cfg(test)]
mod tests;
mod windows;

pub(super) use self::{
    flight::{Arrived, InFlight},
    plan::Plan,
    windows::Windows,
};
