use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Version};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tower_service::Service;

use super::service::Simulator;

/// A simulator that listens on a socket. Dropping it breaks every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// A stream that ends with a reset once the alarm was raised.
#[derive(Debug)]
struct Socket {
    stream: TcpStream,
    alarm: Arc<AtomicBool>,
}

// ===== impl Server =====

impl Server {
    pub(super) fn spawn(simulator: Simulator, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        Ok(Self {
            address,
            stop,
            task: tokio::spawn(accept(simulator, listener, stopped)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections and lets the open requests finish.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // An error is a panic in a connection, which ended the server too.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(simulator: Simulator, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    // Dropped with this future, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(simulator.clone(), stream, stop.clone()));
                }
                // Out of file descriptors, mostly: it passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(simulator: Simulator, stream: TcpStream, mut stop: watch::Receiver<bool>) {
    let alarm = Arc::new(AtomicBool::new(false));
    let _ = stream.set_nodelay(true);
    let socket = Socket {
        stream,
        alarm: Arc::clone(&alarm),
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut simulator, alarm) = (simulator.clone(), Arc::clone(&alarm));
        async move {
            // HTTP/2 resets the stream; the connection has others to carry.
            let resets = request.version() < Version::HTTP_2;
            match simulator.call(request).await {
                Ok(response) if resets => Ok(response.map(|body| body.alarmed(alarm))),
                Ok(response) => Ok(response),
                Err(error) => {
                    alarm.fetch_or(resets, Ordering::AcqRel);
                    Err(error)
                }
            }
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service));
    // The error is the fault that was asked for, or the client's own.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the server was dropped, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

// ===== impl Socket =====

impl Drop for Socket {
    fn drop(&mut self) {
        if self.alarm.load(Ordering::Acquire) {
            // Without this the client would see an orderly end.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}
