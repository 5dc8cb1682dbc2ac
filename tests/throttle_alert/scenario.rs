//! Plays a scenario file against the simulator, and compares.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

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

/// What the rule says, counted to the moment: the attempts of the last ten
/// minutes, and when both windows were first above the threshold.
#[derive(Debug, Default)]
struct Exact {
    attempts: VecDeque<(Duration, bool)>,
    above: Option<Duration>,
}

impl Exact {
    fn count(&mut self, now: Duration, refused: bool) {
        self.attempts.push_back((now, refused));
        let is_old = |at: Duration, secs| at + Duration::from_secs(secs) <= now;
        while self.attempts.front().is_some_and(|it| is_old(it.0, 600)) {
            self.attempts.pop_front();
        }
        let share_of = |secs| {
            let its = self.attempts.iter().filter(|it| !is_old(it.0, secs));
            let refused = its.clone().filter(|it| it.1).count();
            refused as f64 / its.count() as f64
        };
        let enough = self.attempts.len() >= 20;
        if refused
            && enough
            && self.above.is_none()
            && share_of(60) >= 0.05
            && share_of(600) >= 0.05
        {
            self.above = Some(now);
        }
    }
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
    let mut exact = Exact::default();
    let (mut sent, mut refused) = (0_u64, 0_u64);
    let (mut phase_begin, mut owed) = (begin, 0.0);
    for phase in scenario.phases.repeat(scenario.repeat) {
        let rate = phase.rate.unwrap_or(scenario.rate);
        for number in 0..(phase.seconds as f64 * rate) as u32 {
            sleep_until(phase_begin + Duration::from_secs_f64(f64::from(number) / rate)).await;
            owed += phase.refused;
            exact.count(begin.elapsed(), owed >= 1.0 - 1e-9);
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
        // Below zero, it was told before.
        let above = exact.above.expect("both windows were above the threshold");
        let late = (*at - begin).as_secs_f64() - above.as_secs_f64();
        measures.insert("after_both_s", late);
    }
    if let Some((at, _)) = states(AlertState::Cleared).next_back() {
        measures.insert("cleared_after_s", (*at - last_refused).as_secs_f64());
    }
    measures
}
