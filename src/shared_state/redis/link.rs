use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection, cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::{sync::watch, time::timeout};

use super::error::store_error;
use crate::shared_state::{StoreError, StoreErrorKind};

/// Where the server is.
#[derive(Clone)]
pub(super) enum Place {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// A connection that is there.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// One connection, made anew when it fails.
///
/// A connection that does not answer in time is given up: behind a cut cable it
/// would stay silent for minutes. It is made in a task of its own, for whoever
/// waits for it goes away sooner than that.
///
/// Not by redis' `ConnectionManager`, which keeps one that no longer answers, and
/// never tries again once its password was refused: neither was back in a minute.
pub(super) struct Link {
    place: Place,
    connect_timeout: Duration,
    state: Arc<watch::Sender<State>>,
    connecting: Arc<AtomicBool>,
}

#[derive(Clone)]
enum State {
    None,
    Failed(StoreError),
    Ready(Connection, Arc<()>),
}

/// Tells how it ended, also when its runtime is shut down meanwhile.
struct Attempt {
    state: Arc<watch::Sender<State>>,
    connecting: Arc<AtomicBool>,
    outcome: State,
}

/// The use of a connection; gives it up unless told that all is well.
pub(super) struct Use<'a> {
    link: &'a Link,
    pub(super) connection: Connection,
    which: Arc<()>,
    good: bool,
}

impl Link {
    pub(super) fn new(place: Place, connect_timeout: Duration) -> Self {
        Self {
            place,
            connect_timeout,
            state: Arc::new(watch::Sender::new(State::None)),
            connecting: Arc::default(),
        }
    }

    /// The connection, as soon as there is one.
    pub(super) async fn connection(&self) -> Result<Use<'_>, StoreError> {
        let mut states = self.state.subscribe();
        if !matches!(&*states.borrow_and_update(), State::Ready(..)) {
            self.connect();
        }
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                State::Ready(connection, which) => {
                    return Ok(Use {
                        link: self,
                        connection,
                        which,
                        good: false,
                    });
                }
                State::Failed(error) if !self.connecting.load(Ordering::Acquire) => {
                    return Err(error);
                }
                State::Failed(_) | State::None => {}
            }
            if states.changed().await.is_err() {
                return Err(StoreError::new(StoreErrorKind::Unreachable));
            }
        }
    }

    fn connect(&self) {
        if self.connecting.swap(true, Ordering::AcqRel) {
            return;
        }
        let (place, time) = (self.place.clone(), self.connect_timeout);
        let attempt = Attempt {
            state: self.state.clone(),
            connecting: self.connecting.clone(),
            outcome: State::Failed(StoreError::new(StoreErrorKind::Unreachable)),
        };
        tokio::spawn(async move {
            let made = timeout(time, place.connect(time)).await;
            attempt.ended(match made {
                Ok(Ok(connection)) => State::Ready(connection, Arc::default()),
                Ok(Err(error)) => State::Failed(store_error(&error)),
                Err(_) => State::Failed(StoreError::new(StoreErrorKind::Timeout)),
            });
        });
    }
}

impl Place {
    async fn connect(&self, time: Duration) -> Result<Connection, RedisError> {
        match self {
            Self::Single(client) => {
                // Whoever asks has a deadline of its own.
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(time))
                    .set_response_timeout(None);
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Connection::Single(connection.await?))
            }
            Self::Cluster(client) => Ok(Connection::Cluster(client.get_async_connection().await?)),
        }
    }
}

impl Use<'_> {
    /// The connection may be used again.
    pub(super) fn keep(mut self) {
        self.good = true;
    }
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        if self.good {
            return;
        }
        // Somebody else may have given it up, and have a better one already.
        self.link.state.send_if_modified(|state| {
            let same = matches!(state, State::Ready(_, which) if Arc::ptr_eq(which, &self.which));
            if same {
                *state = State::None;
            }
            same
        });
    }
}

impl Attempt {
    fn ended(mut self, outcome: State) {
        self.outcome = outcome;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.connecting.store(false, Ordering::Release);
        let outcome = std::mem::replace(&mut self.outcome, State::None);
        self.state.send_replace(outcome);
    }
}
