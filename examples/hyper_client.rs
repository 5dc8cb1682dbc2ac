//! The whole stack around hyper-util's client, over a real connection.
//!
//! `cargo run --example hyper_client`

use std::error::Error;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_tiktok::{
    simulator::{Fault, Script, Simulator},
    tiktok::TikTokLayer,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // In place of TikTok. It turns the first request away, as an edge does.
    let simulator = Simulator::builder()
        .script(Script::new(Fault::BadGateway).times(1))
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let _server = simulator.serve(listener)?;

    // What a program of yours would set up, once.
    let mut client = ServiceBuilder::new()
        .layer(TikTokLayer::builder().build())
        .service(Client::builder(TokioExecutor::new()).build_http());

    // And what its endpoint code would say.
    let request = Request::get(format!(
        "http://{address}/open_api/v1.3/campaign/get/?advertiser_id=7001"
    ))
    .header("access-token", "secret")
    .body(Full::<Bytes>::default())?;
    let response = client.ready().await?.call(request).await?;

    let body = response.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));
    assert_eq!(simulator.ledger().total.received, 2);
    Ok(())
}
