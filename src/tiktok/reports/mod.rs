//! TikTok's reads, for [report batching](crate::report_batching).
//!
//! All reads that are the same while one is under way share its answer, and
//! reports may be [kept](crate::report_batching::ReportBatchingBuilder::keep_for).
//!
//! Reports are of [low priority](crate::extensions::Priority) unless the caller
//! says otherwise: they fill what writes leave free of the limits, and have
//! every second turn once they have waited for the
//! [ageing](crate::request_pacing::RequestPacingBuilder::ageing) of the queue.
//!
//! A report of `report/integrated/get` about one advertiser can be
//! [merged](crate::report_batching::ReportBatchingBuilder::merge_within) with
//! those that differ in the advertiser only, for TikTok takes up to five. It
//! must be a basic or audience report on the level of the advertiser, whose
//! rows name it (dimension `advertiser_id`), without filters, and its first
//! page. The rows of the merged report are then dealt out by that name. Where
//! they do not all fit on a page, were cut off (`X-Tt-Ads-Throttle`), or are
//! not the advertisers' that were asked for, each report is asked for by
//! itself.
//!
//! All advertisers of a call must belong to the same user of TikTok for
//! Business, so a merge may be refused; that costs one call more. For which
//! advertiser's limit a merged call counts is not documented. So merging is off
//! unless it is asked for.
//!
//! # Timeouts
//!
//! TikTok punishes reports that time out. Ten within ten seconds, and reports
//! are cut to five a second for five minutes; twenty, and it is one; thirty,
//! and it is none. And the same report that timed out three times in ten
//! minutes is blocked for ten. So where reads are batched, the stack brakes
//! reports with [`timeout_brake()`]: no more than nine are under way, each that
//! timed out keeps its place for ten seconds, and one that timed out three
//! times is not sent for ten minutes, but fails with
//! [`TimedOutTooOften`](crate::timeout_brake::TimedOutTooOften). Ask for less
//! then: fewer days, dimensions or ids.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use tower_tiktok::{
//!     report_batching::ReportBatchingLayer,
//!     tiktok::{TikTokLayer, TikTokReads},
//! };
//!
//! let batching = ReportBatchingLayer::builder(TikTokReads::new())
//!     .merge_within(Duration::from_millis(20))
//!     .build()?;
//! let layer = TikTokLayer::builder().report_batching(batching).build();
//! # let _ = layer;
//! # Ok::<(), tower_tiktok::report_batching::InvalidReportBatching>(())
//! ```

mod brake;
mod merge;
mod reads;
mod split;

pub use self::{brake::timeout_brake, reads::TikTokReads};

/// Whether it is a report that is made while the caller waits.
fn is_report(endpoint: &str) -> bool {
    let path = endpoint.strip_suffix('/').unwrap_or(endpoint);
    // A task is asked after because its answer changes.
    (path.starts_with("/report/") || path.ends_with("/report/get"))
        && !path.starts_with("/report/task")
}
