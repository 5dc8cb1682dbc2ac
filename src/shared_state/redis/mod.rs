//! The state in Redis or Valkey.

mod builder;
mod error;
mod keys;
mod link;
mod notices;
#[cfg(test)]
mod parity;
mod script;
mod state;
mod wire;

pub use self::{builder::RedisStateBuilder, error::InvalidRedis, state::RedisState};
