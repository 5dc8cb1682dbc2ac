/// Why a read was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saved {
    /// Another asked the same at that time.
    Shared,
    /// There was an answer from before.
    Kept,
    /// Another asked for it along with its own.
    Merged,
}

/// Counts a read that was answered and not sent.
pub(super) fn saved(by: Saved) {
    #[cfg(feature = "metrics")]
    crate::metrics::reads_saved(
        match by {
            Saved::Shared => "shared",
            Saved::Kept => "kept",
            Saved::Merged => "merged",
        },
        1,
    );
    #[cfg(not(feature = "metrics"))]
    let _ = by;
}
