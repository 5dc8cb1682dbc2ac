use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::Service;
use tower_tiktok::simulator::{Simulator, SimulatorError};

pub(crate) const ROOT: &str = "/open_api/v1.3";

/// An answer, whole.
pub(crate) struct Reply {
    pub(crate) response: Response<Bytes>,
    pub(crate) json: Value,
}

impl Reply {
    /// The code, whatever the key's case; -1 if there is no envelope.
    pub(crate) fn code(&self) -> i64 {
        self.field("code", "Code").as_i64().unwrap_or(-1)
    }

    pub(crate) fn message(&self) -> &str {
        self.field("message", "Message").as_str().unwrap_or("")
    }

    pub(crate) fn data(&self) -> &Value {
        self.field("data", "Data")
    }

    fn field(&self, name: &str, capital: &str) -> &Value {
        self.json
            .get(name)
            .or_else(|| self.json.get(capital))
            .unwrap_or(&Value::Null)
    }
}

pub(crate) async fn send(
    sim: &Simulator,
    request: Request<Full<Bytes>>,
) -> Result<Reply, SimulatorError> {
    let (parts, body) = sim.clone().call(request).await?.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let response = Response::from_parts(parts, bytes);
    Ok(Reply { response, json })
}

pub(crate) fn get_request(path_and_query: &str) -> Request<Full<Bytes>> {
    let request = Request::get(format!("{ROOT}{path_and_query}")).header("access-token", "token");
    request.body(Full::default()).expect("the path makes a URL")
}

pub(crate) fn post_request(path: &str, body: &Value) -> Request<Full<Bytes>> {
    let request = Request::post(format!("{ROOT}{path}")).header("access-token", "token");
    request
        .body(Full::from(body.to_string()))
        .expect("the path makes a URL")
}

pub(crate) async fn get(sim: &Simulator, path_and_query: &str) -> Reply {
    send(sim, get_request(path_and_query))
        .await
        .expect("no fault is scripted")
}

pub(crate) async fn post(sim: &Simulator, path: &str, body: Value) -> Reply {
    send(sim, post_request(path, &body))
        .await
        .expect("no fault is scripted")
}

/// How many of so many calls are admitted, and the codes of the others.
pub(crate) async fn burst(sim: &Simulator, path: &str, calls: usize) -> (usize, Vec<i64>) {
    let mut refused = Vec::new();
    for _ in 0..calls {
        match get(sim, path).await.code() {
            0 => {}
            code => refused.push(code),
        }
    }
    (calls - refused.len(), refused)
}

#[test]
fn everything_public_crosses_threads_and_can_be_printed() {
    use tower_tiktok::simulator::{Ledger, ResponseFuture, Server, SimBody, SimulatorBuilder};
    fn check<T: Send + Sync + std::fmt::Debug>() {}
    check::<Simulator>();
    check::<SimulatorBuilder>();
    check::<ResponseFuture<Full<Bytes>>>();
    check::<SimBody>();
    check::<SimulatorError>();
    check::<Server>();
    check::<Ledger>();
}
