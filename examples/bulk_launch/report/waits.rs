//! How long requests waited, as a distribution.

use std::time::Duration;

use super::{
    axis::{Axis, LENGTH},
    buckets::{BINS, histogram},
    chart::{Chart, Table, bar},
    text::{duration, number},
};
use crate::summary::percentile_ms;

pub(crate) fn draw(waits: &[Duration]) -> String {
    let bins = histogram(waits);
    let used = bins.iter().rposition(|number| *number > 0).unwrap_or(0) + 1;
    let first = bins.iter().position(|number| *number > 0).unwrap_or(0);
    let most = bins.iter().copied().max().unwrap_or(0);
    // On a phone, not all of them are shown.
    let named =
        (first..=used.min(BINS.len() - 1)).map(|n| ((n - first) as f64, duration(ms(BINS[n]))));
    let x = Axis::steps(used - first, named.collect());
    let y = Axis::count(most as f64);

    let mut marks = String::new();
    for (n, number) in bins[first..used].iter().enumerate() {
        let sides = (x.at(n as f64 + 0.04), x.at(n as f64 + 0.96));
        marks += &bar("wait", sides, (y.down(*number as f64), LENGTH));
    }
    let at = |share| duration(Duration::from_secs_f64(percentile_ms(waits, share) / 1e3));
    let half = match percentile_ms(waits, 0.50) {
        ..1.0 => "Half of the requests went at once".to_owned(),
        _ => format!("Half of the requests waited less than {}", at(0.50)),
    };
    let says = format!(
        "{half}, and all but one in a hundred waited less than {}. Time on the wire is no wait.",
        at(0.99)
    );
    Chart {
        id: "waits",
        title: "Waits",
        says: &says,
        unit: "requests, by how long each waited in all",
        legend: &[],
        x: &x,
        y: &y,
        height: None,
        marks: &marks,
        figures: Some(&figures(&bins[..used])),
    }
    .to_string()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn figures(bins: &[u64]) -> Table {
    let rows = bins.iter().enumerate().map(|(n, requests)| {
        let range = match BINS.get(n + 1) {
            Some(next) => format!("{} to {}", duration(ms(BINS[n])), duration(ms(*next))),
            None => format!("{} and more", duration(ms(BINS[n]))),
        };
        vec![range, number(*requests)]
    });
    Table {
        head: ["wait", "requests"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}
