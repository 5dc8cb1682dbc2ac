//! A bulk launch: campaigns, ad groups, videos and ads for many advertisers,
//! from many workers, over real HTTP, through limits and faults.
//!
//! `cargo run --release --example bulk_launch` runs it against the simulator;
//! `--compare` beside a naive client and tower's own retry; `--help` tells the
//! rest.

mod args;
mod clients;
mod launch;
mod plan;
mod progress;
mod server;
mod summary;
mod workers;

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use clap::Parser as _;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper_util::{client::legacy, rt::TokioExecutor};
use tower::{BoxError, ServiceBuilder, ServiceExt as _, util::BoxCloneSyncService};
use tower_tiktok::{
    classify::ErrorClass,
    tiktok::{AccessLevel, TikTokErrorClassifierLayer, TikTokLayer},
};

use crate::{
    args::Args,
    clients::{Client, collect},
    launch::Launch,
    plan::Plan,
    progress::Progress,
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
                println!("{}", serde_json::to_string(run)?);
            }
        }
    }
    Ok(())
}

/// Launches once, with one client.
async fn run(args: &Args, which: args::Client) -> Result<Summary, Box<dyn Error + Send + Sync>> {
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

    let counters = Arc::new(Counters::default());
    let client = match which {
        args::Client::Stack => stack(http_client(&counters), args.level),
        args::Client::Naive => clients::naive(bare(http_client(&counters))),
        args::Client::Tower => clients::tower(bare(http_client(&counters))),
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
    if let Some(why) = &counts.first_failure {
        eprintln!("{}: the first failure: {why}", which.name());
    }

    let ledger = server.as_ref().map(|server| server.simulator.ledger());
    let bound = server.as_ref().map(|server| server.bound(&counts.by_path));
    let elapsed = elapsed.as_secs_f64();
    Ok(Summary {
        client: which.name(),
        requests: counts.took.len() as u64,
        succeeded: counts.succeeded,
        failed: counts.failed,
        attempts: match &ledger {
            Some(ledger) => ledger.total.received,
            None => counters.attempts.load(Ordering::Relaxed),
        },
        throttled: match &ledger {
            Some(ledger) => ledger.total.refused.total(),
            None => counters.throttled.load(Ordering::Relaxed),
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
    })
}

/// Names and request ids of a run against a real server must be new; those of
/// a simulated one the same each time.
fn run_id(args: &Args) -> u64 {
    match &args.base_url {
        None => args.seed,
        Some(_) => rand::random(),
    }
}

/// What is seen from this side, for servers that show no ledger.
#[derive(Debug, Default)]
struct Counters {
    attempts: AtomicU64,
    throttled: AtomicU64,
}

type HttpClient<B> = BoxCloneSyncService<
    Request<B>,
    Response<tower_tiktok::body::Peeked<hyper::body::Incoming>>,
    BoxError,
>;

/// hyper's client, over TLS where the server asks for it, and counted.
fn http_client<B>(counters: &Arc<Counters>) -> HttpClient<B>
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
    let counters = counters.clone();
    let client = ServiceBuilder::new()
        .map_err(BoxError::from)
        .map_response({
            let counters = counters.clone();
            move |response: Response<_>| {
                if ErrorClass::of(&response) == ErrorClass::RateLimited {
                    counters.throttled.fetch_add(1, Ordering::Relaxed);
                }
                response
            }
        })
        .map_request(move |request| {
            counters.attempts.fetch_add(1, Ordering::Relaxed);
            request
        })
        .layer(TikTokErrorClassifierLayer::new())
        .service(client);
    BoxCloneSyncService::new(client)
}

/// Our layers. This is all there is to set up.
fn stack(
    client: HttpClient<tower_tiktok::body::Peeked<Full<Bytes>>>,
    level: AccessLevel,
) -> Client {
    let client = ServiceBuilder::new()
        .layer(TikTokLayer::builder().access_level(level).build())
        .service(client);
    BoxCloneSyncService::new(client.and_then(collect))
}

fn bare(client: HttpClient<Full<Bytes>>) -> Client {
    BoxCloneSyncService::new(client.and_then(collect))
}
