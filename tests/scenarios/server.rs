//! Builds the simulator, and asks it for the truth.

use std::{
    collections::HashMap,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::ServiceExt;
use tower_tiktok::simulator::{
    Fault, Faults, Latency, Level, Refusals, Script, Sharing, Simulator, WindowKind,
};

use crate::file::Server;

pub(crate) const TOKEN: &str = "token";
const ROOT: &str = "/open_api/v1.3";

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn build(server: &Server) -> Simulator {
    let level = match (server.limits, server.level.as_str()) {
        (Some([second, minute, day]), _) => Level::custom(second, minute, day),
        (None, "basic") => Level::Basic,
        (None, "advanced") => Level::Advanced,
        (None, "premium") => Level::Premium,
        (None, "ultimate") => Level::Ultimate,
        (None, "sandbox") => Level::Sandbox,
        (None, other) => panic!("no level {other}"),
    };
    let window = match server.sliding {
        true => WindowKind::Sliding,
        false => WindowKind::Fixed {
            phase: Duration::from_millis(server.phase_ms),
        },
    };
    let mean = Duration::from_millis(server.latency_ms);
    let latency = match server.latency_sigma > 0.0 {
        true => Latency::lognormal(mean, server.latency_sigma),
        false => Latency::fixed(mean),
    };
    let mut faults = match server.mixed_faults {
        true => Faults::mixed(),
        false => Faults::none(),
    };
    for (name, share) in &server.faults {
        faults = faults.with(fault(server, name), *share);
    }
    let mut builder = Simulator::builder()
        .level(level)
        .sharing(match server.sharing.as_str() {
            "app" => Sharing::AppWide,
            "endpoint" => Sharing::PerEndpoint,
            "both" => Sharing::Both,
            other => panic!("no sharing {other}"),
        })
        .window(window)
        .count_refused(server.count_refused)
        .advertiser_qps(server.advertiser_qps)
        .latency(latency)
        .faults(faults)
        .refusals(match server.refusals.as_str() {
            "envelope" => Refusals::Envelope,
            "retry-after" => Refusals::RetryAfter,
            "edge" => Refusals::Edge,
            other => panic!("no refusals {other}"),
        })
        .transcoding(secs(server.transcoding_s))
        .gzip(server.gzip)
        .start(UNIX_EPOCH + secs(server.start))
        .tokens([TOKEN, "auditor"])
        .seed(server.seed);
    if let Some([after, length]) = server.maintenance_s {
        builder = builder.maintenance(secs(after), secs(length));
    }
    builder.build().expect("the server makes sense")
}

/// Those that are to strike during the work, not while it is prepared.
pub(crate) fn script(server: &Server, simulator: &Simulator) {
    for script in &server.scripts {
        let mut forced = Script::new(fault(server, &script.fault))
            .skip(script.skip)
            .times(script.times);
        if let Some(path) = &script.path {
            forced = forced.path(path);
        }
        simulator.script(forced);
    }
    if let Some(after) = server.token_expires_s {
        simulator.issue_token(TOKEN, Some(secs(after)));
    }
    if server.token_revoked {
        simulator.revoke_token(TOKEN);
    }
}

/// The fault with this [`Fault::name`].
fn fault(server: &Server, name: &str) -> Fault {
    let mut known = vec![
        Fault::BadGateway,
        Fault::GatewayTimeout { applied: false },
        Fault::GatewayTimeout { applied: true },
        Fault::EdgeThrottle {
            retry_after: secs(server.retry_after_s),
        },
        Fault::Reset,
        Fault::LostAnswer,
        Fault::CutBody,
        Fault::Stall(secs(server.stall_s)),
        Fault::WriteConflict,
        Fault::Maintenance,
        Fault::PartialSuccess,
    ];
    known.extend([false, true].map(|applied| Fault::ServerError {
        code: 50_000,
        applied,
    }));
    let found = known.into_iter().find(|fault| fault.name() == name);
    found.unwrap_or_else(|| panic!("no fault {name}"))
}

/// What one account has to work with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estate {
    pub(crate) campaign: String,
    pub(crate) adgroup: String,
    pub(crate) video: String,
}

/// Gives the account a campaign, an ad group and a video.
pub(crate) async fn settle(simulator: &Simulator, account: &str) -> Estate {
    let mut estate = Estate::default();
    let campaign = json!({
        "advertiser_id": account, "campaign_name": "estate", "objective_type": "TRAFFIC",
    });
    let made = insist(simulator, post("/campaign/create/", &campaign)).await;
    estate.campaign = text(&made["campaign_id"]);
    let adgroup = json!({
        "advertiser_id": account, "campaign_id": estate.campaign, "adgroup_name": "estate",
    });
    let made = insist(simulator, post("/adgroup/create/", &adgroup)).await;
    estate.adgroup = text(&made["adgroup_id"]);
    estate
}

pub(crate) async fn upload(simulator: &Simulator, account: &str) -> String {
    let video = json!({
        "advertiser_id": account, "upload_type": "UPLOAD_BY_URL", "video_url": "https://example.com/v",
    });
    let made = insist(simulator, post("/file/video/ad/upload/", &video)).await;
    text(&made[0]["video_id"])
}

/// How many objects there are of each name.
pub(crate) async fn objects(simulator: &Simulator, accounts: &[String]) -> HashMap<String, u64> {
    let mut found = HashMap::new();
    for (list, name) in [("campaign", "campaign_name"), ("ad", "ad_name")] {
        for account in accounts {
            for page in 1.. {
                let uri = format!(
                    "{ROOT}/{list}/get/?advertiser_id={account}&page={page}&page_size=1000"
                );
                let request = Request::get(uri).header("access-token", "auditor");
                let request = request.body(Full::default()).expect("a sound request");
                let data = insist(simulator, request).await;
                let rows = data["list"].as_array().expect("a list");
                for row in rows {
                    *found.entry(text(&row[name])).or_default() += 1;
                }
                if rows.len() < 1000 {
                    break;
                }
            }
        }
    }
    found
}

fn post(path: &str, body: &Value) -> Request<Full<Bytes>> {
    let request = Request::post(format!("{ROOT}{path}")).header("access-token", "auditor");
    let body = Full::from(body.to_string());
    request.body(body).expect("a sound request")
}

/// Sends it until it succeeds, with nothing else going on, and returns the
/// data. Time costs nothing here.
async fn insist(simulator: &Simulator, request: Request<Full<Bytes>>) -> Value {
    for _ in 0..1_000 {
        if let Ok(response) = simulator.clone().oneshot(request.clone()).await
            && let Ok(body) = response.into_body().collect().await
            && let Ok(mut json) = serde_json::from_slice::<Value>(&body.to_bytes())
            && field(&json, "code", "Code") == 0
        {
            let data = match json.get("data").is_some() {
                true => "data",
                false => "Data",
            };
            return json[data].take();
        }
        sleep(secs(400)).await;
    }
    panic!("the simulator never answers");
}

pub(crate) fn field<'a>(json: &'a Value, name: &str, capital: &str) -> &'a Value {
    let found = json.get(name).or_else(|| json.get(capital));
    found.unwrap_or(&Value::Null)
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
