use std::{fmt, sync::Arc, time::Duration};

use redis::Client;
use tokio::sync::mpsc;

use super::{
    RedisStateBuilder,
    keys::Keys,
    link::{Connection, Link, Place},
    notices::listen,
    script::Script,
};
use crate::shared_state::{
    Exchange, ExchangeFuture, Notice, Reply, SharedStore, StoreError, StoreErrorKind,
};

/// A [store](SharedStore) in Redis or Valkey, single or Cluster.
///
/// Each exchange is one call of one script, which the server carries out as a
/// whole, by its own clock. It holds one connection for that, in a Cluster one
/// to each node, and one more to hear notices on. All keys have one hash tag
/// and expire.
///
/// # Example
/// ```
/// use tower_tiktok::shared_state::{RedisState, SharedState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = RedisState::connect("redis://pacer:secret@127.0.0.1:6379/0")
///     .app("7011")
///     .build()?;
/// assert!(!format!("{redis:?}").contains("secret"));
/// let state = SharedState::builder(redis).build()?;
/// # drop(state);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisState {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    clients: Vec<Client>,
    keys: Keys,
    connect_timeout: Duration,
    script: Script,
}

impl RedisState {
    /// A single server, or whatever looks like one:
    /// `redis://user:password@host:6379/0`, `rediss://...` for TLS (feature
    /// `redis-tls`), `redis+unix:///path`. It must be the primary.
    pub fn connect(url: impl Into<String>) -> RedisStateBuilder {
        RedisStateBuilder::new(vec![url.into()], false)
    }

    /// A Cluster, of which these nodes tell the others.
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisStateBuilder {
        RedisStateBuilder::new(urls.into_iter().map(Into::into).collect(), true)
    }

    pub(super) fn new(
        place: Place,
        clients: Vec<Client>,
        keys: Keys,
        connect_timeout: Duration,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                link: Link::new(place, connect_timeout),
                clients,
                keys,
                connect_timeout,
                script: Script::new(),
            }),
        }
    }
}

impl Inner {
    async fn exchange(&self, exchange: Exchange) -> Result<Reply, StoreError> {
        let mut link = self.link.connection().await?;
        let (script, keys) = (&self.script, &self.keys);
        let reply = match &mut link.connection {
            Connection::Single(connection) => script.run(connection, &exchange, keys).await,
            Connection::Cluster(connection) => script.run(connection, &exchange, keys).await,
        };
        let well = |error: &StoreError| error.kind() == StoreErrorKind::Stale;
        if reply.as_ref().err().is_none_or(well) {
            link.keep();
        }
        reply
    }
}

impl SharedStore for RedisState {
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
        Box::pin(self.inner.exchange(exchange))
    }

    fn notices(&self) -> mpsc::Receiver<Notice> {
        let (to, from) = mpsc::channel(256);
        let (clients, channel) = (self.inner.clients.clone(), self.inner.keys.channel());
        tokio::spawn(listen(clients, channel, self.inner.connect_timeout, to));
        from
    }
}

impl fmt::Debug for RedisState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The addresses may contain a password.
        f.debug_struct("RedisState")
            .field("keys", &self.inner.keys)
            .finish_non_exhaustive()
    }
}
