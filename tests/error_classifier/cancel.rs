//! A response future that is dropped, at whatever point, holds nothing.

use std::{
    future::Future,
    sync::Arc,
    task::{Context, Waker},
};

use bytes::Bytes;
use http::{Request, Response};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tower::{Layer, Service, service_fn};

use crate::{
    api::layer,
    script::{Reset, Script, Step},
};

#[tokio::test(start_paused = true)]
async fn ten_thousand_drops_at_random_points_hold_nothing() {
    let mut rng = StdRng::seed_from_u64(17);
    let frame = Bytes::from(vec![b' '; 64]);
    let frames = Arc::default();
    let mut client = {
        let (frame, frames) = (frame.clone(), Arc::clone(&frames));
        layer().layer(service_fn(move |_: Request<()>| {
            let steps = (0..8).flat_map(|_| [Step::Later, Step::Data(frame.clone())]);
            let mut script = Script::new(steps);
            script.frames = Arc::clone(&frames);
            async move {
                tokio::task::yield_now().await;
                Ok::<_, Reset>(Response::new(script))
            }
        }))
    };
    // The frame and the counter are in here and in the client.
    let alive = Arc::strong_count(&frames);
    let mut cx = Context::from_waker(Waker::noop());
    let (mut done, mut dropped) = (0, 0);
    for _ in 0..10_000 {
        let mut future = Box::pin(client.call(Request::new(())));
        let polls = rng.random_range(0..14);
        match (0..polls).find_map(|_| match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(response) => Some(response),
            std::task::Poll::Pending => None,
        }) {
            Some(response) => {
                drop(response);
                done += 1;
            }
            None => dropped += 1,
        }
        drop(future);
        assert_eq!(Arc::strong_count(&frames), alive);
    }
    assert!(
        done > 1_000 && dropped > 1_000,
        "{done} done, {dropped} dropped"
    );
    // Nobody else holds the frame: it can be taken apart.
    drop(client);
    assert!(frame.is_unique());
}
