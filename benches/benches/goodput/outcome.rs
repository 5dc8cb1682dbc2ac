use tower_tiktok_benches::goodput::median;

/// What came of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// The makespan over what a clairvoyant client needs; `None` if it was not
    /// finished when patience ended.
    pub(crate) ratio: Option<f64>,
    /// The share of the writes that were done.
    pub(crate) done: f64,
    /// Refused calls over calls sent.
    pub(crate) refused: f64,
    pub(crate) suspensions: usize,
    /// Seconds from taking a write to its success, for 99 of 100 writes.
    pub(crate) p99: f64,
    /// Of what each account has got by half time.
    pub(crate) jain: f64,
    /// When the median of the small accounts was done, over the bound.
    pub(crate) small: f64,
}

/// Of all seeds: medians, and of what must never happen the worst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    /// Infinite if half of the runs were not finished.
    pub(crate) ratio: f64,
    pub(crate) done: f64,
    pub(crate) refused: f64,
    pub(crate) suspensions: usize,
    pub(crate) p99: f64,
    pub(crate) jain: f64,
    pub(crate) small: f64,
    pub(crate) finished: usize,
    pub(crate) runs: usize,
}

impl Summary {
    pub(crate) fn of(runs: &[Outcome]) -> Self {
        let middle = |of: fn(&Outcome) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
        Self {
            ratio: middle(|run| run.ratio.unwrap_or(f64::INFINITY)),
            done: middle(|run| run.done),
            refused: middle(|run| run.refused),
            suspensions: runs.iter().map(|run| run.suspensions).max().unwrap_or(0),
            p99: middle(|run| run.p99),
            jain: middle(|run| run.jain),
            small: middle(|run| run.small),
            finished: runs.iter().filter(|run| run.ratio.is_some()).count(),
            runs: runs.len(),
        }
    }
}
