//! What the errors of real clients prove, over real sockets.

use std::{
    error::Error,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tower_tiktok::{
    error::BoxError,
    jittered_backoff::{ClassifyError, Delivery, TransportErrors},
};

/// What a server does with a connection.
pub(crate) type Script = fn(TcpStream) -> Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) async fn serve(script: Script) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address
}

/// An address at which nobody listens, for as long as the socket is there.
fn nobody() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket
}

#[derive(Clone, Copy)]
pub(crate) enum Via {
    Hyper,
    Reqwest,
}

/// Sends one request, and reads its answer to the end.
async fn send(via: Via, version: Version, to: SocketAddr) -> Result<Bytes, BoxError> {
    let uri = format!("http://{to}/thing/?token=secret");
    let is_h2 = version == Version::HTTP_2;
    match via {
        Via::Hyper => {
            let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new())
                .http2_only(is_h2)
                .build_http();
            let request = Request::post(uri).body(Full::from("{}")).unwrap();
            let response = client.request(request).await?;
            Ok(response.into_body().collect().await?.to_bytes())
        }
        Via::Reqwest => {
            let mut builder = reqwest::Client::builder().no_proxy();
            // Its own resends would hide what the first attempt proves.
            builder = builder.retry(reqwest::retry::never());
            if is_h2 {
                builder = builder.http2_prior_knowledge();
            }
            let response = builder.build()?.post(uri).body("{}").send().await?;
            Ok(response.bytes().await?)
        }
    }
}

pub(crate) async fn delivery(via: Via, version: Version, to: SocketAddr) -> Delivery {
    let error = send(via, version, to).await.unwrap_err();
    TransportErrors.delivery(&*error)
}

pub(crate) const BOTH: [Via; 2] = [Via::Hyper, Via::Reqwest];
pub(crate) const H1: Version = Version::HTTP_11;
pub(crate) const H2: Version = Version::HTTP_2;

/// Reads on until the client goes away.
pub(crate) async fn linger(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

/// Reads the head of an HTTP/1 request, and its body of two bytes.
async fn read_h1(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"{}") {
        let read = stream.read_buf(&mut seen).await.unwrap();
        assert_ne!(read, 0);
    }
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    for (via, version) in [(0, H1), (0, H2), (1, H1), (1, H2)] {
        let nobody = nobody();
        let address = nobody.local_addr().unwrap();
        let delivery = delivery(BOTH[via], version, address).await;
        assert_eq!(delivery, Delivery::NotSent);
    }
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_proves_nothing() {
    let address = serve(|mut stream| {
        Box::pin(async move {
            read_h1(&mut stream).await;
        })
    })
    .await;
    for via in BOTH {
        assert_eq!(delivery(via, H1, address).await, Delivery::Unknown);
    }
}

#[tokio::test]
async fn a_connection_reset_before_the_answer_proves_nothing() {
    let address = serve(|mut stream| {
        Box::pin(async move {
            read_h1(&mut stream).await;
            stream.set_zero_linger().unwrap();
        })
    })
    .await;
    for via in BOTH {
        assert_eq!(delivery(via, H1, address).await, Delivery::Unknown);
    }
}

#[tokio::test]
async fn a_connection_reset_in_the_middle_of_the_answer_proves_nothing() {
    let address = serve(|mut stream| {
        Box::pin(async move {
            read_h1(&mut stream).await;
            let half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
            stream.write_all(half).await.unwrap();
        })
    })
    .await;
    for via in BOTH {
        assert_eq!(delivery(via, H1, address).await, Delivery::Unknown);
    }
}

#[tokio::test]
async fn a_request_taken_back_from_the_queue_was_not_sent() {
    let address = serve(|stream| Box::pin(linger(stream))).await;
    let io = hyper_util::rt::TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    let request = || Request::new(Full::<Bytes>::from("{}"));
    let queued = sender.send_request(request());
    // Nothing of it was written yet.
    drop(connection);
    let canceled = queued.await.unwrap_err();
    assert!(canceled.is_canceled());
    assert_eq!(TransportErrors.delivery(&canceled), Delivery::NotSent);

    let closed = sender.ready().await.unwrap_err();
    assert!(closed.is_closed());
    assert_eq!(TransportErrors.delivery(&closed), Delivery::NotSent);
}

/// A body that cannot reach the place it reads from.
struct Half(bool);

impl http_body::Body for Half {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<http_body::Frame<Bytes>>>> {
        Poll::Ready(Some(if std::mem::take(&mut self.0) {
            Ok(http_body::Frame::data(Bytes::from_static(b"half")))
        } else {
            Err(std::io::ErrorKind::ConnectionRefused.into())
        }))
    }
}

#[tokio::test]
async fn what_broke_the_requests_own_body_says_nothing_of_its_connection() {
    let address = serve(|stream| Box::pin(linger(stream))).await;
    let client: Client<HttpConnector, _> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(format!("http://{address}/"))
        .body(Half(true))
        .unwrap();
    let error = client.request(request).await.unwrap_err();
    assert_eq!(TransportErrors.delivery(&error), Delivery::Unknown);

    let mut root: &dyn Error = &error;
    while let Some(below) = root.source() {
        root = below;
    }
    assert_eq!(root.to_string(), "connection refused");
}
