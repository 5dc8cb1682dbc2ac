use std::fmt::Write;

use crate::{
    outcome::Summary,
    results::Results,
    scenario::{Goal, Scenario},
};

macro_rules! line {
    ($to:expr, $($what:tt)*) => {
        writeln!($to, $($what)*).expect("a string takes everything")
    };
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 210.0;
const GAP: (f64, f64) = (62.0, 78.0);
const COLUMNS: usize = 4;
const TOP: f64 = 70.0;

/// Ratios from 1 to here are drawn to scale; the rest, and what never
/// finished, has a strip of its own at the right.
const WIDEST: f64 = 1.3;
const STRIP: f64 = 52.0;

/// Shares below one in ten thousand are drawn as none.
const LEAST: f64 = 1e-4;

const COLOURS: [&str; 16] = [
    "#7f7f7f", "#c7a76c", "#c6dbef", "#9ecae1", "#4292c6", "#08519c", "#c7e9c0", "#74c476",
    "#238b45", "#9467bd", "#c5b0d5", "#e377c2", "#ff7f0e", "#8c564b", "#d62728", "#17becf",
];

/// Waste against makespan ratio, a panel for each scenario of the issue's
/// table or, if none of them was run, for each that was.
pub(crate) fn svg(results: &Results) -> String {
    let some_main = results.scenarios.iter().any(|scenario| scenario.main);
    let scenarios: Vec<_> = results
        .scenarios
        .iter()
        .enumerate()
        .filter(|(_, scenario)| scenario.main || !some_main)
        .collect();
    let clients = results.clients();
    let columns = scenarios.len().clamp(1, COLUMNS);
    let rows = scenarios.len().div_ceil(columns);
    let width = (columns as f64 * (WIDTH + GAP.0) + GAP.0).max(420.0);
    let legend = TOP + rows as f64 * (HEIGHT + GAP.1) + 8.0;
    let in_a_row = ((width - GAP.0) / 210.0) as usize;
    let height = legend + clients.len().div_ceil(in_a_row) as f64 * 20.0 + 20.0;

    let mut text = String::new();
    line!(
        text,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="11" fill="#333">"##
    );
    line!(
        text,
        r##"<rect width="100%" height="100%" fill="#ffffff"/>"##
    );
    line!(
        text,
        r#"<text x="{}" y="24" font-size="16" font-weight="bold">Refused calls against makespan: lower left is better</text>"#,
        GAP.0
    );
    line!(
        text,
        r#"<text x="{}" y="42">across: makespan over that of a clairvoyant client; up: share of the calls that were refused; red ring: suspended in some seed; green corner: the goal for pacing; median of {} seeds</text>"#,
        GAP.0,
        results.seeds
    );
    for (place, (number, scenario)) in scenarios.iter().enumerate() {
        let x = GAP.0 + (place % columns) as f64 * (WIDTH + GAP.0);
        let y = TOP + (place / columns) as f64 * (HEIGHT + GAP.1) + 14.0;
        axes(&mut text, scenario, x, y);
        if let Some(goal) = scenario.goal {
            target(&mut text, goal, x, y);
        }
        for row in results.on(*number) {
            let client = clients.iter().position(|name| *name == row.client);
            point(&mut text, client.unwrap_or(0), &row.summary, x, y);
        }
    }
    for (number, name) in clients.iter().enumerate() {
        let x = GAP.0 + (number % in_a_row) as f64 * 210.0;
        let y = legend + (number / in_a_row) as f64 * 20.0;
        mark(&mut text, number, x + 6.0, y);
        line!(
            text,
            r#"<text x="{}" y="{}">{name}</text>"#,
            x + 18.0,
            y + 4.0
        );
    }
    line!(text, "</svg>");
    text
}

fn axes(text: &mut String, scenario: &Scenario, x: f64, y: f64) {
    let (right, bottom) = (x + WIDTH, y + HEIGHT);
    line!(
        text,
        r#"<text x="{x}" y="{}" font-weight="bold">{}</text>"#,
        y - 8.0,
        scenario.id
    );
    let title: String = scenario.title.chars().take(48).collect();
    let more = if title.len() < scenario.title.len() {
        " ..."
    } else {
        ""
    };
    line!(
        text,
        r#"<text x="{}" y="{}">{title}{more}</text>"#,
        x + 26.0,
        y - 8.0
    );
    line!(
        text,
        r##"<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="#fafafa" stroke="#999"/>"##
    );
    let strip = right - STRIP;
    line!(
        text,
        r##"<rect x="{strip}" y="{y}" width="{STRIP}" height="{HEIGHT}" fill="#f0eaea" stroke="#ccc"/>"##
    );
    for ratio in [1.0, 1.05, 1.1, 1.15, 1.2, 1.25] {
        let at = across(ratio, x);
        line!(
            text,
            r##"<line x1="{at}" y1="{y}" x2="{at}" y2="{bottom}" stroke="#e4e4e4"/>"##
        );
        line!(
            text,
            r#"<text x="{at}" y="{}" text-anchor="middle">{ratio}</text>"#,
            bottom + 14.0
        );
    }
    for (at, label) in [(STRIP - 13.0, "more"), (13.0, "never")] {
        line!(
            text,
            r#"<text x="{}" y="{}" text-anchor="middle" font-size="9">{label}</text>"#,
            right - at,
            bottom + 14.0
        );
    }
    for (share, label) in [
        (0.0, "0"),
        (1e-3, "0.1 %"),
        (1e-2, "1 %"),
        (0.1, "10 %"),
        (1.0, "100 %"),
    ] {
        let at = up(share, y);
        line!(
            text,
            r##"<line x1="{x}" y1="{at}" x2="{strip}" y2="{at}" stroke="#e4e4e4"/>"##
        );
        line!(
            text,
            r#"<text x="{}" y="{}" text-anchor="end">{label}</text>"#,
            x - 5.0,
            at + 4.0
        );
    }
}

/// The corner that pacing is to stay inside of.
fn target(text: &mut String, goal: Goal, x: f64, y: f64) {
    let (right, top) = (across(goal.ratio, x), up(goal.refused, y));
    let (width, height) = (right - x, y + HEIGHT - top);
    line!(
        text,
        r##"<rect x="{x}" y="{top:.1}" width="{width:.1}" height="{height:.1}" fill="#2ca02c" fill-opacity="0.12" stroke="#2ca02c" stroke-dasharray="3 2"/>"##
    );
}

fn point(text: &mut String, client: usize, summary: &Summary, x: f64, y: f64) {
    let (at, height) = (across(summary.ratio, x), up(summary.refused, y));
    if summary.suspensions > 0 {
        line!(
            text,
            r##"<circle cx="{at:.1}" cy="{height:.1}" r="9" fill="none" stroke="#d62728"/>"##
        );
    }
    mark(text, client, at, height);
}

/// A number on a colour, so that no colour has to be told from another.
fn mark(text: &mut String, client: usize, x: f64, y: f64) {
    let colour = COLOURS[client % COLOURS.len()];
    line!(
        text,
        r##"<circle cx="{x:.1}" cy="{y:.1}" r="6.5" fill="{colour}" fill-opacity="0.85" stroke="#333" stroke-width="0.5"/><text x="{x:.1}" y="{:.1}" text-anchor="middle" font-size="8" fill="#000">{}</text>"##,
        y + 3.0,
        client + 1
    );
}

fn across(ratio: f64, x: f64) -> f64 {
    let right = x + WIDTH;
    if !ratio.is_finite() {
        return right - 13.0;
    }
    if ratio > WIDEST {
        return right - STRIP + 13.0;
    }
    let scale = (WIDTH - STRIP - 24.0) / (WIDEST - 1.0);
    x + 14.0 + (ratio - 1.0).max(-0.01) * scale
}

fn up(share: f64, y: f64) -> f64 {
    let bottom = y + HEIGHT - 12.0;
    if share < LEAST {
        return bottom;
    }
    let decades = (share / LEAST).log10();
    bottom - 16.0 - decades * (HEIGHT - 40.0) / 4.0
}
