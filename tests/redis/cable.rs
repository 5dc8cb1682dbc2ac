use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// A way to the server that can be cut: what is sent then is gone, and nobody is
/// told. And one on which answers may take their time.
#[derive(Debug)]
pub(crate) struct Cable {
    pub(crate) port: u16,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    cut: bool,
    /// How long each answer is on its way.
    slow: Duration,
}

impl Cable {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let state = Arc::new(watch::Sender::new(State::default()));
        let cable = state.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let state = cable.subscribe();
                tokio::spawn(async move {
                    let far = TcpStream::connect(("127.0.0.1", server)).await;
                    let (near_read, near_write) = near.into_split();
                    let (far_read, far_write) = far.expect("the server is there").into_split();
                    let asks = state.clone();
                    tokio::join!(
                        pump(near_read, far_write, move || State {
                            slow: Duration::ZERO,
                            ..*asks.borrow()
                        }),
                        pump(far_read, near_write, move || *state.borrow())
                    );
                });
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.state.send_modify(|state| state.cut = cut);
    }

    /// From now on each answer is so long on its way.
    pub(crate) fn slow(&self, slow: Duration) {
        self.state.send_modify(|state| state.slow = slow);
    }
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    state: impl Fn() -> State,
) {
    let (sends, mut comes) = mpsc::unbounded_channel();
    let reads = async move {
        let (mut buffer, mut lost) = (vec![0; 16_384], false);
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let State { cut, slow } = state();
            // A connection that lost something never heals.
            lost |= cut;
            let bytes = (Instant::now() + slow, buffer[..length].to_vec());
            if !lost && sends.send(bytes).is_err() {
                return;
            }
        }
    };
    let writes = async move {
        while let Some((at, bytes)) = comes.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reads, writes);
}
