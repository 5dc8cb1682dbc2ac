//! What the layers cost for one request that nothing delays: instructions and
//! heap allocations above the bare service.
//!
//! `cargo bench -p tower-tiktok-benches --bench overhead` prints the table;
//! with `-- --check` it fails where a bound is broken. Instructions are those
//! that valgrind's callgrind counts, as the difference between two runs of
//! this program, so that start-up does not count. They are left out, and said
//! to be, where valgrind is not installed.
//!
//! With `--features metrics` all that is counted is counted, for nobody. What
//! it costs to be seen, tracing and metrics together, is the difference to a
//! build without spans, events and metrics (`--features quiet`). Nobody builds
//! twice at each check: what that build costs is written down here, and a
//! check of it tells whether that still holds.

use std::{
    alloc::System,
    env,
    fmt::Debug,
    process::{Command, ExitCode},
    thread,
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Service, ServiceExt};
use tower_tiktok_benches::{
    Echo, four_layers, pacing, template, template_with_context, three_scopes, whole_stack,
    wide_quota,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one request may cost above the bare service.
struct Bound {
    stack: &'static str,
    /// The service without it, given the same requests.
    bare: &'static str,
    /// What we want. Printed where it is missed.
    goal: u64,
    /// What was reached without spans, events and metrics, rounded up: for a
    /// GET, and for any other request.
    unseen: [u64; 2],
    /// What these may add where nobody listens. More fails the check.
    to_be_seen: u64,
    allocations: u64,
}

impl Bound {
    /// Whether so many are in order in the build at hand.
    fn allows(&self, instructions: u64, method: &Method) -> bool {
        let [get, other] = self.unseen;
        let unseen = if method == Method::GET { get } else { other };
        if cfg!(feature = "metrics") {
            instructions <= unseen + self.to_be_seen
        } else if cfg!(feature = "quiet") {
            // If less is reached, that is what is to be written down.
            (unseen - 50..=unseen).contains(&instructions)
        } else {
            // Nothing is counted: spans and events take a fifth of it at most.
            instructions <= unseen + self.to_be_seen / 5
        }
    }
}

const BOUNDS: [Bound; 4] = [
    Bound {
        stack: "four layers",
        bare: "bare",
        goal: 2_500,
        unseen: [2_430, 2_450],
        to_be_seen: 300,
        allocations: 1,
    },
    Bound {
        stack: "whole stack",
        bare: "bare",
        goal: 5_000,
        unseen: [8_490, 8_900],
        to_be_seen: 300,
        allocations: 6,
    },
    Bound {
        stack: "request pacing, one scope",
        bare: "bare with a context",
        goal: 700,
        unseen: [1_880, 1_880],
        to_be_seen: 50,
        allocations: 1,
    },
    Bound {
        stack: "request pacing, three scopes",
        bare: "bare with a context",
        goal: 900,
        unseen: [3_090, 3_090],
        to_be_seen: 100,
        allocations: 1,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [flag, stack, method, requests] = &args[..]
        && flag == "--run"
    {
        let requests = requests.parse().expect("a number");
        send(stack, &method.parse().expect("a method"), requests);
        return ExitCode::SUCCESS;
    }
    let check = args.iter().any(|arg| arg == "--check");

    println!("| stack | method | instructions | over bare | allocations over bare |");
    println!("|---|---|---|---|---|");
    let mut kept = true;
    let mut missed = Vec::new();
    for method in [Method::GET, Method::POST] {
        let (mut bare, mut bare_allocations, mut bare_stack) = (None, 0, "");
        for bound in &BOUNDS {
            if bound.bare != bare_stack {
                bare_stack = bound.bare;
                bare = instructions(bare_stack, &method);
                bare_allocations = allocations(bare_stack, &method);
                print_row(bare_stack, &method, bare, Some(0), 0);
            }
            let total = instructions(bound.stack, &method);
            let over = total
                .zip(bare)
                .map(|(total, bare)| total.saturating_sub(bare));
            let allocated = allocations(bound.stack, &method) - bare_allocations;
            print_row(bound.stack, &method, total, over, allocated);
            kept &= over.is_none_or(|over| bound.allows(over, &method));
            kept &= allocated <= bound.allocations;
            if let Some(over) = over.filter(|over| *over > bound.goal) {
                missed.push(format!(
                    "{} {method}: {over} instructions, {} above the goal of {}",
                    bound.stack,
                    over - bound.goal,
                    bound.goal,
                ));
            }
        }
    }
    for miss in missed {
        println!("\nNot yet: {miss}.");
    }
    if !has_valgrind() {
        println!("\nInstructions were not counted: valgrind is not installed.");
    }
    if check && !kept {
        eprintln!("a bound is broken");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn print_row(stack: &str, method: &Method, total: Option<u64>, over: Option<u64>, allocated: u64) {
    let known = |count: Option<u64>| count.map_or("?".into(), |count| count.to_string());
    let (total, over) = (known(total), known(over.filter(|_| total.is_some())));
    println!("| {stack} | {method} | {total} | +{over} | +{allocated} |");
}

/// Sends so many requests, one after another.
fn send(stack: &str, method: &Method, requests: u64) {
    let plain = || template(method.clone());
    let known = || template_with_context(method.clone());
    match stack {
        "bare" => drive(Echo, plain(), requests),
        "four layers" => drive(four_layers(), plain(), requests),
        "whole stack" => drive(whole_stack(), plain(), requests),
        "bare with a context" => drive(Echo, known(), requests),
        "request pacing, one scope" => drive(pacing(wide_quota()), known(), requests),
        "request pacing, three scopes" => drive(pacing(three_scopes()), known(), requests),
        _ => panic!("no such stack: {stack}"),
    }
}

fn drive<S>(mut service: S, template: Request<Full<Bytes>>, requests: u64)
where
    S: Service<Request<Full<Bytes>>, Error: Debug>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for _ in 0..requests {
            let ready = service.ready().await.expect("always ready");
            let response = ready.call(template.clone()).await.expect("always answers");
            std::hint::black_box(&response);
        }
    });
}

/// Heap allocations for one request, the template's clone included.
fn allocations(stack: &str, method: &Method) -> u64 {
    let count = |requests| {
        let region = Region::new(ALLOCATOR);
        send(stack, method, requests);
        let change = region.change();
        (change.allocations + change.reallocations) as u64
    };
    let _warm = count(10);
    let (few, many) = (count(1_000), count(11_000));
    (many - few).div_ceil(10_000)
}

/// Instructions for one request, the template's clone included.
fn instructions(stack: &str, method: &Method) -> Option<u64> {
    // What is remembered of the last requests has reached its size by then.
    let (few, many) = thread::scope(|scope| {
        let few = scope.spawn(|| callgrind(stack, method, 10_000));
        let many = callgrind(stack, method, 15_000);
        (few.join().expect("valgrind was run"), many)
    });
    Some((many? - few?) / 5_000)
}

fn callgrind(stack: &str, method: &Method, requests: u64) -> Option<u64> {
    if !has_valgrind() {
        return None;
    }
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("we run"))
        .args(["--run", stack, method.as_str(), &requests.to_string()])
        .output()
        .expect("valgrind starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .unwrap_or_else(|| panic!("valgrind counted nothing: {said}"))
        .1;
    Some(count.trim().parse().expect("a number"))
}

fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok()
}
