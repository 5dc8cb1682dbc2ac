//! What came of a run: the last line of JSON, and the closing table.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use crate::{plan::Plan, report::Run};

/// The result of one run. Counts of the server come from its ledger, and are
/// `null` where the server is not ours.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) client: &'static str,
    /// Requests that the launch wanted done.
    pub(crate) requests: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// Requests that reached the server, resends included.
    pub(crate) attempts: u64,
    pub(crate) throttled: u64,
    pub(crate) suspensions: Option<u64>,
    pub(crate) duplicates: Option<u64>,
    pub(crate) outcome_unknown: u64,
    pub(crate) elapsed_s: f64,
    /// What a client that knows everything beforehand would need.
    pub(crate) bound_s: Option<f64>,
    pub(crate) makespan_ratio: Option<f64>,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Jain's index of the share of its plan that each advertiser had done at
    /// half time; 1 is even.
    pub(crate) fairness_jain: f64,
}

/// The value below which `share` of the durations lie, in milliseconds.
pub(crate) fn percentile_ms(done: &[Duration], share: f64) -> f64 {
    let mut took = done.to_vec();
    took.sort_unstable();
    let Some(last) = took.len().checked_sub(1) else {
        return 0.0;
    };
    let rank = (share * last as f64).round() as usize;
    round(took[rank.min(last)].as_secs_f64() * 1e3, 1)
}

/// Jain's fairness index of the advertisers' progress when half of all steps
/// were done: each one's share of its own `plan`. Polls are no progress.
pub(crate) fn jain_at_half_time(steps: &[(usize, Duration)], plan: &Plan) -> f64 {
    let mut at: Vec<Duration> = steps.iter().map(|(_, at)| *at).collect();
    at.sort_unstable();
    let Some(&half) = at.get(at.len() / 2) else {
        return 1.0;
    };
    let mut progress = vec![0.0_f64; plan.advertisers.len()];
    for (advertiser, _) in steps.iter().filter(|(_, at)| *at <= half) {
        progress[*advertiser] += 1.0 / plan.steps(*advertiser) as f64;
    }
    let sum: f64 = progress.iter().sum();
    let squares: f64 = progress.iter().map(|x| x * x).sum();
    round(sum * sum / (progress.len() as f64 * squares), 3)
}

pub(crate) fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// The runs as a Markdown table.
pub(crate) fn table(runs: &[Run]) -> String {
    let mut out = String::from(
        "| client | requests | succeeded | failed | outcome unknown | attempts | throttled | \
         suspensions | duplicates | elapsed s | ratio | p50 ms | p99 ms | fairness |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let known = |value: Option<u64>| value.map_or("?".into(), |value| value.to_string());
    for Run { summary: run, .. } in runs {
        // Who gives up is done soon.
        let ratio = match run.makespan_ratio {
            Some(ratio) if run.failed == 0 => format!("{ratio:.2}"),
            _ => "-".into(),
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} | {} | {:.0} | {:.0} | {:.2} |",
            run.client,
            run.requests,
            run.succeeded,
            run.failed,
            run.outcome_unknown,
            run.attempts,
            run.throttled,
            known(run.suspensions),
            known(run.duplicates),
            run.elapsed_s,
            ratio,
            run.p50_ms,
            run.p99_ms,
            run.fairness_jain,
        )
        .expect("a string takes it");
    }
    out
}

/// What the columns mean, and what to look at.
pub(crate) fn legend(runs: &[Run]) -> String {
    let mut out = String::from(
        "\nrequests: what the launch wanted done, polls included. attempts: what reached the \
         server.\nratio: elapsed over what a client that knows all limits beforehand needs. \
         fairness: Jain's index\nof the share of its plan that each advertiser had done at half time; 1 is even.\n",
    );
    for Run { summary: run, .. } in runs {
        if let Some(twice @ 1..) = run.duplicates {
            writeln!(out, "{}: {twice} objects were created twice.", run.client)
                .expect("a string takes it");
        }
        if run.outcome_unknown > 0 {
            writeln!(
                out,
                "{}: {} requests ended with their outcome unknown, and were read back.",
                run.client, run.outcome_unknown
            )
            .expect("a string takes it");
        }
    }
    out
}
