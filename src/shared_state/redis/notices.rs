use std::time::Duration;

use futures_util::StreamExt;
use redis::{Client, RedisError, aio::PubSub};
use tokio::{
    sync::mpsc,
    time::{interval, sleep, timeout},
};

use super::wire;
use crate::shared_state::Notice;

/// How long to wait before the next server is tried, at least.
const SOONEST: Duration = Duration::from_millis(100);

/// And at most.
const LATEST: Duration = Duration::from_millis(500);

/// How often the connection is tried that nobody speaks on.
const TRY: Duration = Duration::from_secs(1);

/// Hands on what is published until nobody listens. In a Cluster every node
/// hears all, so any will do.
///
/// It hears again within two seconds of a server that is back: one that hangs takes
/// `connect_timeout`, a second unless told otherwise, and then the longest wait.
pub(super) async fn listen(
    clients: Vec<Client>,
    channel: String,
    connect_timeout: Duration,
    to: mpsc::Sender<Notice>,
) {
    let mut wait = SOONEST;
    to.send(Notice::Heard(false)).await.ok();
    for client in clients.iter().cycle() {
        let heard = tokio::select! {
            heard = hear(client, &channel, connect_timeout, &to) => heard,
            () = to.closed() => return,
        };
        to.send(Notice::Heard(false)).await.ok();
        wait = match heard {
            Ok(()) => SOONEST,
            Err(_) => (wait * 2).min(LATEST),
        };
        tokio::select! {
            () = sleep(wait.mul_f64(rand::random_range(0.5..1.0))) => {}
            () = to.closed() => return,
        }
    }
}

/// Listens to one server until it is lost, and tells whether it does. An error: it
/// was never there.
async fn hear(
    client: &Client,
    channel: &str,
    connect_timeout: Duration,
    to: &mpsc::Sender<Notice>,
) -> Result<(), RedisError> {
    let Ok(listener) = timeout(connect_timeout, connect(client, channel)).await else {
        return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
    };
    let (mut sink, mut stream) = listener?.split();
    let mut tries = interval(TRY);
    // NOTE: not by `try_send`, for no reply tells it.
    to.send(Notice::Heard(true)).await.ok();
    loop {
        tokio::select! {
            message = stream.next() => {
                let Some(message) = message else { return Ok(()) };
                tries.reset();
                let text: Result<String, _> = message.get_payload();
                if let Some(notice) = text.ok().as_deref().and_then(wire::notice) {
                    // Too slow a listener hears it with the next reply.
                    drop(to.try_send(notice));
                }
            }
            _ = tries.tick() => {
                let answer = timeout(TRY / 2, sink.ping::<redis::Value>()).await;
                if !matches!(answer, Ok(Ok(_))) {
                    return Ok(());
                }
            }
        }
    }
}

async fn connect(client: &Client, channel: &str) -> Result<PubSub, RedisError> {
    let mut listener = client.get_async_pubsub().await?;
    listener.subscribe(channel).await?;
    Ok(listener)
}
