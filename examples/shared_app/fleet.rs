//! All processes, and the servers that they talk to.

use std::{env, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
    time::Instant,
};
use tower_tiktok::simulator::{Latency, Sharing, Simulator};

use crate::{
    AnyError,
    args::Args,
    level::level,
    member::{Report, Task},
    redis::Redis,
    summary::Summary,
};

/// How long an answer of the simulator takes on average.
const LATENCY: Duration = Duration::from_millis(80);

pub(crate) async fn run(args: &Args) -> Result<Summary, AnyError> {
    let simulator = Simulator::builder()
        .level(level(args.level))
        .sharing(Sharing::Both)
        .latency(Latency::lognormal(LATENCY, 0.5).before_limiter(0.25))
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let _listening = simulator.serve(listener)?;
    let own = match (&args.redis, args.alone) {
        (None, false) => Some(Redis::start().await?),
        _ => None,
    };
    let redis = args.redis.clone().or(own.as_ref().map(Redis::url));

    let per_second = args.level.limits().per_second();
    let requests = args.seconds * per_second as usize;
    let mut members = Vec::new();
    for member in 0..args.processes {
        members.push(start(args, member, &base)?);
    }
    let started = Instant::now();
    for (n, member) in members.iter_mut().enumerate() {
        let task = Task {
            redis: redis.clone(),
            requests: requests / args.processes + usize::from(n < requests % args.processes),
        };
        // What is in it may be secret, so it is no argument.
        let line = serde_json::to_string(&task)? + "\n";
        let input = member.stdin.as_mut().ok_or("it has an input")?;
        input.write_all(line.as_bytes()).await?;
    }
    let mut reports: Vec<Report> = Vec::new();
    for member in &mut members {
        let output = member.stdout.take().ok_or("it has an output")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let line = line.ok_or("a process ended before it was done")?;
        reports.push(serde_json::from_str(&line)?);
    }
    let elapsed = started.elapsed();
    for mut member in members {
        drop(member.stdin.take());
        member.wait().await?;
    }
    let ledger = simulator.ledger();
    Ok(Summary::of(&reports, &ledger, per_second, elapsed))
}

fn start(args: &Args, member: usize, base: &str) -> Result<Child, AnyError> {
    let mut command = Command::new(env::current_exe()?);
    command
        .args(["--member", &member.to_string(), "--base-url", base])
        .args(["--processes", &args.processes.to_string()])
        .args(["--workers", &args.workers.to_string()])
        .args(["--advertisers", &args.advertisers.to_string()])
        .args(["--level", &args.level.to_string()])
        .env_remove("SHARED_APP_REDIS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    Ok(command.spawn()?)
}
