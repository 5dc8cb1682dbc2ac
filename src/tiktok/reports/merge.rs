use std::sync::Arc;

use http::{Uri, uri::PathAndQuery};

use crate::{report_batching::Part, tiktok::context::query::pairs};

/// The most rows that a page may have.
pub(super) const MAX_ROWS: u64 = 1_000;

/// As many rows as a page has if nobody says.
const DEFAULT_ROWS: u64 = 10;

/// More advertisers than this are refused.
pub(super) const MAX_MEMBERS: usize = 5;

/// What a report asks for of a group, if it can be merged.
pub(super) fn part(uri: &Uri) -> Option<Part> {
    let query = uri.query()?;
    let (mut advertiser, mut level, mut kind, mut names_it) = (None, false, false, false);
    let mut rest = Vec::new();
    for (name, value) in pairs(query) {
        match &*name {
            "advertiser_id" | "advertiser_ids" if advertiser.is_some() => return None,
            "advertiser_id" => advertiser = Some(value),
            "advertiser_ids" => advertiser = Some(only_one(&value)?),
            // The first page only, whose length is that of the merged one.
            "page" if value != "1" => return None,
            "page" | "page_size" => {}
            "filtering" | "filters" | "bc_id" | "multi_adv_report_in_utc_time" => return None,
            _ => {
                level |= name == "data_level" && value == "AUCTION_ADVERTISER";
                kind |= name == "report_type" && matches!(&*value, "BASIC" | "AUDIENCE");
                names_it |= name == "dimensions" && value.contains("\"advertiser_id\"");
                rest.push((name, value));
            }
        }
    }
    let advertiser = advertiser.filter(|id| !id.is_empty() && id.bytes().all(is_digit))?;
    if !(level && kind && names_it) {
        return None;
    }
    // In one order, so that the same questions are one.
    rest.sort_unstable();
    Some(Part::new(with_query(uri, &rest)?, advertiser))
}

/// The report about all of these.
pub(super) fn merged(group: &Uri, members: &[Arc<str>]) -> Option<Uri> {
    if members.len() > MAX_MEMBERS {
        return None;
    }
    let ids: Vec<String> = members.iter().map(|id| format!("\"{id}\"")).collect();
    let mut params: Vec<_> = pairs(group.query()?).collect();
    params.push(("advertiser_ids".to_owned(), format!("[{}]", ids.join(","))));
    params.push(("page".to_owned(), "1".to_owned()));
    params.push(("page_size".to_owned(), MAX_ROWS.to_string()));
    with_query(group, &params)
}

/// How many rows a report asks for.
pub(super) fn page_size(uri: &Uri) -> Option<u64> {
    let mut params = pairs(uri.query()?);
    match params.find(|(name, _)| name == "page_size") {
        None => Some(DEFAULT_ROWS),
        Some((_, size)) => size
            .parse()
            .ok()
            .filter(|size| (1..=MAX_ROWS).contains(size)),
    }
}

fn with_query(uri: &Uri, params: &[(String, String)]) -> Option<Uri> {
    let mut text = uri.path().to_owned();
    for (at, (name, value)) in params.iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        encode(name, &mut text);
        text.push('=');
        encode(value, &mut text);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn only_one(ids: &str) -> Option<String> {
    let ids: Vec<String> = serde_json::from_str(ids).ok()?;
    <[String; 1]>::try_from(ids).ok().map(|[id]| id)
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "https://a.example/open_api/v1.3/report/integrated/get/?report_type=BASIC\
        &data_level=AUCTION_ADVERTISER&dimensions=%5B%22advertiser_id%22%5D&advertiser_id=7001";

    fn part(uri: &str) -> Option<Part> {
        super::part(&uri.parse().unwrap())
    }

    #[test]
    fn reports_that_differ_in_the_advertiser_are_a_group() {
        let one = part(REPORT);
        assert!(one.is_some());
        let other = part(&REPORT.replace("7001", "7002"));
        assert_ne!(one, other);
        let reordered = "https://a.example/open_api/v1.3/report/integrated/get/?advertiser_id=7001\
            &dimensions=%5B%22advertiser_id%22%5D&page_size=20&data_level=AUCTION_ADVERTISER\
            &report_type=BASIC";
        assert_eq!(part(reordered), one);
    }

    #[test]
    fn what_cannot_be_dealt_out_again_is_not_merged() {
        for (from, to) in [
            ("report_type=BASIC", "report_type=BC"),
            ("AUCTION_ADVERTISER", "AUCTION_CAMPAIGN"),
            ("%22advertiser_id%22", "%22stat_time_day%22"),
            ("advertiser_id=7001", "advertiser_id=7001&page=2"),
            ("advertiser_id=7001", "advertiser_id=7001&filtering=%5B%5D"),
            (
                "advertiser_id=7001",
                "advertiser_id=7001&advertiser_id=7002",
            ),
            ("advertiser_id=7001", "advertiser_ids=%5B%221%22,%222%22%5D"),
            ("advertiser_id=7001", "advertiser_id=a%22b"),
            ("advertiser_id=7001", "x=y"),
        ] {
            let changed = REPORT.replace(from, to);
            assert_ne!(changed, REPORT);
            assert_eq!(part(&changed), None, "{to}");
        }
    }

    #[test]
    fn a_merged_report_asks_for_all() {
        let group: Uri = "/report/integrated/get/?a=%5B1%5D".parse().unwrap();
        let ids: Vec<Arc<str>> = ["1", "2"].map(Arc::from).to_vec();
        let merged = merged(&group, &ids).unwrap().to_string();
        assert_eq!(
            merged,
            "/report/integrated/get/?a=%5B1%5D&advertiser_ids=%5B%221%22%2C%222%22%5D\
            &page=1&page_size=1000"
        );
    }
}
