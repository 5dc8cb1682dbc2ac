//! What came of a run.

use std::{fmt, time::Duration};

use serde::Serialize;
use tower_tiktok::simulator::Ledger;

use crate::member::Report;

/// The result of one run, as that of `bulk_launch`, and what each process had
/// of it. Counts of the server come from its ledger.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    client: &'static str,
    /// Requests that the processes wanted done.
    requests: u64,
    succeeded: u64,
    failed: u64,
    /// Requests that reached the server, resends included.
    attempts: u64,
    throttled: u64,
    suspensions: u64,
    duplicates: u64,
    outcome_unknown: u64,
    elapsed_s: f64,
    /// What a client that knows everything beforehand would need.
    bound_s: f64,
    makespan_ratio: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Jain's index of what each process had done at half time; 1 is even.
    fairness_jain: f64,
    processes: u64,
    /// Which part of all that was done each process had done at half time.
    shares: Vec<f64>,
    /// What the server admitted, over what the limit admits, in the whole seconds
    /// until the first process had nothing left to do.
    limit_used: f64,
    /// Round trips to Redis, over requests.
    exchanges_per_request: f64,
    /// Those that came to nothing.
    exchanges_lost: u64,
}

impl Summary {
    pub(crate) fn of(
        reports: &[Report],
        ledger: &Ledger,
        per_second: u32,
        elapsed: Duration,
    ) -> Self {
        let succeeded: usize = reports.iter().map(|report| report.done.len()).sum();
        let failed: u64 = reports.iter().map(|report| report.failed).sum();
        let requests = succeeded as u64 + failed;
        let each = reports.iter().flat_map(|report| &report.done);
        let (mut ends, mut took): (Vec<f64>, Vec<f64>) = each.copied().unzip();
        ends.sort_by(f64::total_cmp);
        took.sort_by(f64::total_cmp);
        let last_of = |report: &Report| report.done.iter().map(|it| it.0).fold(0.0, f64::max);
        let first = reports.iter().map(last_of).fold(f64::INFINITY, f64::min);
        let seconds = ((first / 1e3) as u64).max(1);
        let half = ends.get(ends.len() / 2).copied().unwrap_or(0.0);
        let by_then = |report: &Report| report.done.iter().filter(|(at, _)| *at <= half).count();
        let counts: Vec<f64> = reports
            .iter()
            .map(|report| by_then(report) as f64)
            .collect();
        let sum: f64 = counts.iter().sum();
        let squares: f64 = counts.iter().map(|count| count * count).sum();
        let last = ends.last().copied().unwrap_or(0.0) / 1e3;
        let (limit, exchanges) = (f64::from(per_second), |report: &Report| report.exchanges);
        let bound = (requests as f64 / limit - 1.0).max(0.0);
        for why in reports
            .iter()
            .filter_map(|report| report.first_failure.as_ref())
        {
            eprintln!("the first failure of a process: {why}");
        }
        if reports
            .iter()
            .any(|report| report.exchanges > 0 && !report.store_is_up)
        {
            eprintln!("Redis was away at the end");
        }
        Self {
            client: "stack",
            requests,
            succeeded: succeeded as u64,
            failed,
            attempts: ledger.total.received,
            throttled: ledger.total.refused.total(),
            suspensions: ledger.suspensions.len() as u64,
            duplicates: ledger.total.duplicated,
            outcome_unknown: reports.iter().map(|report| report.outcome_unknown).sum(),
            elapsed_s: round(elapsed.as_secs_f64(), 2),
            bound_s: round(bound, 2),
            makespan_ratio: round(last / bound.max(1.0), 3),
            p50_ms: percentile(&took, 0.50),
            p99_ms: percentile(&took, 0.99),
            fairness_jain: round(sum * sum / (counts.len() as f64 * squares).max(1.0), 3),
            processes: reports.len() as u64,
            shares: counts
                .iter()
                .map(|count| round(count / sum.max(1.0), 3))
                .collect(),
            limit_used: round(
                admitted(ledger, seconds) as f64 / (limit * seconds as f64),
                3,
            ),
            exchanges_per_request: round(
                reports.iter().map(exchanges).sum::<u64>() as f64 / requests.max(1) as f64,
                3,
            ),
            exchanges_lost: reports.iter().map(|report| report.lost).sum(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} of {} requests done by {} processes in {:.1} s: {:.0} % of what the limit admits",
            self.succeeded,
            self.requests,
            self.processes,
            self.elapsed_s,
            100.0 * self.limit_used,
        )?;
        writeln!(
            f,
            "{} attempts, {} refused, {} suspensions; {} failed",
            self.attempts, self.throttled, self.suspensions, self.failed,
        )?;
        writeln!(f, "shares at half time: {:?}", self.shares)?;
        write!(
            f,
            "{} round trips to Redis for each request",
            self.exchanges_per_request
        )
    }
}

/// In so many seconds from the first call on.
fn admitted(ledger: &Ledger, seconds: u64) -> u64 {
    let first = ledger.seconds.first().map_or(0, |it| it.second);
    let within = ledger.seconds.iter();
    let within = within.filter(|it| it.second < first + seconds);
    within.map(|it| it.admitted).sum()
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let rank = (share * last as f64).round() as usize;
    round(sorted[rank.min(last)], 1)
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
