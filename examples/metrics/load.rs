//! Callers of the service.

use axum::body::Body;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::{AnyError, service::Service};

/// How many callers there are at once.
const CALLERS: usize = 64;

/// Launches so many campaigns, for so many accounts in turn.
pub(crate) async fn launch(
    service: &Service,
    campaigns: usize,
    accounts: usize,
) -> Result<(), AnyError> {
    let router = service.router();
    let calls = stream::iter(0..campaigns).map(|n| {
        let router = router.clone();
        async move {
            let name: u64 = rand::random();
            let path = format!("/launch/{}/{name:x}", 7_000 + n % accounts);
            let answer = router
                .oneshot(Request::post(path).body(Body::empty())?)
                .await?;
            match answer.status() {
                StatusCode::OK => Ok(()),
                status => Err(AnyError::from(format!("the service answers {status}"))),
            }
        }
    });
    calls.buffer_unordered(CALLERS).try_collect().await
}
