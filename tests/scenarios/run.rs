//! Plays a scenario, and compares.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::{Duration, UNIX_EPOCH},
};

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    client,
    file::{Kind, Scenario},
    measure::{LAWS, Measures, Run},
    server::{self, Estate},
    wire::Wire,
    work::{Outcome, ask, asks},
};

/// Whoever has not been answered by then is not going to be.
const NEVER: Duration = Duration::from_secs(30 * 86_400);

pub(crate) async fn check(name: &str, text: &str) {
    let mut scenario: Scenario = toml::from_str(text).expect("the file makes sense");
    let mut runs = Vec::new();
    for _ in 0..scenario.runs {
        runs.push(play(&scenario).await);
        scenario.server.seed += 1;
        scenario.client.seed += 1;
    }
    let (report, fits) = compare(&scenario, &runs);
    println!("{name}: {report}");
    assert!(fits, "{name}: {report}");
}

/// The measures of all runs, least and most, beside what was expected.
fn compare(scenario: &Scenario, runs: &[Measures]) -> (String, bool) {
    let mut report = format!("{}\n", scenario.law);
    let mut all_fit = true;
    let measured = runs.iter().flat_map(BTreeMap::keys);
    let names: BTreeSet<&String> = measured.chain(scenario.expect.keys()).collect();
    for name in names {
        // A class that no answer had, in this run or in all.
        let values = runs.iter().map(|run| run.get(name).copied().unwrap_or(0.0));
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        let range = match scenario.expect.get(name) {
            None if LAWS.contains(&name.as_str()) => Some([0.0, 0.0]),
            range => range.copied(),
        };
        let fits = range.is_none_or(|[from, to]| from <= least && most <= to);
        all_fit &= fits;
        let mark = if fits { ' ' } else { '!' };
        write!(report, "{mark} {name:24} {least:12.3}").expect("a string takes it");
        let most = match most > least {
            true => format!("{most:12.3}"),
            false => String::new(),
        };
        let range = range.map_or(String::new(), |[from, to]| format!("{from} to {to}"));
        writeln!(report, " {most:12}   {range}").expect("a string takes it");
    }
    (report, all_fit)
}

async fn play(scenario: &Scenario) -> Measures {
    let work = &scenario.work;
    let simulator = server::build(&scenario.server);
    let built = Instant::now();
    let accounts: Vec<String> = (0..work.accounts).map(|n| format!("70{n:03}")).collect();
    let estates = estates(scenario, &simulator, &accounts).await;
    server::script(&scenario.server, &simulator);

    let wire = Wire::new(simulator.clone(), &scenario.client);
    let date = UNIX_EPOCH + Duration::from_secs(scenario.server.start) + built.elapsed();
    let client = client::build(&scenario.client, &scenario.server, date, wire.clone());
    let asks = asks(work);
    let workers = match work.workers {
        0 => asks.len(),
        workers => workers,
    };
    let before = simulator.ledger();
    let begin = Instant::now();
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(asks.len());
    let mut answers = stream::iter(asks.iter().cloned())
        .map(|one| {
            let account = one.account;
            let (account, estate) = (&accounts[account], &estates[account]);
            let stack = scenario.client.stack;
            ask(one, client.clone(), work, stack, account, estate)
        })
        .buffer_unordered(workers);
    // What is left in there when the time is up has hung.
    let _ = timeout(NEVER, async {
        while let Some(outcome) = answers.next().await {
            outcomes.push(outcome);
        }
    })
    .await;
    drop(answers);
    let after = simulator.ledger();

    let makes = asks.iter().any(|ask| ask.makes().is_some());
    let objects = match makes {
        true => {
            // What is still on its way arrives first.
            sleep(Duration::from_secs(3_600)).await;
            server::objects(&simulator, &accounts).await
        }
        false => Default::default(),
    };
    let seen = wire.seen();
    Run {
        asks: &asks,
        outcomes: &outcomes,
        begin,
        before: &before,
        after: &after,
        objects: &objects,
        seen: &seen,
    }
    .measures()
}

/// What the requests refer to, made before the clock starts.
async fn estates(
    scenario: &Scenario,
    simulator: &tower_tiktok::simulator::Simulator,
    accounts: &[String],
) -> Vec<Estate> {
    let asked = |kinds: &[Kind]| {
        kinds
            .iter()
            .any(|kind| scenario.work.mix.contains_key(kind))
    };
    let mut estates = vec![Estate::default(); accounts.len()];
    if !asked(&[Kind::Ad, Kind::VideoAd, Kind::Status]) {
        return estates;
    }
    for (estate, account) in estates.iter_mut().zip(accounts) {
        *estate = server::settle(simulator, account).await;
        sleep(Duration::from_secs(60)).await;
    }
    if asked(&[Kind::VideoAd]) {
        for (estate, account) in estates.iter_mut().zip(accounts) {
            estate.video = server::upload(simulator, account).await;
        }
    }
    estates
}
