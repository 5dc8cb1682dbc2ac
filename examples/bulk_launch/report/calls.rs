//! Admitted and refused calls over time, against the limit.

use std::time::Duration;

use super::{
    axis::{Axis, LENGTH},
    buckets::{together, width},
    chart::{Chart, Table, bar},
    text::number,
};
use crate::record::Calls;

/// What the chart of some calls is about.
#[derive(Debug)]
pub(crate) struct CallsChart<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) says: &'a str,
    pub(crate) calls: &'a [Calls],
    /// How many calls a second the server lets pass, if one number says it.
    pub(crate) limit: Option<u64>,
    /// When the server let nothing pass at all.
    pub(crate) shut: &'a [(Duration, Duration)],
    /// The last second and the largest number that the axes must hold.
    pub(crate) seconds: usize,
    pub(crate) most: u64,
}

/// The most calls in one second.
pub(crate) fn most(calls: &[Calls]) -> u64 {
    let sums = calls.iter().map(|calls| calls.admitted + calls.refused);
    sums.max().unwrap_or(0)
}

pub(crate) fn total(calls: &[Calls]) -> Calls {
    Calls {
        admitted: calls.iter().map(|calls| calls.admitted).sum(),
        refused: calls.iter().map(|calls| calls.refused).sum(),
    }
}

impl CallsChart<'_> {
    pub(crate) fn draw(&self) -> String {
        let wide = width(self.seconds);
        let columns = together(self.calls, wide);
        let x = Axis::time(self.seconds as u64);
        // The limit is not to lie on the edge.
        let above = self.limit.unwrap_or(0) as f64 * 1.05;
        let y = Axis::count(above.max(self.most as f64));
        let mut marks = String::new();
        for (from, until) in self.shut {
            let sides = (x.at(from.as_secs_f64()), x.at(until.as_secs_f64()));
            marks += &bar("shut", sides, (0.0, LENGTH));
        }
        for (n, column) in columns.iter().enumerate() {
            let sides = self.sides(&x, n, wide);
            let mean = |calls: u64| calls as f64 / wide as f64;
            let admitted = y.down(mean(column.admitted));
            let all = y.down(mean(column.admitted + column.refused));
            marks += &bar("admitted", sides, (admitted, LENGTH));
            marks += &bar("refused", sides, (all, admitted));
        }
        let mut legend = vec![("admitted", "admitted".to_owned())];
        if total(self.calls).refused > 0 {
            legend.push(("refused", "refused".to_owned()));
        }
        if !self.shut.is_empty() {
            legend.push(("shut", "suspended".to_owned()));
        }
        if let Some(limit) = self.limit {
            let at = y.down(limit as f64);
            marks += &format!("<path class=\"limit\" d=\"M0 {at}H{LENGTH}\"/>");
            legend.push(("limit", format!("limit, {} a second", number(limit))));
        }
        Chart {
            id: self.id,
            title: self.title,
            says: self.says,
            unit: "calls a second",
            legend: &legend,
            x: &x,
            y: &y,
            height: None,
            marks: &marks,
            figures: Some(&figures(&columns, wide)),
        }
        .to_string()
    }

    fn sides(&self, x: &Axis, column: usize, wide: usize) -> (f64, f64) {
        let left = x.at((column * wide) as f64);
        let right = x.at(((column + 1) * wide) as f64);
        let gap = (right - left) * 0.08;
        (left + gap, right - gap)
    }
}

fn figures(columns: &[Calls], wide: usize) -> Table {
    let head = ["from second", "admitted", "refused"];
    let rows = columns.iter().enumerate().map(|(n, calls)| {
        vec![
            number((n * wide) as u64),
            number(calls.admitted),
            number(calls.refused),
        ]
    });
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}
