//! What a scrape finds, read as Prometheus reads it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use crate::AnyError;

/// The name of a time series, and its labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// Scrapes as Prometheus does.
pub(crate) async fn scrape(url: &str) -> Result<String, AnyError> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client.get(url.parse()?).await?;
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}

/// Each sample; comments are left out.
pub(crate) fn samples(text: &str) -> Vec<(Series, f64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(sample).collect()
}

fn sample(line: &str) -> Option<(Series, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (series, ""),
    };
    // No value of ours has a comma or a quote in it.
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    let labels = pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()));
    let series = Series {
        name: name.to_owned(),
        labels: labels.collect(),
    };
    Some((series, value.parse().ok()?))
}
