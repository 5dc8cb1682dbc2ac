//! The simulator's own laws: what it enforces, and that its ledger is true.

#[path = "simulator/client.rs"]
mod client;
#[path = "simulator/faults.rs"]
mod faults;
#[path = "simulator/limits.rs"]
mod limits;
#[path = "simulator/objects.rs"]
mod objects;
#[path = "simulator/wire.rs"]
mod wire;
