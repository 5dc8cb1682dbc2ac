//! The endpoint under load, and the files that live off it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::net::TcpListener;
use tower_tiktok::simulator::{Fault, Script};

use crate::{
    exposition::{Series, samples, scrape},
    load::launch,
    service::Service,
};

const TABLE: &str = include_str!("../../src/metrics/mod.rs");
const NAMES: &str = include_str!("../../src/metrics/names.rs");
const ALERTS: &str = include_str!("alerts.yml");
const DASHBOARD: &str = include_str!("dashboard.json");

/// Each metric of the table in the documentation: its name in Prometheus, with
/// its unit and what Prometheus adds, and its labels.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let rows = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`"));
    let rows = rows.map(|row| {
        let (name, row) = row.split_once('`').unwrap();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let &[_, kind, unit, labels, ..] = &cells[..] else {
            panic!("a row has four cells: {row}");
        };
        let mut name = name.replace('.', "_");
        if unit == "seconds" {
            name += "_seconds";
        }
        if kind == "counter" {
            name += "_total";
        }
        // The values that are listed follow a colon.
        let labels = labels.split(": `").next().unwrap();
        let labels = labels.split('`').skip(1).step_by(2);
        let labels = labels.map(|label| label.replace('.', "_"));
        (name, labels.collect())
    });
    rows.collect()
}

/// The metric that a series belongs to.
fn family(name: &str) -> &str {
    let suffixes = ["_bucket", "_sum", "_count"];
    let stripped = suffixes.iter().find_map(|it| name.strip_suffix(it));
    stripped.unwrap_or(name)
}

/// Every word in a text that is one of our names.
fn used(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = words
        .filter(|word| word.starts_with("api_client_") || word.starts_with("http_client_request_"));
    ours.map(family).collect()
}

fn series(text: &str) -> BTreeSet<Series> {
    samples(text)
        .into_iter()
        .map(|(series, _)| series)
        .collect()
}

#[test]
fn the_table_has_every_name_that_there_is() {
    let names = NAMES
        .lines()
        .filter_map(|line| line.split_once("&str = \""));
    let names: BTreeSet<String> = names
        .map(|(_, name)| name.trim_end_matches("\";").replace('.', "_"))
        .collect();
    let known = table();
    assert_eq!(known.len(), names.len());
    for name in known.keys() {
        let bare = name.trim_end_matches("_total").trim_end_matches("_seconds");
        assert!(names.contains(bare), "{bare}");
    }
}

#[test]
fn alerts_and_dashboard_use_names_that_exist() {
    let known = table();
    for (file, text) in [("alerts.yml", ALERTS), ("dashboard.json", DASHBOARD)] {
        let used = used(text);
        assert!(used.len() > 5, "{file} uses {used:?}");
        for name in used {
            assert!(known.contains_key(name), "{file}: {name}");
        }
    }
    // What nobody looks at would be recorded for nothing.
    let shown = used(DASHBOARD);
    for name in known.keys() {
        assert!(shown.contains(name.as_str()), "the dashboard lacks {name}");
    }
    assert!(serde_json::from_str::<serde_json::Value>(DASHBOARD).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_under_load_finds_what_the_table_says_however_many_accounts() {
    let (service, simulator) = Service::start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let router = service.router();
    tokio::spawn(async move { axum::serve(listener, router).await });

    // What goes wrong goes wrong for few accounts, so that many bring nothing
    // new but themselves.
    for fault in [
        Fault::EdgeThrottle {
            retry_after: Duration::from_secs(1),
        },
        Fault::WriteConflict,
    ] {
        simulator.script(Script::new(fault).skip(20));
    }
    launch(&service, 300, 10).await.unwrap();
    let few = series(&scrape(&url).await.unwrap());

    let load = tokio::spawn({
        let service = service.clone();
        async move { launch(&service, 10_000, 10_000).await }
    });
    let mut scrapes = 0;
    while !load.is_finished() {
        let text = scrape(&url).await.unwrap();
        assert!(text.contains("api_client_attempts_total"));
        scrapes += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    load.await.unwrap().unwrap();
    let text = scrape(&url).await.unwrap();
    let many = series(&text);
    assert!(scrapes > 3, "it was scraped {scrapes} times under load");
    assert_eq!(few, many, "more accounts are no more series");
    assert!(many.len() < 200, "{} series", many.len());

    let known = table();
    for series in &many {
        let mut labels: BTreeSet<String> = series.labels.keys().cloned().collect();
        labels.remove("le");
        let of_the_table = known.get(family(&series.name));
        assert_eq!(Some(&labels), of_the_table, "{}", series.name);
        assert!(
            series
                .labels
                .values()
                .all(|value| !value.starts_with("700"))
        );
    }
    // The same as the server has counted.
    let total = simulator.ledger().total;
    let sum = |name: &str| -> f64 {
        let samples = samples(&text).into_iter();
        let ours = samples.filter(|(series, _)| series.name == name);
        ours.map(|(_, value)| value).sum()
    };
    assert_eq!(sum("api_client_attempts_total"), total.received as f64);
    for seen in [
        "http_client_request_duration_seconds_count",
        "api_client_throttles_total",
        "api_client_resends_total",
        "api_client_wait_seconds_count",
        "api_client_holds_total",
        "api_client_limit",
        "api_client_retry_budget",
    ] {
        assert!(sum(seen) > 0.0, "{seen}");
    }
}
