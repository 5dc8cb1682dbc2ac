//! One call for all who ask the same at the same time.
//!
//! Who asks first leads: it makes the call, and all who ask the same before
//! the answer is there follow it and get a copy, whose body is shared. A
//! leader that goes away leaves its place to a follower, which asks anew: so
//! nobody's answer hangs on another's patience.

mod board;
mod error;
mod flight;
mod gather;
#[cfg(test)]
mod tests;

pub use self::error::SharedError;
#[cfg(feature = "report-batching")]
pub(crate) use self::flight::Flight;
#[cfg(feature = "report-batching")]
pub(crate) use self::gather::{BROKE_OFF, is_own};
pub(crate) use self::{
    board::{Board, Lead, Role},
    flight::{Follow, Landed, Outcome},
    gather::{Gather, Gathered},
};
pub(crate) use crate::identity::Identity;
