use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A way to the server that can be cut: what is sent then is gone, and nobody is
/// told.
#[derive(Debug)]
pub(crate) struct Cable {
    pub(crate) port: u16,
    cut: Arc<watch::Sender<bool>>,
}

impl Cable {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let cut = Arc::new(watch::Sender::new(false));
        let cable = cut.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let cut = cable.subscribe();
                tokio::spawn(async move {
                    let far = TcpStream::connect(("127.0.0.1", server)).await;
                    let (near_read, near_write) = near.into_split();
                    let (far_read, far_write) = far.expect("the server is there").into_split();
                    tokio::join!(
                        pump(near_read, far_write, cut.clone()),
                        pump(far_read, near_write, cut)
                    );
                });
            }
        });
        Self { port, cut }
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    cut: watch::Receiver<bool>,
) {
    let (mut buffer, mut lost) = (vec![0; 16_384], false);
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        // A connection that lost something never heals.
        lost |= *cut.borrow();
        if !lost && to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
