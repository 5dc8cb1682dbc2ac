//! A bulk launch: campaigns, ad groups, videos and ads for many advertisers,
//! from many workers, over real HTTP, through limits and faults.
//!
//! `cargo run --release --example bulk_launch` runs it against the simulator;
//! `--compare` beside a naive client and tower's own retry; `--report` writes a
//! page with charts; `--help` tells the rest.

mod args;
mod clients;
mod launch;
mod level;
mod plan;
mod progress;
mod record;
mod report;
mod server;
mod summary;
mod workers;

use std::{error::Error, sync::Arc, time::Duration};

use bytes::Bytes;
use clap::Parser as _;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper_util::{client::legacy, rt::TokioExecutor};
use tower::{BoxError, ServiceBuilder, ServiceExt as _, util::BoxCloneSyncService};
use tower_tiktok::tiktok::{TikTokErrorClassifierLayer, TikTokLayer};

use crate::{
    args::Args,
    clients::{Client, collect},
    launch::Launch,
    plan::Plan,
    progress::Progress,
    record::{Calls, Recorded, Recorder},
    report::Run,
    server::Server,
    summary::{Summary, jain_at_half_time, percentile_ms, round, table},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let args = Args::parse();
    let clients = match args.compare {
        true => vec![
            args::Client::Naive,
            args::Client::Tower,
            args::Client::Stack,
        ],
        false => vec![args.client],
    };
    let mut runs = Vec::new();
    for client in clients {
        runs.push(run(&args, client).await?);
    }
    match args.json {
        false => println!("{}{}", table(&runs), summary::legend(&runs)),
        true => {
            for run in &runs {
                println!("{}", serde_json::to_string(&run.summary)?);
            }
        }
    }
    if let Some(path) = &args.report {
        let path = report::write(path, &args, &Plan::new(&args), &runs)?;
        eprintln!("report: {}", path.display());
    }
    Ok(())
}

/// Launches once, with one client.
async fn run(args: &Args, which: args::Client) -> Result<Run, Box<dyn Error + Send + Sync>> {
    let server = match &args.base_url {
        None => Some(Server::start(args).await?),
        Some(_) => None,
    };
    let (base, token) = match (&server, &args.base_url) {
        (Some(server), _) => (server.base.clone(), "a-token".to_owned()),
        (None, Some(base)) => {
            let token = std::env::var(&args.token_env)
                .map_err(|_| format!("set {} to an access token", args.token_env))?;
            (base.clone(), token)
        }
        (None, None) => unreachable!("one of them is there"),
    };
    let mut token = HeaderValue::from_str(&token)?;
    token.set_sensitive(true);

    let recorder = Recorder::new();
    let stack = TikTokLayer::builder().access_level(args.level).build();
    let watch = match which {
        args::Client::Stack => Some(recorder.watch(stack.pacing_handle())),
        args::Client::Naive | args::Client::Tower => None,
    };
    let client = match which {
        args::Client::Stack => stacked(http_client(&recorder), stack),
        args::Client::Naive => clients::naive(bare(http_client(&recorder))),
        args::Client::Tower => clients::tower(bare(http_client(&recorder))),
    };
    let plan = Plan::new(args);
    let progress = Progress::new(&plan, args.json, which.name());
    let run = run_id(args);
    let launch = Launch::new(
        client,
        base,
        token,
        plan.clone(),
        args.workers,
        progress,
        run,
    );
    let (counts, elapsed) = launch.run().await;
    drop(watch);
    if let Some(why) = &counts.first_failure {
        eprintln!("{}: the first failure: {why}", which.name());
    }

    let ledger = server.as_ref().map(|server| server.simulator.ledger());
    let bound = server.as_ref().map(|server| server.bound(&counts.by_path));
    let elapsed = elapsed.as_secs_f64();
    let sent = recorder.calls();
    let sent = |count: fn(&Calls) -> u64| sent.iter().map(count).sum();
    let summary = Summary {
        client: which.name(),
        requests: counts.took.len() as u64,
        succeeded: counts.succeeded,
        failed: counts.failed,
        attempts: match &ledger {
            Some(ledger) => ledger.total.received,
            None => sent(|calls| calls.admitted + calls.refused),
        },
        throttled: match &ledger {
            Some(ledger) => ledger.total.refused.total(),
            None => sent(|calls| calls.refused),
        },
        suspensions: ledger
            .as_ref()
            .map(|ledger| ledger.suspensions.len() as u64),
        duplicates: ledger.as_ref().map(|ledger| ledger.total.duplicated),
        outcome_unknown: counts.outcome_unknown,
        elapsed_s: round(elapsed, 2),
        bound_s: bound,
        makespan_ratio: bound.map(|bound| round(elapsed / bound, 3)),
        p50_ms: percentile_ms(&counts.took, 0.50),
        p99_ms: percentile_ms(&counts.took, 0.99),
        fairness_jain: jain_at_half_time(&counts.steps, &plan),
    };
    let (waited, steps) = (counts.waited, counts.steps);
    Ok(Run::new(summary, ledger.as_ref(), &recorder, waited, steps))
}

/// Names and request ids of a run against a real server must be new; those of
/// a simulated one the same each time.
fn run_id(args: &Args) -> u64 {
    match &args.base_url {
        None => args.seed,
        Some(_) => rand::random(),
    }
}

type HttpClient<B> = BoxCloneSyncService<
    Request<B>,
    Response<tower_tiktok::body::Peeked<hyper::body::Incoming>>,
    BoxError,
>;

/// hyper's client, over TLS where the server asks for it, and recorded.
fn http_client<B>(recorder: &Arc<Recorder>) -> HttpClient<B>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let mut http = legacy::connect::HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(http);
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(Duration::from_secs(30));
    let client = builder.build(connector);
    let client = ServiceBuilder::new()
        .layer_fn(|inner| Recorded::new(inner, recorder.clone()))
        .map_err(BoxError::from)
        .layer(TikTokErrorClassifierLayer::new())
        .service(client);
    BoxCloneSyncService::new(client)
}

/// Our layers. This is all there is to set up.
fn stacked(
    client: HttpClient<tower_tiktok::body::Peeked<Full<Bytes>>>,
    layer: TikTokLayer,
) -> Client {
    let client = ServiceBuilder::new().layer(layer).service(client);
    BoxCloneSyncService::new(client.and_then(collect))
}

fn bare(client: HttpClient<Full<Bytes>>) -> Client {
    BoxCloneSyncService::new(client.and_then(collect))
}
