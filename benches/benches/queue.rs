//! What it costs to queue a request and to release it, with few and with many
//! in the queue.
//!
//! `cargo bench -p tower-tiktok-benches --bench queue` prints, for 1,000
//! requests of 100 accounts and for 100,000 of 10,000, what one of them costs
//! from its spawning to its answer: nanoseconds, and instructions where
//! valgrind is installed. All come at once and wait for one scope, and time
//! stands still while there is anything to do. The first row is the same
//! without pacing: what the tasks cost. It fails where one of many costs more
//! than [`MOST`] times as many instructions as one of few.

use std::{
    convert::Infallible,
    env,
    future::{Ready, ready},
    process::{Command, ExitCode},
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::{Layer, Service, ServiceExt};
use tower_tiktok::{
    extensions::{Operation, RequestContext},
    request_pacing::{Quota, Quotas, RequestPacingLayer},
};

const SIZES: [(usize, usize); 2] = [(1_000, 100), (100_000, 10_000)];

const MOST: u64 = 2;

/// Each as often as it takes to queue so many.
const QUEUED: usize = 100_000;

#[derive(Clone, Copy)]
struct Echo;

impl Service<Request<()>> for Echo {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

fn request(account: usize) -> Request<()> {
    let context = RequestContext::new(Operation::Write)
        .with_account(account.to_string())
        .with_static_endpoint("/campaign/status/update/");
    let mut request = Request::new(());
    request.extensions_mut().insert(context);
    request
}

async fn send<S>(client: S, requests: usize, accounts: usize)
where
    S: Service<Request<()>, Error: Send, Response: Send, Future: Send> + Clone + Send + 'static,
{
    let calls: Vec<_> = (0..requests)
        .map(|n| tokio::spawn(client.clone().oneshot(request(n % accounts))))
        .collect();
    for call in calls {
        assert!(call.await.expect("no panic").is_ok());
    }
}

fn run(stack: &str, requests: usize, accounts: usize, rounds: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let app = Quotas::none().with_app(Quota::requests_per_second(100));
    let quotas = match stack {
        "one scope" => Some(app),
        "two scopes" => Some(app.with_each_account_endpoint(Quota::requests_per_second(5))),
        _ => None,
    };
    runtime.block_on(async {
        for _ in 0..rounds {
            match quotas.clone() {
                Some(quotas) => {
                    let layer = RequestPacingLayer::builder(quotas).build().expect("valid");
                    send(layer.layer(Echo), requests, accounts).await;
                }
                None => send(Echo, requests, accounts).await,
            }
        }
    });
}

#[expect(clippy::disallowed_types, reason = "it measures real time")]
fn nanoseconds(stack: &str, requests: usize, accounts: usize) -> f64 {
    let once = || {
        let start = std::time::Instant::now();
        run(stack, requests, accounts, QUEUED / requests);
        start.elapsed().as_secs_f64() * 1e9 / QUEUED as f64
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn instructions(stack: &str, requests: usize, accounts: usize) -> Option<u64> {
    let rounds = 100_000 / requests;
    let none = callgrind(stack, requests, accounts, 0)?;
    let some = callgrind(stack, requests, accounts, rounds)?;
    Some((some - none) / (rounds * requests) as u64)
}

fn callgrind(stack: &str, requests: usize, accounts: usize, rounds: usize) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("we run"))
        .args(["--run", stack])
        .args([requests, accounts, rounds].map(|n| n.to_string()))
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .unwrap_or_else(|| panic!("valgrind counted nothing: {said}"))
        .1;
    Some(count.trim().parse().expect("a number"))
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [flag, stack, numbers @ ..] = &args[..]
        && flag == "--run"
        && let [requests, accounts, rounds] = numbers
            .iter()
            .map(|n| n.parse().expect("a number"))
            .collect::<Vec<_>>()[..]
    {
        run(stack, requests, accounts, rounds);
        return ExitCode::SUCCESS;
    }
    println!("| stack | queued | accounts | ns a request | instructions |");
    println!("|---|---|---|---|---|");
    let mut grows = false;
    for stack in ["no pacing", "one scope", "two scopes"] {
        let counts = SIZES.map(|(requests, accounts)| {
            let time = nanoseconds(stack, requests, accounts);
            let count = instructions(stack, requests, accounts);
            let said = count.map_or("?".into(), |count| count.to_string());
            println!("| {stack} | {requests} | {accounts} | {time:.0} | {said} |");
            count
        });
        if let [Some(few), Some(many)] = counts {
            grows |= many > MOST * few;
        }
    }
    if grows {
        eprintln!("the more wait, the more one costs: over {MOST} times as much");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
