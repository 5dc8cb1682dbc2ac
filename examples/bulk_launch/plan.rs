//! What is to be done: how many of each step, and for whom.

use crate::args::Args;

/// A kind of request, and so a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Campaign,
    AdGroup,
    Upload,
    Video,
    Ad,
    Report,
}

impl Step {
    pub(crate) const ALL: [Self; 6] = [
        Self::Campaign,
        Self::AdGroup,
        Self::Upload,
        Self::Video,
        Self::Ad,
        Self::Report,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Campaign => "campaigns",
            Self::AdGroup => "ad groups",
            Self::Upload => "uploads",
            Self::Video => "videos",
            Self::Ad => "ads",
            Self::Report => "reports",
        }
    }
}

/// The launch: for each advertiser a campaign, an ad group, a video and its
/// ads, each needing the one before; and for some a report in the background.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) advertisers: Vec<String>,
    pub(crate) ads: usize,
}

/// One advertiser in so many wants a report.
const REPORT_EVERY: usize = 4;

impl Plan {
    pub(crate) fn new(args: &Args) -> Self {
        let advertisers = match &args.advertiser_ids[..] {
            [] => (0..args.advertisers)
                .map(|n| (7_000_000_000_000_000_001 + n as u64).to_string())
                .collect(),
            ids => ids.to_vec(),
        };
        Self {
            advertisers,
            ads: args.ads,
        }
    }

    pub(crate) fn wants_report(&self, advertiser: usize) -> bool {
        advertiser.is_multiple_of(REPORT_EVERY)
    }

    /// All steps of one advertiser.
    pub(crate) fn steps(&self, advertiser: usize) -> usize {
        let before_ads = 4;
        before_ads + self.ads + usize::from(self.wants_report(advertiser))
    }

    pub(crate) fn total(&self, step: Step) -> u64 {
        let advertisers = self.advertisers.len();
        let total = match step {
            Step::Ad => advertisers * self.ads,
            Step::Report => advertisers.div_ceil(REPORT_EVERY),
            _ => advertisers,
        };
        total as u64
    }
}
