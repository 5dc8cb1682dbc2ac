//! The endpoint under load, and the files that live off it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;
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
const ALERTS_TEST: &str = include_str!("alerts_test.yml");
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

/// The queries of the rules, each with the text that it is shown with.
fn rules() -> Vec<(String, String)> {
    let rules = ALERTS.split("- alert:").skip(1);
    let queries = rules.map(|rule| {
        let (_, query) = rule.split_once("expr:").unwrap();
        // What follows is another key of the rule, less deeply indented.
        let end = ["        for:", "        labels:"];
        let end = end.iter().filter_map(|key| query.find(key)).min();
        (query[..end.unwrap()].to_owned(), rule.to_owned())
    });
    queries.collect()
}

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Those of the dashboard, with their legends.
fn panels() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let targets = list(&dashboard, "panels")
        .iter()
        .flat_map(|panel| list(panel, "targets"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    targets
        .map(|target| (text(&target["expr"]), text(&target["legendFormat"])))
        .collect()
}

/// The metrics in a query: how each is written, what is asked of its labels, and
/// what stands before it.
fn selectors(query: &str) -> Vec<(&str, &str, &str)> {
    let starts = ["api_client_", "http_client_request_"];
    let starts = starts.iter().flat_map(|start| query.match_indices(start));
    let mut found: Vec<_> = starts
        .map(|(at, _)| {
            let end = query[at..].find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
            let (name, rest) = query[at..].split_at(end.unwrap_or(query.len() - at));
            let matchers = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            (name, matchers.map_or("", |it| it.0), &query[..at])
        })
        .collect();
    found.sort_by_key(|(.., before)| before.len());
    found
}

#[test]
fn queries_ask_for_labels_and_values_that_exist() {
    let known = table();
    let known_values = values();
    let queries: Vec<_> = rules().into_iter().chain(panels()).collect();
    assert_eq!(queries.len(), 7 + 26);
    for (query, shown) in queries {
        let mut labels: BTreeSet<String> = ["job".to_owned()].into();
        for (name, matchers, before) in selectors(&query) {
            let of_table = &known[family(name)];
            labels.extend(of_table.iter().cloned());
            if name.ends_with("_bucket") {
                labels.insert("le".to_owned());
            }
            // A counter is read by how it grows, or as what was not there before.
            let grows = before.ends_with("rate(") || before.ends_with("increase(");
            let is_new = query.contains(&format!("{name}{{{matchers}}} unless"))
                || before.ends_with("unless ");
            let counts = name.ends_with("_total") || name.ends_with("_bucket");
            assert_eq!(grows || is_new, counts, "{query}");
            for matcher in matchers.split(',').filter(|it| !it.is_empty()) {
                let (label, value) = matcher.trim().split_once('=').unwrap();
                let value = value.trim_start_matches('~').trim_matches('"');
                assert!(labels.contains(label), "{label} in {query}");
                for value in value.split('|').filter(|value| !value.starts_with('$')) {
                    let known = known_values[label].contains(&value);
                    assert!(known, "{label}={value} in {query}");
                }
            }
        }
        let by = query.split("by (").skip(1).flat_map(|rest| {
            let (by, _) = rest.split_once(')').unwrap();
            by.split(',').map(str::trim)
        });
        let by: BTreeSet<&str> = by.collect();
        for label in &by {
            assert!(labels.contains(*label), "by {label} in {query}");
        }
        // What is shown of a label is left after the sum.
        let shown = shown.replace("$labels.", "").replace("$value", "job");
        for label in shown.split("{{").skip(1) {
            let label = label.split(['}', '|']).next().unwrap().trim();
            assert!(by.contains(label) || label == "job", "{label} of {query}");
        }
    }
}

/// Which values a label can have, as far as queries ask for them.
fn values() -> BTreeMap<&'static str, Vec<&'static str>> {
    use tower_tiktok::{
        classify::{ErrorClass, ThrottleScope},
        throttle_alert::AlertState,
    };
    [
        ("class", vec![ErrorClass::TokenInvalid.as_str()]),
        ("outcome", vec!["success", "failure"]),
        ("scope", vec![ThrottleScope::App.as_str()]),
        ("state", vec![AlertState::Raised.as_str()]),
    ]
    .into()
}

#[test]
fn each_rule_is_shown_to_call_somebody() {
    for (_, rule) in rules() {
        let name = rule.lines().next().unwrap().trim();
        let calls = ALERTS_TEST
            .split(&format!("alertname: {name}\n"))
            .nth(1)
            .is_some_and(|rest| rest.trim_start().starts_with("eval_time"));
        assert!(calls, "{name}");
    }
}

/// What Grafana asks of a dashboard, and what a reader does.
#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard = dashboard();
    for (key, is_so) in [
        ("title", Value::is_string as fn(&Value) -> bool),
        ("schemaVersion", Value::is_u64),
        ("panels", Value::is_array),
        ("templating", Value::is_object),
        ("annotations", Value::is_object),
    ] {
        assert!(is_so(&dashboard[key]), "{key}");
    }
    let uid = dashboard["uid"].as_str().unwrap();
    assert!((8..=40).contains(&uid.len()));
    let variables: BTreeSet<_> = list(&dashboard["templating"], "list")
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    let built_in = ["__rate_interval", "__range"];
    for used in DASHBOARD.split('$').skip(1) {
        let used = used.trim_start_matches('{');
        let end = used.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let used = &used[..end.unwrap()];
        assert!(
            variables.contains(used) || built_in.contains(&used),
            "{used}"
        );
    }
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard, "panels") {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|it| panel["gridPos"][it].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{title}");
        for column in x..x + w {
            for row in y..y + h {
                assert!(taken.insert((column, row)), "{title} lies on another");
            }
        }
        let options = &panel["options"];
        let asked: &[&str] = match panel["type"].as_str().unwrap() {
            "row" => {
                assert!(panel["panels"].is_array() && panel["collapsed"].is_boolean());
                continue;
            }
            "stat" => &[
                "reduceOptions",
                "textMode",
                "colorMode",
                "graphMode",
                "orientation",
            ],
            "timeseries" => {
                assert!(options["legend"]["showLegend"].is_boolean(), "{title}");
                &["legend", "tooltip"]
            }
            other => panic!("{title} is a {other}"),
        };
        assert!(asked.iter().all(|key| !options[key].is_null()), "{title}");
        assert!(
            !panel["description"].as_str().unwrap().is_empty(),
            "{title}"
        );
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let defaults = &panel["fieldConfig"]["defaults"];
        let unit = defaults["unit"].as_str().unwrap();
        assert!(
            ["s", "short", "percentunit", "reqps", "ops"].contains(&unit),
            "{title}"
        );
        let mut refs = BTreeSet::new();
        for target in list(panel, "targets") {
            let query = target["expr"].as_str().unwrap();
            assert!(refs.insert(target["refId"].as_str().unwrap()), "{title}");
            assert!(query.contains("{job=~\"$job\""), "{title}");
            let seconds = query.contains("_seconds");
            assert_eq!(unit == "s", seconds, "{title}");
        }
        assert!(!refs.is_empty(), "{title}");
    }
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
