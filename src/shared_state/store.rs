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
///
/// # Example
///
/// A task that answers one after another, by one clock. Where the processes are
/// several, a network is between them and it.
///
/// ```
/// use std::{convert::Infallible, sync::Arc, time::SystemTime};
///
/// use http::{Request, Response};
/// use tokio::{sync::{mpsc, oneshot}, task::JoinSet, time::Instant};
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_tiktok::{
///     request_pacing::{Quota, RequestPacingLayer},
///     shared_state::{
///         Exchange, ExchangeFuture, Ledger, Reply, SharedStore, StoreError, StoreErrorKind,
///     },
/// };
///
/// type Ask = (Exchange, oneshot::Sender<Result<Reply, StoreError>>);
///
/// #[derive(Debug)]
/// struct OwnStore(mpsc::Sender<Ask>);
///
/// impl SharedStore for OwnStore {
///     fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_> {
///         Box::pin(async move {
///             let away = || StoreError::new(StoreErrorKind::Unreachable);
///             let (answer, reply) = oneshot::channel();
///             self.0.send((exchange, answer)).await.map_err(|_| away())?;
///             reply.await.map_err(|_| away())?
///         })
///     }
/// }
///
/// async fn answer_all(mut asked: mpsc::Receiver<Ask>) {
///     let since_1970 = SystemTime::UNIX_EPOCH.elapsed().expect("a clock that is set");
///     let (start, mut ledger) = (Instant::now(), Ledger::new());
///     while let Some((exchange, answer)) = asked.recv().await {
///         // For all who listen to `notices`, which here is nobody.
///         let mut notices = Vec::new();
///         let now = since_1970 + start.elapsed();
///         answer.send(ledger.exchange(&exchange, now, &mut notices)).ok();
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (asks, asked) = mpsc::channel(64);
/// tokio::spawn(answer_all(asked));
/// let store = Arc::new(OwnStore(asks));
/// let (start, mut tasks) = (Instant::now(), JoinSet::new());
/// // Two that share ten requests a second, and have a hundred each to send.
/// for _ in 0..2 {
///     let layer = RequestPacingLayer::builder(Quota::requests_per_second(10));
///     let layer = layer.shared(store.clone()).build()?;
///     let client = layer.layer(service_fn(|_: Request<()>| async {
///         Ok::<_, Infallible>(Response::new(()))
///     }));
///     for _ in 0..100 {
///         tasks.spawn(client.clone().oneshot(Request::new(())));
///     }
/// }
/// tasks.join_all().await;
/// // One that did not know of the other would take ten.
/// let seconds = start.elapsed().as_secs_f64();
/// assert!((19.0..25.0).contains(&seconds), "{seconds}");
/// # Ok(())
/// # }
/// ```
pub trait SharedStore: fmt::Debug + Send + Sync + 'static {
    /// Says what the member holds and wants, and hears what it gets.
    fn exchange(&self, exchange: Exchange) -> ExchangeFuture<'_>;

    /// What the store tells everybody from now on. Those that are lost come
    /// with the next reply too; so a store that cannot tell returns a channel
    /// whose sender is dropped. One that loses the way to them should say
    /// [`Notice::Heard`] at once: then it is soon asked whether it is still there.
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
