//! All that is known of one run.

use std::{collections::BTreeMap, time::Duration};

use tower_tiktok::simulator::Ledger;

use super::buckets::dense;
use crate::{
    record::{Calls, Queued, Recorder},
    summary::Summary,
};

/// One client's run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) summary: Summary,
    /// All calls, second by second: as the server counted them, or, where it
    /// shows no ledger, as they were sent.
    pub(crate) calls: Vec<Calls>,
    /// The same for each endpoint, as the server counted them.
    pub(crate) endpoints: BTreeMap<&'static str, Vec<Calls>>,
    /// When the server let nothing pass at all.
    pub(crate) shut: Vec<(Duration, Duration)>,
    pub(crate) queue: Vec<Queued>,
    pub(crate) waits: Vec<Duration>,
    pub(crate) steps: Vec<(usize, Duration)>,
}

impl Run {
    pub(crate) fn new(
        summary: Summary,
        ledger: Option<&Ledger>,
        recorder: &Recorder,
        waits: Vec<Duration>,
        steps: Vec<(usize, Duration)>,
    ) -> Self {
        let mut run = Self {
            summary,
            calls: recorder.calls(),
            endpoints: BTreeMap::new(),
            shut: Vec::new(),
            queue: recorder.queue(),
            waits,
            steps,
        };
        if let Some(ledger) = ledger {
            run.calls = dense(&ledger.seconds);
            let endpoints = ledger.endpoint_seconds.iter();
            run.endpoints = endpoints
                .map(|(path, seconds)| (*path, dense(seconds)))
                .collect();
            let of_the_app = ledger.suspensions.iter().filter(|it| it.path.is_none());
            run.shut = of_the_app.map(|it| (it.from, it.until)).collect();
        }
        run
    }

    /// Whole seconds, the last one that was begun included.
    pub(crate) fn seconds(&self) -> usize {
        let elapsed = self.summary.elapsed_s.ceil() as usize;
        elapsed.max(self.calls.len()).max(1)
    }

    /// What a person calls this client.
    pub(crate) fn name(&self) -> &'static str {
        match self.summary.client {
            "stack" => "tower-tiktok",
            "naive" => "naive client",
            "tower" => "tower’s retry",
            other => other,
        }
    }
}
