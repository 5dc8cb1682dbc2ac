use std::time::Duration;

use super::{Learned, Taught};

/// In millionths.
pub(in crate::request_pacing) const WHOLE: u32 = 1_000_000;

/// What others should hear of it, who share the limit.
impl Learned {
    /// The part of the quota that is admitted, of the window that was cut most.
    pub(in crate::request_pacing) fn ratio(&self) -> u32 {
        let ratios = self.taught().filter_map(|taught| {
            let ceiling = u64::from(taught.rate.ceiling()?);
            let ratio = u64::from(taught.rate.limit()) * u64::from(WHOLE);
            // Not one request less, for a fraction.
            u32::try_from(ratio.div_ceil(ceiling.max(1))).ok()
        });
        ratios.min().unwrap_or(WHOLE)
    }

    /// What the quota admits in the windows that were cut.
    pub(in crate::request_pacing) fn ceilings(&self) -> impl Iterator<Item = (Duration, u32)> {
        self.taught()
            .filter_map(|taught| Some((taught.length, taught.rate.ceiling()?)))
    }

    fn taught(&self) -> impl Iterator<Item = &Taught> {
        self.short.iter().chain(&self.long)
    }
}
