//! Plays a scenario file against the simulator, and compares.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use tokio::time::{Instant, sleep_until};
use tower::ServiceExt;
use tower_tiktok::{
    simulator::{Fault, Script},
    throttle_alert::{AlertState, Severity, ThrottleAlertLayer},
};

use crate::support::{get, record, simulator, watched};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    law: String,
    /// Attempts in a second.
    #[serde(default = "five")]
    rate: f64,
    phases: Vec<Phase>,
    #[serde(default = "once")]
    repeat: usize,
    /// The least and the most of each measure.
    expect: BTreeMap<String, [f64; 2]>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Phase {
    seconds: u64,
    /// The share of attempts that the server refuses, evenly.
    refused: f64,
    rate: Option<f64>,
}

const fn five() -> f64 {
    5.0
}

const fn once() -> usize {
    1
}

pub(crate) async fn check(name: &str, text: &str) {
    let scenario: Scenario = toml::from_str(text).expect("the file makes sense");
    let measures = play(&scenario).await;
    println!("{name}: {}\n{measures:#?}", scenario.law);
    for (measure, [from, to]) in &scenario.expect {
        let value = measures[measure.as_str()];
        assert!(
            (*from..=*to).contains(&value),
            "{}: {measure} is {value}, not {from} to {to}",
            scenario.law
        );
    }
}

async fn play(scenario: &Scenario) -> BTreeMap<&'static str, f64> {
    let simulator = simulator();
    let layer = ThrottleAlertLayer::builder().build().unwrap();
    let alerts = record(&layer.handle());
    let client = watched(layer, simulator.clone());

    let begin = Instant::now();
    let (mut first_refused, mut last_refused) = (None, begin);
    let (mut sent, mut refused) = (0_u64, 0_u64);
    let (mut phase_begin, mut owed) = (begin, 0.0);
    for phase in scenario.phases.repeat(scenario.repeat) {
        let rate = phase.rate.unwrap_or(scenario.rate);
        for number in 0..(phase.seconds as f64 * rate) as u32 {
            sleep_until(phase_begin + Duration::from_secs_f64(f64::from(number) / rate)).await;
            owed += phase.refused;
            if owed >= 1.0 - 1e-9 {
                owed -= 1.0;
                refused += 1;
                first_refused.get_or_insert(Instant::now());
                last_refused = Instant::now();
                let retry_after = Duration::from_secs(1);
                simulator.script(Script::new(Fault::EdgeThrottle { retry_after }));
            }
            sent += 1;
            client.clone().oneshot(get("7001")).await.unwrap();
        }
        phase_begin += Duration::from_secs(phase.seconds);
        sleep_until(phase_begin).await;
    }
    // What the windows remember is gone by then.
    sleep_until(phase_begin + Duration::from_secs(1_200)).await;

    // The server saw it so, too.
    let total = simulator.ledger().total;
    assert_eq!(total.received, sent);
    assert_eq!(
        total.faults.get("edge throttle").copied().unwrap_or(0),
        refused
    );

    let alerts = alerts.lock().unwrap();
    let states = |state| alerts.iter().filter(move |(_, alert)| alert.state == state);
    let count = |state| states(state).count() as f64;
    let mut measures = BTreeMap::from([
        ("raised", count(AlertState::Raised)),
        ("updated", count(AlertState::Updated)),
        ("cleared", count(AlertState::Cleared)),
    ]);
    let critical = alerts
        .iter()
        .any(|(_, alert)| alert.severity == Severity::Critical);
    measures.insert("critical", f64::from(u8::from(critical)));
    if let Some((at, _)) = states(AlertState::Raised).next() {
        let latency = *at - first_refused.expect("something was refused");
        measures.insert("latency_s", latency.as_secs_f64());
    }
    if let Some((at, _)) = states(AlertState::Cleared).next_back() {
        measures.insert("cleared_after_s", (*at - last_refused).as_secs_f64());
    }
    measures
}
