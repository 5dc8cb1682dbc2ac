use super::limit::{Kind, Limit};
use crate::request_pacing::tick::Tick;

/// Requests of one scope that are in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::request_pacing) struct InFlight {
    pub(in crate::request_pacing) all: u32,
    /// Those for which the short windows wait.
    pub(in crate::request_pacing) awaited: u32,
}

/// A request that is over.
#[derive(Clone, Copy, Debug)]
pub(in crate::request_pacing) struct Arrived {
    pub(in crate::request_pacing) requests: u32,
    /// When it probably arrived. `None`: the short windows were told before.
    pub(in crate::request_pacing) probably: Option<Tick>,
    /// When it arrived at the latest.
    pub(in crate::request_pacing) latest: Tick,
    /// How many were in flight with it.
    pub(in crate::request_pacing) in_flight: u32,
}

impl InFlight {
    pub(super) fn of(self, limit: &Limit) -> u32 {
        match limit.kind {
            Kind::Short => self.awaited,
            Kind::Long | Kind::Day => self.all,
        }
    }
}
