//! What happened, in one sentence, and in a few figures.

use std::time::Duration;

use super::text::{count, duration, number};
use crate::summary::Summary;

pub(crate) fn headline(run: &Summary, accounts: usize) -> String {
    let accounts = count(accounts as u64, "account", "accounts");
    let time = duration(Duration::from_secs_f64(run.elapsed_s));
    let begin = match run.failed {
        0 => format!("{accounts} launched in {time}"),
        failed => {
            let failed = count(failed, "request", "requests");
            format!("{accounts}, {time}, and {failed} given up")
        }
    };
    let refused = match run.throttled {
        0 => "none refused".to_owned(),
        1 => "one refused".to_owned(),
        refused => format!("{} refused", number(refused)),
    };
    let calls = count(run.attempts, "call", "calls");
    let twice = match run.duplicates {
        None => String::new(),
        Some(0) => ", nothing created twice".to_owned(),
        Some(twice) => format!(", {} created twice", count(twice, "object", "objects")),
    };
    format!("{begin}: {calls}, {refused}{twice}.")
}

/// How it compares with what is possible at all.
pub(crate) fn beneath(run: &Summary) -> String {
    let (Some(bound), Some(ratio)) = (run.bound_s, run.makespan_ratio) else {
        return String::new();
    };
    // Who gives up is done soon.
    if run.failed > 0 {
        return String::new();
    }
    let bound = duration(Duration::from_secs_f64(bound));
    format!(
        "A client that knows every limit beforehand needs {bound} for the same work; this run \
         took {ratio:.2} times that."
    )
}

/// What stands in large type: a figure, what it is, and whether it is bad.
pub(crate) fn tiles(run: &Summary) -> Vec<(String, &'static str, bool)> {
    let known = |value: Option<u64>| value.map_or("?".to_owned(), number);
    let ms = |ms: f64| duration(Duration::from_secs_f64(ms / 1e3));
    vec![
        (number(run.requests), "requests", false),
        (
            number(run.throttled),
            "calls refused",
            run.throttled * 100 > run.attempts,
        ),
        (number(run.failed), "requests failed", run.failed > 0),
        (
            known(run.duplicates),
            "created twice",
            run.duplicates > Some(0),
        ),
        (ms(run.p50_ms), "median request", false),
        (ms(run.p99_ms), "99th percentile", false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Summary {
        Summary {
            client: "stack",
            requests: 436,
            succeeded: 436,
            failed: 0,
            attempts: 1_439,
            throttled: 0,
            suspensions: Some(0),
            duplicates: Some(0),
            outcome_unknown: 0,
            elapsed_s: 24.13,
            bound_s: Some(22.4),
            makespan_ratio: Some(1.077),
            p50_ms: 900.0,
            p99_ms: 2_000.0,
            fairness_jain: 0.99,
        }
    }

    #[test]
    fn a_good_run_is_told_in_one_sentence() {
        assert_eq!(
            headline(&run(), 20),
            "20 accounts launched in 24.1 s: 1,439 calls, none refused, nothing created twice."
        );
        assert!(beneath(&run()).contains("22.4 s"));
        assert!(tiles(&run()).iter().all(|(_, _, bad)| !bad));
    }

    #[test]
    fn what_went_wrong_is_in_the_sentence() {
        let mut run = run();
        (run.failed, run.throttled, run.duplicates) = (44, 262, Some(1));
        let told = headline(&run, 20);
        assert!(told.contains("44 requests given up"), "{told}");
        assert!(
            told.contains("262 refused, 1 object created twice"),
            "{told}"
        );
        assert_eq!(beneath(&run), "");
        assert_eq!(tiles(&run).iter().filter(|(_, _, bad)| *bad).count(), 3);
    }

    #[test]
    fn of_a_foreign_server_nothing_is_claimed() {
        let mut run = run();
        (run.duplicates, run.bound_s, run.makespan_ratio) = (None, None, None);
        assert!(!headline(&run, 20).contains("twice"));
        assert_eq!(beneath(&run), "");
    }
}
