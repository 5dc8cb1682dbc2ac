//! One limit for all processes.

mod allocation;
mod error;
mod exchange;
mod memory;
mod store;

pub use self::{
    allocation::Ledger,
    error::{StoreError, StoreErrorKind},
    exchange::{
        Exchange, Notice, Reply, ScopeAsk, ScopeReply, Tokens, WindowAsk, WindowReply, WindowSpan,
    },
    memory::{Fault, MemoryStore},
    store::{ExchangeFuture, SharedStore},
};
