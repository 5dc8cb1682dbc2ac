//! Several processes on a real Redis, and whatever may befall it. It needs
//! `redis-server`, and takes real time: what a law says of time holds beside the
//! lateness of the machine, which is measured.

mod access;
mod cable;
mod cluster;
mod faults;
mod fleet;
#[path = "../shared_state/gate.rs"]
mod gate;
#[path = "../support/log.rs"]
mod log;
mod machine;
mod nodes;
mod nonsense;
mod outages;
mod server;
mod sharing;
#[cfg(feature = "tiktok")]
mod stack;
#[cfg(feature = "redis-tls")]
mod tls;
