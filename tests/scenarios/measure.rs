//! What came of it, in numbers.

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;
use tower_tiktok::simulator::Ledger;

use crate::{
    wire::Seen,
    work::{Ask, Outcome, Told},
};

/// By the names that scenario files use.
pub(crate) type Measures = BTreeMap<String, f64>;

/// What has to be so in every scenario that does not say otherwise.
pub(crate) const LAWS: [&str; 5] = ["duplicates", "lost", "phantoms", "misjudged", "unfinished"];

/// The code for a copy of a request that was carried out.
const RECOGNISED: i64 = 40_050;

pub(crate) struct Run<'a> {
    pub(crate) asks: &'a [Ask],
    pub(crate) outcomes: &'a [Outcome],
    pub(crate) begin: Instant,
    pub(crate) before: &'a Ledger,
    pub(crate) after: &'a Ledger,
    pub(crate) objects: &'a HashMap<String, u64>,
    pub(crate) seen: &'a Seen,
}

impl Run<'_> {
    pub(crate) fn measures(&self) -> Measures {
        let mut found = Measures::new();
        let mut put = |name: &str, value: f64| {
            found.insert(name.to_owned(), value);
        };
        let count = |pick: fn(&Told) -> bool| {
            let told = self.outcomes.iter().map(|outcome| &outcome.told);
            told.filter(|told| pick(told)).count() as f64
        };
        let succeeded = count(|told| *told == Told::Success);
        let unknown = count(|told| *told == Told::OutcomeUnknown);
        put("succeeded", succeeded);
        put("outcome_unknown", unknown);
        put("failed", self.outcomes.len() as f64 - succeeded - unknown);
        put("answers", count(|told| matches!(told, Told::Answer(..))));
        put(
            "recognised",
            count(|told| matches!(told, Told::Answer(_, RECOGNISED))),
        );
        put("broke_off", count(|told| *told == Told::BrokeOff));
        put("late", count(|told| *told == Told::Late));
        put("queue_full", count(|told| *told == Told::QueueFull));
        put("failures", count(|told| *told == Told::Failure));
        put("misjudged", count(|told| *told == Told::Misjudged));
        put(
            "wait_too_long",
            count(|told| matches!(told, Told::WaitTooLong(_))),
        );
        put(
            "unfinished",
            self.asks.len() as f64 - self.outcomes.len() as f64,
        );
        self.put_answers(&mut put);
        self.put_truth(&mut put);
        self.put_traffic(&mut put);
        self.put_times(&mut put);
        found
    }

    /// By class, and the waits that were too long.
    fn put_answers(&self, put: &mut impl FnMut(&str, f64)) {
        let mut classes = BTreeMap::<_, f64>::new();
        let mut waits = Vec::new();
        for outcome in self.outcomes {
            match &outcome.told {
                Told::Answer(class, _) => *classes.entry(class.as_str()).or_default() += 1.0,
                Told::WaitTooLong(wait) => waits.push(wait.as_secs_f64()),
                _ => {}
            }
        }
        for (class, answers) in classes {
            put(class, answers);
        }
        put(
            "least_wait_told_s",
            waits.iter().copied().fold(f64::INFINITY, f64::min),
        );
        put(
            "most_wait_told_s",
            waits.iter().copied().fold(0.0, f64::max),
        );
    }

    /// What the callers believe, against what there is.
    fn put_truth(&self, put: &mut impl FnMut(&str, f64)) {
        let (mut lost, mut phantoms) = (0.0, 0.0);
        for outcome in self.outcomes {
            let Some(name) = outcome.ask.makes() else {
                continue;
            };
            let there = self.objects.get(&name).copied().unwrap_or(0);
            match outcome.told {
                Told::Success | Told::Answer(_, RECOGNISED) if there == 0 => lost += 1.0,
                Told::Success
                | Told::Answer(_, RECOGNISED)
                | Told::OutcomeUnknown
                | Told::BrokeOff
                | Told::Misjudged => {}
                // Told that it was not carried out, and it was.
                _ if there > 0 => phantoms += 1.0,
                _ => {}
            }
        }
        put("lost", lost);
        put("phantoms", phantoms);
        let made = self.outcomes.iter().filter_map(|outcome| {
            let name = outcome.ask.makes()?;
            self.objects.get(&name).copied()
        });
        let copies: u64 = made.map(|there| there - 1).sum();
        let (total, before) = (&self.after.total, &self.before.total);
        let duplicated = total.duplicated - before.duplicated;
        assert_eq!(copies, duplicated, "the ledger and the shelves differ");
        put("duplicates", duplicated as f64);
        put(
            "deduplicated",
            (total.deduplicated - before.deduplicated) as f64,
        );
        put(
            "lost_answers",
            (total.lost_answers - before.lost_answers) as f64,
        );
        let faults = |ledger: &Ledger| ledger.total.faults.values().sum::<u64>() as f64;
        put("faults", faults(self.after) - faults(self.before));
    }

    fn put_traffic(&self, put: &mut impl FnMut(&str, f64)) {
        let (total, before) = (&self.after.total, &self.before.total);
        let received = (total.received - before.received) as f64;
        let refused = (total.refused.total() - before.refused.total()) as f64;
        put("refused", refused);
        put("throttled_share", refused / received.max(1.0));
        put(
            "attempts_per_request",
            self.seen.attempts() as f64 / self.asks.len() as f64,
        );
        put("most_attempts", self.seen.most_attempts() as f64);
        put(
            "suspensions",
            (self.after.suspensions.len() - self.before.suspensions.len()) as f64,
        );
        put("most_writes_in_flight", self.seen.most_writes as f64);
        put("most_reads_in_flight", self.seen.most_reads as f64);
    }

    fn put_times(&self, put: &mut impl FnMut(&str, f64)) {
        let last = |pick: fn(&Outcome) -> bool| {
            let ends = self.outcomes.iter().filter(|outcome| pick(outcome));
            let last = ends.map(|outcome| outcome.at).max();
            last.map_or(0.0, |at| (at - self.begin).as_secs_f64())
        };
        put("makespan_s", last(|_| true));
        put("others_done_s", last(|outcome| outcome.ask.account != 0));
        let shortest = self.seen.shortest_wait.unwrap_or_default();
        put("shortest_wait_s", shortest.as_secs_f64());
        put("longest_wait_s", self.seen.longest_wait.as_secs_f64());
        put("fairness", self.fairness());
    }

    /// Jain's index of the accounts' mean times to an answer: 1 if all waited
    /// alike, down to one over their number.
    fn fairness(&self) -> f64 {
        let mut times = BTreeMap::<usize, (f64, f64)>::new();
        for outcome in self.outcomes {
            let (sum, count) = times.entry(outcome.ask.account).or_default();
            *sum += outcome.took.as_secs_f64();
            *count += 1.0;
        }
        let means: Vec<f64> = times.values().map(|(sum, count)| sum / count).collect();
        let sum: f64 = means.iter().sum();
        let squares: f64 = means.iter().map(|mean| mean * mean).sum();
        sum * sum / (means.len() as f64 * squares).max(f64::MIN_POSITIVE)
    }
}
