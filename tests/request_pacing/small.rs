use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_tiktok::{
    classify::{Classification, ErrorClass, Throttle, ThrottleScope, ThrottleWindow},
    request_pacing::{Quota, RequestPacingLayer},
};

/// A server that admits so many in any stretch of this length, and what it
/// says when it does not.
#[derive(Clone, Debug)]
pub(crate) struct Small {
    limit: usize,
    length: Duration,
    says: Throttle,
    admitted: Arc<Mutex<VecDeque<Instant>>>,
    refused: Arc<Mutex<usize>>,
}

impl Small {
    pub(crate) fn new(limit: usize, seconds: u64, says: Throttle) -> Self {
        Self {
            limit,
            length: Duration::from_secs(seconds),
            says,
            admitted: Arc::default(),
            refused: Arc::default(),
        }
    }

    fn answer(&self) -> Response<()> {
        let (now, mut admitted) = (Instant::now(), self.admitted.lock().unwrap());
        admitted.retain(|at| *at + self.length > now);
        let mut response = Response::new(());
        if admitted.len() < self.limit {
            admitted.push_back(now);
        } else {
            *self.refused.lock().unwrap() += 1;
            let found = Classification::new(ErrorClass::RateLimited);
            let found = found.with_throttle(self.says.clone());
            response.extensions_mut().insert(found);
        }
        response
    }

    /// So many requests at once, each again until it is admitted. Returns how
    /// many were refused.
    pub(crate) async fn take(&self, requests: usize, layer: &RequestPacingLayer) -> usize {
        let before = *self.refused.lock().unwrap();
        let server = self.clone();
        let client = layer.layer(service_fn(move |_: Request<()>| {
            let server = server.clone();
            async move {
                sleep(Duration::from_millis(20)).await;
                let answer = server.answer();
                sleep(Duration::from_millis(60)).await;
                Ok::<_, Infallible>(answer)
            }
        }));
        let calls = (0..requests).map(|_| until_admitted(client.clone()));
        futures_util::future::join_all(calls).await;
        *self.refused.lock().unwrap() - before
    }
}

async fn until_admitted<S>(client: S)
where
    S: Service<Request<()>, Response = Response<()>, Error: std::fmt::Debug> + Clone,
{
    loop {
        let answer = client.clone().oneshot(Request::new(())).await.unwrap();
        if ErrorClass::of(&answer) == ErrorClass::Success {
            return;
        }
    }
}

pub(crate) fn second() -> Throttle {
    Throttle::new(ThrottleScope::App, ThrottleWindow::Second).with_waits([Duration::from_secs(1)])
}

pub(crate) fn layer(quota: Quota) -> RequestPacingLayer {
    RequestPacingLayer::builder(quota).build().unwrap()
}
