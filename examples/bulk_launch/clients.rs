//! The three clients that are compared: ours, a naive one, and tower's retry.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::{
    BoxError, ServiceBuilder,
    retry::{
        Policy, RetryLayer,
        backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff},
    },
    util::{BoxCloneSyncService, rng::HasherRng},
};

/// What all of them are: a request in, an answer with its whole body out.
pub(crate) type Client = BoxCloneSyncService<Request<Full<Bytes>>, Response<Bytes>, BoxError>;

/// The answer's head came, its body broke off.
#[derive(Debug)]
pub(crate) struct BodyLost(BoxError);

impl fmt::Display for BodyLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body of the answer broke off: {}", self.0)
    }
}

impl std::error::Error for BodyLost {}

/// Reads the body to its end.
pub(crate) async fn collect<B>(response: Response<B>) -> Result<Response<Bytes>, BoxError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
        Err(error) => Err(BodyLost(error.into()).into()),
    }
}

/// Sends again at once, up to five times, whatever came back.
pub(crate) fn naive(client: Client) -> Client {
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(Again {
            left: 4,
            backoff: None,
        }))
        .service(client);
    BoxCloneSyncService::new(client)
}

/// tower's own retry as its users set it up: exponential backoff from one
/// second with jitter, four retries, on whatever looks as if it may pass.
pub(crate) fn tower(client: Client) -> Client {
    let mut backoff = ExponentialBackoffMaker::new(
        Duration::from_secs(1),
        Duration::from_secs(8),
        0.99,
        HasherRng::default(),
    )
    .expect("the bounds are in order");
    let policy = Again {
        left: 4,
        backoff: Some(backoff.make_backoff()),
    };
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(policy))
        .service(client);
    BoxCloneSyncService::new(client)
}

/// Retries what a rate limit, a server error or the network may have caused.
/// It is fair to both: it reads the code in the body, as few do.
#[derive(Clone, Debug)]
struct Again {
    left: u32,
    backoff: Option<ExponentialBackoff>,
}

impl Policy<Request<Full<Bytes>>, Response<Bytes>, BoxError> for Again {
    type Future = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

    fn retry(
        &mut self,
        _: &mut Request<Full<Bytes>>,
        result: &mut Result<Response<Bytes>, BoxError>,
    ) -> Option<Self::Future> {
        let may_pass = match result {
            Ok(response) => may_pass(response),
            Err(_) => true,
        };
        self.left = self.left.checked_sub(u32::from(may_pass))?;
        if !may_pass {
            return None;
        }
        Some(match &mut self.backoff {
            Some(backoff) => Box::pin(backoff.next_backoff()),
            None => Box::pin(std::future::ready(())),
        })
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

fn may_pass(response: &Response<Bytes>) -> bool {
    let code = serde_json::from_slice::<Value>(response.body())
        .ok()
        .and_then(|envelope| envelope["code"].as_i64());
    match code {
        Some(0) => false,
        Some(code) => {
            matches!(code, 40_016 | 40_100 | 40_132 | 40_133 | 40_202 | 40_901)
                || (50_000..60_000).contains(&code)
        }
        None => true,
    }
}
