//! Who says nothing is paced by the level that every app has.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::tiktok::TikTokLayer;

use crate::support::{OK, create};

#[tokio::test(start_paused = true)]
async fn a_bare_layer_sends_ten_in_a_second() {
    let start = Instant::now();
    let server = service_fn(|_: Request<_>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(OK)))
    });
    let client = TikTokLayer::builder().build().layer(server);
    let calls = (0..30).map(|account| {
        let call = client.clone().oneshot(create(&account.to_string()));
        async move {
            call.await.unwrap();
            start.elapsed().as_secs()
        }
    });
    let mut sent = join_all(calls).await;
    sent.sort_unstable();
    assert_eq!(sent, [[0; 10], [1; 10], [2; 10]].concat());
}
