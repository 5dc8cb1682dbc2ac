//! The page that lists all codes says what the classifier goes by.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

use std::fmt::Write;

use tower_tiktok::{
    classify::{ApiCode, ErrorClass},
    tiktok::codes::{Api, CodeTable, WriteRetry},
};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tiktok/codes/REFERENCE.md");

const HEAD: &str = "\
What each code means, why it is given, and what a person can do about it.

This page is made from the tables that the classifier goes by, so it says what
the layers do. [`CodeTable`](super::CodeTable) answers the same at run time, and
[`Classification`](crate::classify::Classification) bears it with each answer. A
word in capitals is the constant of the official SDK, where no official text was
found. The errors that guides know by name have a page of their own:
[`errors`](crate::tiktok::errors).

Whether a write that got the code may be sent again: **yes**, it was turned away
before anything was done; **no**, it may have been carried out or would fail
again; **?**, nobody knows, and it is not sent again.
";

/// Every number that any table may have.
fn numbers() -> impl Iterator<Item = ApiCode> {
    let all = (-10_000..120_000).chain(2_199_000..2_201_000);
    all.chain(36_000_000..36_020_000).map(ApiCode::Number)
}

/// The words of the v2 API, by its data sheet.
fn words() -> impl Iterator<Item = ApiCode> {
    let mut words: Vec<_> = include_str!("data/codes_other_apis.csv")
        .split([',', '\n'])
        .collect();
    words.sort_unstable();
    words.dedup();
    words.into_iter().map(ApiCode::from)
}

fn section(page: &mut String, name: &str, api: Api, codes: impl Iterator<Item = ApiCode>) {
    let table = CodeTable::new(api);
    write!(
        page,
        "\n# {name}\n\n| code | class | write again | cause | what to do |\n|---|---|---|---|---|\n"
    )
    .unwrap();
    for code in codes {
        let Some(rule) = table.rule(&code) else {
            continue;
        };
        let again = match rule.write_retry() {
            WriteRetry::Safe => "yes",
            WriteRetry::Unsafe => "no",
            _ => "?",
        };
        let (cause, remedy) = match rule.class() {
            ErrorClass::Success => ("it worked", ""),
            _ => (rule.cause(), rule.remedy()),
        };
        let class = rule.class();
        writeln!(
            page,
            "| {code} | {class:?} | {again} | {cause} | {remedy} |"
        )
        .unwrap();
    }
}

/// With `UPDATE_REFERENCE` set, the page is brought up to date.
#[test]
fn the_reference_says_what_the_tables_say() {
    let mut page = HEAD.to_owned();
    let marketing = "Marketing API and Events API";
    section(&mut page, marketing, Api::Marketing, numbers());
    let v2 = "The v2 API and its OAuth endpoints";
    section(&mut page, v2, Api::OpenV2, words());
    section(&mut page, "TikTok Shop", Api::Shop, numbers());
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap();
    assert!(kept == page, "run this test once with UPDATE_REFERENCE=1");
}

#[test]
fn every_code_but_a_success_has_a_cause_and_a_remedy() {
    let table = CodeTable::new(Api::Marketing);
    let rules: Vec<_> = numbers()
        .filter_map(|code| table.rule(&code).cloned())
        .collect();
    assert_eq!(rules.len(), 173);
    for rule in rules {
        let is_success = rule.class().is_success();
        assert_eq!(rule.cause().is_empty(), is_success, "{rule:?}");
        assert_eq!(rule.remedy().is_empty(), is_success, "{rule:?}");
    }
}
