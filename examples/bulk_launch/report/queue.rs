//! How many requests waited, and when a refusal kept something closed.

use super::{
    axis::{Axis, LENGTH},
    buckets::{longest, width},
    chart::{Chart, Table, bar},
    text::number,
};
use crate::record::Queued;

/// `None` where nothing looked at a queue.
pub(crate) fn draw(queue: &[Queued], seconds: usize) -> Option<String> {
    if queue.is_empty() {
        return None;
    }
    let wide = width(seconds);
    let columns = longest(queue, wide);
    let most = queue.iter().map(|it| it.requests).max().unwrap_or(0);
    let held = queue.iter().filter(|it| it.held > 0).count();
    let x = Axis::time(seconds as u64);
    let y = Axis::count(most as f64);

    let mut marks = String::new();
    let mut outline = format!("M0 {LENGTH}");
    for (n, column) in columns.iter().enumerate() {
        let sides = (x.at((n * wide) as f64), x.at(((n + 1) * wide) as f64));
        if column.held > 0 {
            marks += &bar("held", sides, (0.0, LENGTH));
        }
        let at = y.down(column.requests as f64);
        outline += &format!("V{at}H{}", sides.1);
    }
    marks += &format!("<path class=\"queue\" d=\"{outline}V{LENGTH}Z\"/>");

    let says = match held {
        0 => format!(
            "At most {} requests waited for their turn at once. No refusal closed anything.",
            number(most as u64)
        ),
        held => format!(
            "At most {} requests waited for their turn at once. In {held} seconds a refusal \
             kept something closed, and nothing was sent there.",
            number(most as u64)
        ),
    };
    let mut legend = vec![("queue", "waiting, at most".to_owned())];
    if held > 0 {
        legend.push(("held", "held by a refusal".to_owned()));
    }
    let chart = Chart {
        id: "queue",
        title: "The queue",
        says: &says,
        unit: "requests",
        legend: &legend,
        x: &x,
        y: &y,
        height: None,
        marks: &marks,
        figures: Some(&figures(&columns, wide)),
    };
    Some(chart.to_string())
}

fn figures(columns: &[Queued], wide: usize) -> Table {
    let rows = columns.iter().enumerate().map(|(n, column)| {
        vec![
            number((n * wide) as u64),
            number(column.requests as u64),
            number(column.held as u64),
        ]
    });
    Table {
        head: ["from second", "waiting, at most", "scopes held"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    }
}
