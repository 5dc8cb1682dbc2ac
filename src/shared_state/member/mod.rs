//! One process's part: what it holds, what it asks for, and what it does when
//! the store is away.

mod driver;
mod face;
mod machine;
mod scope;
mod settings;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use self::{
    face::{ScopeDemand, ScopeShare, Sharer, Which, WindowDemand},
    settings::FailureMode,
    snapshot::{SharedScope, SharedSnapshot, SharedWindow, StoreStatus},
    state::{InvalidSharedState, Membership, SharedState, SharedStateBuilder},
};
