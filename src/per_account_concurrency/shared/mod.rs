//! Permits that several processes share.
//!
//! What a process holds of an account's permits is its limit. All else goes on
//! as it is, within a limit that changes.

mod demand;
mod lent;
mod name;
mod sharer;

pub(super) use self::lent::{Lending, Lent};
