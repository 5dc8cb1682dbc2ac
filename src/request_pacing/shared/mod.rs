//! Scopes whose limits several processes share.
//!
//! What a process holds of a limit is the limit of its own windows. All else
//! goes on as it is, within a limit that changes.

mod apply;
mod backlog;
mod demand;
mod learned;
mod lending;
mod lonely;
mod name;
mod sharer;

pub(super) use self::{
    lending::{Lending, Lent},
    lonely::Alone,
};

use super::gate::Gate;

impl Gate {
    /// The lowest of its limits, of all processes together.
    fn lowest_limit(&self) -> u32 {
        let plan = self.windows.plan();
        plan.map_or(u32::MAX, |plan| plan.lowest())
    }
}
