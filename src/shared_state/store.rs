use std::{fmt, future::Future, pin::Pin, sync::Arc};

use tokio::sync::mpsc;

use super::{Exchange, Notice, Reply, StoreError};

/// The answer to an exchange, on its way.
pub type ExchangeFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, StoreError>> + Send + 'a>>;

/// Where the processes keep what they share.
///
/// [`MemoryStore`](super::MemoryStore) and
/// `RedisState` (feature `redis`) are two. One of your own must carry out an
/// exchange as a whole or not at all, and one after another; the simplest way
/// is to keep a [`Ledger`](super::Ledger) behind whatever makes that so.
///
/// An exchange may take as long as it likes: who asks gives up after a while,
/// drops the future, and goes on without.
pub trait SharedStore: fmt::Debug + Send + Sync + 'static {
    /// Says what the member holds and wants, and hears what it gets.
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_>;

    /// What the store tells everybody from now on. Those that are lost come
    /// with the next reply too; so a store that cannot tell returns a channel
    /// whose sender is dropped.
    fn notices(&self) -> mpsc::Receiver<Notice> {
        mpsc::channel(1).1
    }
}

impl<S: SharedStore + ?Sized> SharedStore for Arc<S> {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        (**self).exchange(exchange)
    }

    fn notices(&self) -> mpsc::Receiver<Notice> {
        (**self).notices()
    }
}
