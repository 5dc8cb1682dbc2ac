//! Many values made few: seconds put together, and waits counted by length.

use std::time::Duration;

use tower_tiktok::simulator::Second;

use crate::record::{Calls, Queued};

/// More columns than this are too thin to be told apart on a phone.
const MOST_COLUMNS: usize = 120;

/// Seconds one after another, those included in which nothing arrived.
pub(crate) fn dense(seconds: &[Second]) -> Vec<Calls> {
    let length = seconds.last().map_or(0, |last| last.second + 1);
    let mut calls = vec![Calls::default(); length as usize];
    for second in seconds {
        let entry = &mut calls[second.second as usize];
        entry.admitted += second.admitted;
        entry.refused += second.refused;
    }
    calls
}

/// How many seconds a column stands for.
pub(crate) fn width(seconds: usize) -> usize {
    let widths = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800];
    let fits = widths
        .into_iter()
        .find(|width| seconds.div_ceil(*width) <= MOST_COLUMNS);
    fits.unwrap_or_else(|| seconds.div_ceil(MOST_COLUMNS))
}

/// Calls of so many seconds together.
pub(crate) fn together(calls: &[Calls], width: usize) -> Vec<Calls> {
    let columns = calls.chunks(width).map(|chunk| Calls {
        admitted: chunk.iter().map(|calls| calls.admitted).sum(),
        refused: chunk.iter().map(|calls| calls.refused).sum(),
    });
    columns.collect()
}

/// The longest queue in so many seconds.
pub(crate) fn longest(queue: &[Queued], width: usize) -> Vec<Queued> {
    let columns = queue.chunks(width).map(|chunk| Queued {
        requests: chunk.iter().map(|it| it.requests).max().unwrap_or(0),
        held: chunk.iter().map(|it| it.held).max().unwrap_or(0),
    });
    columns.collect()
}

/// Where the bins of the waits begin, in milliseconds.
pub(crate) const BINS: [u64; 14] = [
    0, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000,
];

/// How many waits are in each bin.
pub(crate) fn histogram(waits: &[Duration]) -> [u64; BINS.len()] {
    let mut bins = [0; BINS.len()];
    for wait in waits {
        let wait = wait.as_micros();
        let past = BINS.partition_point(|from| u128::from(*from) * 1_000 <= wait);
        bins[past - 1] += 1;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64, admitted: u64) -> Second {
        let mut entry = Second::default();
        (entry.second, entry.admitted) = (second, admitted);
        entry
    }

    #[test]
    fn a_second_without_calls_has_its_place() {
        let calls = dense(&[second(1, 5), second(3, 7)]);
        let admitted: Vec<u64> = calls.iter().map(|calls| calls.admitted).collect();
        assert_eq!(admitted, [0, 5, 0, 7]);
        assert_eq!(dense(&[]), []);
    }

    #[test]
    fn putting_seconds_together_loses_no_call() {
        let calls: Vec<Calls> = (0..1_000)
            .map(|n| Calls {
                admitted: n,
                refused: n % 3,
            })
            .collect();
        let columns = together(&calls, width(calls.len()));
        assert!(columns.len() <= MOST_COLUMNS);
        let total = |calls: &[Calls]| -> u64 { calls.iter().map(|it| it.admitted).sum() };
        assert_eq!(total(&columns), total(&calls));
    }

    #[test]
    fn columns_stay_wide_enough_to_be_seen() {
        assert_eq!(width(0), 1);
        assert_eq!(width(120), 1);
        assert_eq!(width(121), 2);
        for seconds in [3_600_usize, 86_400, 1_000_000] {
            assert!(seconds.div_ceil(width(seconds)) <= MOST_COLUMNS);
        }
    }

    #[test]
    fn the_longest_queue_of_a_column_counts() {
        let queue = [(1, 0), (9, 1), (2, 0)].map(|(requests, held)| Queued { requests, held });
        let columns = longest(&queue, 2);
        assert_eq!(columns, [queue[1], queue[2]]);
    }

    #[test]
    fn every_wait_is_in_one_bin() {
        let waits = [0, 9, 10, 999, 1_000, u64::MAX / 4].map(Duration::from_millis);
        let bins = histogram(&waits);
        assert_eq!(bins.iter().sum::<u64>(), waits.len() as u64);
        assert_eq!((bins[0], bins[1], bins[6], bins[7]), (2, 1, 1, 1));
        assert_eq!(bins[BINS.len() - 1], 1);
    }
}
