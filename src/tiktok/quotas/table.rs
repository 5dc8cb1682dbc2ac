//! The endpoints that have limits of their own.
//!
//! From TikTok's page on rate limits (`portal/docs/rate-limits/v1.3`), as of
//! August 2026. Where two of its pages differ, the stricter one is taken.

use super::{AccessLevel, Limits};

/// At Basic, Advanced, Premium and Ultimate.
type Row = (&'static [&'static str], [Limits; 4]);

const fn row(second: u32, minute: u32, day: u32) -> Limits {
    Limits::of(second, minute, day)
}

const fn same(limits: Limits) -> [Limits; 4] {
    [limits; 4]
}

const OWN: &[Row] = &[
    (
        &["/ad/create/"],
        [
            row(5, 150, 86_400),
            row(10, 200, 86_400),
            row(10, 300, 86_400),
            row(15, 300, 86_400),
        ],
    ),
    (
        &[
            "/creative/quick_optimization/create/",
            "/creative/smart_video/create/",
            "/video_template/task/create/",
        ],
        [
            row(1, 30, 5_000),
            row(2, 60, 10_000),
            row(3, 180, 15_000),
            row(3, 180, 15_000),
        ],
    ),
    (
        &["/catalog/product/file/", "/catalog/product/upload/"],
        [
            row(5, 300, 432_000),
            row(5, 300, 432_000),
            row(10, 600, 864_000),
            row(10, 600, 864_000),
        ],
    ),
    (
        &["/catalog/product/update/", "/catalog/product/delete/"],
        [
            row(2, 120, 172_800),
            row(2, 120, 172_800),
            row(5, 300, 432_000),
            row(5, 300, 432_000),
        ],
    ),
    // The page on limits says 2 a second; the endpoint's own page and the
    // questions on reporting say 1.
    (&[REPORTS], same(row(1, 60, 4_500))),
    (&["/campaign/copy/task/create/"], same(row(1, 30, 432_000))),
    (&["/campaign/copy/task/check/"], same(row(2, 60, 864_000))),
    (
        &["/gmv_max/report/get/"],
        [
            row(8, 240, 20_000),
            row(12, 360, 30_000),
            row(20, 600, 50_000),
            row(20, 600, 50_000),
        ],
    ),
    (EVENTS, same(row(1_000, 600_000, 86_400_000))),
];

/// Where events are reported. The account of such a request is the pixel, or
/// whatever else the events come from.
pub(super) const EVENTS: &[&str] = &[
    "/event/track/",
    "/app/track/",
    "/app/batch/",
    "/pixel/track/",
    "/pixel/batch/",
    "/offline/track/",
    "/offline/batch/",
];

/// Where reports are ordered.
pub(super) const REPORTS: &str = "/report/task/create/";

/// Reports that an advertiser may order in an hour, by the endpoint's own
/// page.
pub(super) const REPORTS_AN_HOUR: u32 = 500;

/// Calls of an advertiser to an endpoint in a second. No page says how many;
/// refusals that were seen speak of 20.
pub(super) const ADVERTISER_A_SECOND: u32 = 20;

/// The endpoints with limits of their own at this level.
pub(super) fn own(level: AccessLevel) -> impl Iterator<Item = (&'static str, Limits)> {
    let column = match level {
        AccessLevel::Basic => Some(0),
        AccessLevel::Advanced => Some(1),
        AccessLevel::Premium => Some(2),
        AccessLevel::Ultimate => Some(3),
        AccessLevel::Sandbox | AccessLevel::Custom(_) => None,
    };
    column.into_iter().flat_map(|column| {
        let columns = OWN
            .iter()
            .map(move |(paths, levels)| (*paths, levels[column]));
        columns.flat_map(|(paths, limits)| paths.iter().map(move |path| (*path, limits)))
    })
}
