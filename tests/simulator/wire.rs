use std::{io::Read, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tower_tiktok::simulator::{Fault, Script, Server, Simulator, SimulatorBuilder};

use crate::client::ROOT;

type Http = Client<HttpConnector, Full<Bytes>>;

async fn serve(builder: SimulatorBuilder) -> (Simulator, Server) {
    let sim = builder.build().expect("the settings are sound");
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let server = sim.serve(listener).expect("the socket is bound");
    (sim, server)
}

fn client(http2: bool) -> Http {
    Client::builder(TokioExecutor::new())
        .http2_only(http2)
        .build_http()
}

fn create(address: SocketAddr, name: &str) -> Request<Full<Bytes>> {
    let body = format!(r#"{{"advertiser_id":"7","campaign_name":"{name}","objective_type":"T"}}"#);
    Request::post(format!("http://{address}{ROOT}/campaign/create/"))
        .header("access-token", "t")
        .body(Full::from(body))
        .expect("the address makes a URL")
}

#[tokio::test]
async fn both_versions_of_http_are_served() {
    let (sim, server) = serve(Simulator::builder().vary(false)).await;
    for (http2, version) in [(false, Version::HTTP_11), (true, Version::HTTP_2)] {
        let request = create(server.address(), &format!("{version:?}"));
        let response = client(http2).request(request).await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(
            response.headers()["date"].to_str().unwrap().get(..16),
            Some("Mon, 05 Jan 2026")
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let json: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["code"], 0);
    }
    assert_eq!(sim.ledger().total.applied, 2);
    server.shutdown().await;
}

/// Sends bytes and reads to the end, without a client that would hide it.
async fn raw(address: SocketAddr) -> (Vec<u8>, std::io::Result<usize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let head = format!("GET {ROOT}/user/info/ HTTP/1.1\r\nhost: x\r\naccess-token: t\r\n\r\n");
    stream
        .write_all(head.as_bytes())
        .await
        .expect("the server reads");
    let mut read = Vec::new();
    let end = stream.read_to_end(&mut read).await;
    (read, end)
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    for fault in [Fault::Reset, Fault::LostAnswer] {
        let (_, server) = serve(Simulator::builder().script(Script::new(fault))).await;
        let (read, end) = raw(server.address()).await;
        assert!(read.is_empty());
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn a_cut_body_breaks_after_its_head() {
    let script = Script::new(Fault::CutBody).times(2);
    let (sim, server) = serve(Simulator::builder().script(script)).await;
    for http2 in [false, true] {
        let response = client(http2)
            .request(create(server.address(), &http2.to_string()))
            .await;
        let response = response.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.into_body().collect().await.is_err());
    }
    assert_eq!(sim.ledger().total.lost_answers, 2);
}

#[tokio::test]
async fn a_reset_breaks_one_stream_of_http_2() {
    let script = Script::new(Fault::LostAnswer).skip(1);
    let (sim, server) = serve(Simulator::builder().script(script)).await;
    let client = client(true);
    assert!(client.request(create(server.address(), "a")).await.is_ok());
    assert!(client.request(create(server.address(), "b")).await.is_err());
    assert!(client.request(create(server.address(), "c")).await.is_ok());
    let total = sim.ledger().total;
    assert_eq!((total.applied, total.lost_answers), (3, 1));
}

#[tokio::test]
async fn gzip_is_for_those_who_ask() {
    let (_, server) = serve(Simulator::builder().vary(false).gzip(true)).await;
    for asks in [false, true] {
        let mut request = create(server.address(), &asks.to_string());
        if asks {
            request
                .headers_mut()
                .insert("accept-encoding", "br, gzip".parse().unwrap());
        }
        let response = client(false).request(request).await.unwrap();
        assert_eq!(response.headers().contains_key("content-encoding"), asks);
        let mut body = response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec();
        if asks {
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&body[..])
                .read_to_end(&mut text)
                .unwrap();
            body = text;
        }
        let json: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["code"], 0);
    }
}

#[tokio::test]
async fn a_dropped_server_breaks_its_connections() {
    let stall = Fault::Stall(Duration::from_secs(600));
    let (sim, server) = serve(Simulator::builder().script(Script::new(stall))).await;
    let pending = tokio::spawn(client(false).request(create(server.address(), "a")));
    while sim.ledger().total.applied == 0 {
        tokio::task::yield_now().await;
    }
    let address = server.address();
    drop(server);
    assert!(pending.await.unwrap().is_err());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(sim.ledger().total.abandoned, 1);
}

#[tokio::test]
async fn a_shutdown_lets_open_requests_finish() {
    let stall = Fault::Stall(Duration::from_millis(50));
    let (sim, server) = serve(Simulator::builder().script(Script::new(stall))).await;
    let pending = tokio::spawn(client(false).request(create(server.address(), "a")));
    while sim.ledger().total.applied == 0 {
        tokio::task::yield_now().await;
    }
    server.shutdown().await;
    assert_eq!(pending.await.unwrap().unwrap().status(), 200);
}
