//! The whole stack around reqwest: a closure on either side turns its types
//! into those of the `http` crate and back.
//!
//! `cargo run --example reqwest_client`

use std::error::Error;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_tiktok::{body::Peeked, simulator::Simulator, tiktok::TikTokLayer};

type BoxError = Box<dyn Error + Send + Sync>;

fn to_reqwest(request: Request<Peeked<Full<Bytes>>>) -> Result<reqwest::Request, BoxError> {
    Ok(request.map(reqwest::Body::wrap).try_into()?)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let simulator = Simulator::builder().build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let _server = simulator.serve(listener)?;

    // A redirect would send the request a second time, unseen.
    let reqwest = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let mut client = ServiceBuilder::new()
        .layer(TikTokLayer::builder().build())
        .filter(to_reqwest)
        .map_response(Response::<reqwest::Body>::from)
        .service(reqwest);

    let request = Request::post(format!("http://{address}/open_api/v1.3/campaign/create/"))
        .header("access-token", "secret")
        .header("content-type", "application/json")
        .body(Full::from(
            r#"{"advertiser_id":"7001","campaign_name":"spring","objective_type":"TRAFFIC","budget_mode":"BUDGET_MODE_INFINITE"}"#,
        ))?;
    let response = client.ready().await?.call(request).await?;

    let body = response.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));
    assert_eq!(simulator.ledger().total.created, 1);
    Ok(())
}
