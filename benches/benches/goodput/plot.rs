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

const WIDTH: f64 = 330.0;
const HEIGHT: f64 = 230.0;
const GAP: (f64, f64) = (66.0, 84.0);
const COLUMNS: usize = 3;
const TOP: f64 = 112.0;

/// What is above 1 is drawn to the logarithm, from here to there.
const LEAST_ABOVE: f64 = 0.01;
const MOST_ABOVE: f64 = 3.0;
/// What never finished has a strip of its own at the right.
const STRIP: f64 = 44.0;

/// Shares below one in ten thousand are drawn as none.
const LEAST: f64 = 1e-4;

/// Of a peer's mark, and of ours.
const RADIUS: f64 = 7.0;
const OUR_RADIUS: f64 = 10.5;

/// One for each kind of peer, in the order of the clients.
const COLOURS: [(&str, &str); 10] = [
    ("naive", "#adb5bd"),
    ("tower retry", "#adb5bd"),
    ("tower rate_limit", "#74c0fc"),
    ("governor", "#8ce99a"),
    ("tower-resilience", "#d0bfff"),
    ("throttle-net", "#eebefa"),
    ("AWS", "#ffd43b"),
    ("Vector", "#66d9e8"),
    ("tower-tiktok without", "#dee2e6"),
    ("tower-tiktok", OURS),
];
const OURS: &str = "#f03e3e";

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
    let (width, per_panel) = (WIDTH + GAP.0, HEIGHT + GAP.1);
    let cell = |place: usize| {
        let (column, row) = (place % COLUMNS, place / COLUMNS);
        (
            GAP.0 + column as f64 * width,
            TOP + row as f64 * per_panel + 24.0,
        )
    };
    // The legend takes what is left of the last row, if that is wide enough.
    let place = match scenarios.len() % COLUMNS {
        1 => scenarios.len(),
        _ => scenarios.len().next_multiple_of(COLUMNS),
    };
    let legend = cell(place);
    let height = legend.1 + per_panel - 24.0;
    let width = COLUMNS as f64 * width + 30.0;

    let mut text = String::new();
    line!(
        text,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#343a40">"##
    );
    line!(
        text,
        r##"<rect width="100%" height="100%" rx="10" fill="#ffffff"/>"##
    );
    line!(
        text,
        r#"<text x="{}" y="36" font-size="21" font-weight="bold">Calls refused against time taken: lower left is better</text>"#,
        GAP.0
    );
    line!(
        text,
        r#"<text x="{0}" y="60">Across: time over what a clairvoyant client needs. Up: share of the calls that were refused. Both to the logarithm; medians of {1} seeds.</text>
<text x="{0}" y="79">Green: the goal for pacing. Ring: suspended by the server, with some seed. A line leads from a mark to its place where several have the same.</text>"#,
        GAP.0,
        results.seeds
    );
    for (place, (number, scenario)) in scenarios.iter().enumerate() {
        let (x, y) = cell(place);
        axes(&mut text, scenario, x, y);
        if let Some(goal) = scenario.goal {
            target(&mut text, goal, x, y);
        }
        let rows = results.on(*number).map(|row| {
            let client = clients.iter().position(|name| *name == row.client);
            (client.unwrap_or(0), &*row.client, &row.summary)
        });
        points(&mut text, rows.collect(), x, y);
    }
    let rows = clients.len().div_ceil(2);
    for (number, name) in clients.iter().enumerate() {
        let x = legend.0 + (number / rows) as f64 * (WIDTH + 10.0) + RADIUS;
        let y = legend.1 + (number % rows) as f64 * 24.0 + RADIUS;
        mark(&mut text, number, name, (x, y));
        let weight = if is_ours(name) { "bold" } else { "normal" };
        line!(
            text,
            r#"<text x="{}" y="{}" font-weight="{weight}">{name}</text>"#,
            x + 15.0,
            y + 4.5
        );
    }
    line!(text, "</svg>");
    text
}

fn axes(text: &mut String, scenario: &Scenario, x: f64, y: f64) {
    let (right, bottom) = (x + WIDTH, y + HEIGHT);
    for (number, words) in wrapped(scenario.title, 54).iter().enumerate() {
        let id = match number {
            0 => format!(r#"<tspan font-weight="bold">{}</tspan>: "#, scenario.id),
            _ => String::new(),
        };
        line!(
            text,
            r#"<text x="{x}" y="{}" font-size="12">{id}{words}</text>"#,
            y - 22.0 + 15.0 * number as f64
        );
    }
    let strip = right - STRIP;
    line!(
        text,
        r##"<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="#f8f9fa" stroke="#adb5bd"/>
<rect x="{strip}" y="{y}" width="{STRIP}" height="{HEIGHT}" fill="#f1e9e9" stroke="#ced4da"/>"##
    );
    for (ratio, label) in [
        (1.01, "≤1.01"),
        (1.03, "1.03"),
        (1.1, "1.1"),
        (1.3, "1.3"),
        (2.0, "2"),
        (4.0, "4"),
    ] {
        let at = across(ratio, x);
        line!(
            text,
            r##"<line x1="{at:.1}" y1="{y}" x2="{at:.1}" y2="{bottom}" stroke="#e9ecef"/><text x="{at:.1}" y="{}" text-anchor="middle" font-size="12">{label}</text>"##,
            bottom + 16.0
        );
    }
    line!(
        text,
        r#"<text x="{}" y="{}" text-anchor="middle" font-size="12">never</text>"#,
        right - STRIP / 2.0,
        bottom + 16.0
    );
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
            r##"<line x1="{x}" y1="{at:.1}" x2="{strip}" y2="{at:.1}" stroke="#e9ecef"/><text x="{}" y="{:.1}" text-anchor="end" font-size="12">{label}</text>"##,
            x - 6.0,
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
        r##"<rect x="{x}" y="{top:.1}" width="{width:.1}" height="{height:.1}" fill="#2b8a3e" fill-opacity="0.13" stroke="#2b8a3e" stroke-dasharray="4 3"/>"##
    );
}

/// Each where it belongs, or beside it if another is there. Ours come first,
/// so that these are.
fn points(text: &mut String, mut rows: Vec<(usize, &str, &Summary)>, x: f64, y: f64) {
    rows.sort_by_key(|(_, name, _)| !is_ours(name));
    // Above all lines that lead to them.
    let mut marks = String::new();
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    for (client, name, summary) in &rows {
        let at = (across(summary.ratio, x), up(summary.refused, y));
        let radius = if is_ours(name) { OUR_RADIUS } else { RADIUS };
        let free = beside(at, radius, &taken, (x, y));
        taken.push((free.0, free.1, radius));
        if free != at {
            line!(
                text,
                r##"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="#868e96"/><circle cx="{:.1}" cy="{:.1}" r="1.8" fill="#495057"/>"##,
                at.0,
                at.1,
                free.0,
                free.1,
                at.0,
                at.1
            );
        }
        if summary.suspensions > 0 {
            line!(
                marks,
                r##"<circle cx="{:.1}" cy="{:.1}" r="{}" fill="none" stroke="#e03131" stroke-width="1.5"/>"##,
                free.0,
                free.1,
                radius + 2.5
            );
        }
        mark(&mut marks, *client, name, free);
    }
    text.push_str(&marks);
    let ours = rows.iter().filter(|(_, name, _)| is_ours(name));
    if let Some((_, _, it)) = ours.min_by(|one, other| one.2.ratio.total_cmp(&other.2.ratio)) {
        line!(
            text,
            r##"<text x="{}" y="{}" text-anchor="end" font-size="13" font-weight="bold" fill="#c92a2a">{:.3} @ {:.2} %</text>"##,
            x + WIDTH - STRIP - 8.0,
            y + HEIGHT - 12.0,
            it.ratio,
            100.0 * it.refused
        );
    }
}

/// The nearest place where it hides none of those that are drawn.
fn beside(
    at: (f64, f64),
    radius: f64,
    taken: &[(f64, f64, f64)],
    (x, y): (f64, f64),
) -> (f64, f64) {
    let is_free = |(to_x, to_y): (f64, f64)| {
        let apart = |it: &(f64, f64, f64)| (it.0 - to_x).hypot(it.1 - to_y) >= it.2 + radius + 1.0;
        (x + RADIUS..=x + WIDTH - RADIUS).contains(&to_x)
            && (y + RADIUS..=y + HEIGHT - RADIUS).contains(&to_y)
            && taken.iter().all(apart)
    };
    let around = (1..=12).flat_map(|ring| {
        let (far, steps) = (f64::from(ring) * 8.0, 6 * ring);
        (0..steps).map(move |step| {
            let angle = std::f64::consts::TAU * (f64::from(step) / f64::from(steps) - 0.125);
            (at.0 + far * angle.cos(), at.1 + far * angle.sin())
        })
    });
    let mut places = std::iter::once(at).chain(around);
    places.find(|place| is_free(*place)).unwrap_or(at)
}

/// A number on a colour, so that no colour has to be told from another.
fn mark(text: &mut String, client: usize, name: &str, (x, y): (f64, f64)) {
    let colour = COLOURS.iter().find(|(kind, _)| name.starts_with(kind));
    let colour = colour.map_or("#ced4da", |(_, colour)| *colour);
    let (shape, ink) = if is_ours(name) {
        let shape = format!(
            r##"<path d="M{x:.1} {:.1}l{OUR_RADIUS} {OUR_RADIUS}l-{OUR_RADIUS} {OUR_RADIUS}l-{OUR_RADIUS} -{OUR_RADIUS}z" fill="{colour}" stroke="#862e2e"/>"##,
            y - OUR_RADIUS
        );
        (shape, "#ffffff")
    } else {
        let shape = format!(
            r##"<circle cx="{x:.1}" cy="{y:.1}" r="{RADIUS}" fill="{colour}" stroke="#868e96" stroke-width="0.7"/>"##
        );
        (shape, "#343a40")
    };
    line!(
        text,
        r#"{shape}<text x="{x:.1}" y="{:.1}" text-anchor="middle" font-size="9" fill="{ink}">{}</text>"#,
        y + 3.2,
        client + 1
    );
}

/// Whether it is this crate's pacing.
fn is_ours(client: &str) -> bool {
    client.starts_with("tower-tiktok") && !client.contains("without")
}

fn across(ratio: f64, x: f64) -> f64 {
    if !ratio.is_finite() {
        return x + WIDTH - STRIP / 2.0;
    }
    let above = (ratio - 1.0).clamp(LEAST_ABOVE, MOST_ABOVE);
    let part = (above / LEAST_ABOVE).ln() / (MOST_ABOVE / LEAST_ABOVE).ln();
    x + 20.0 + part * (WIDTH - STRIP - 34.0)
}

fn up(share: f64, y: f64) -> f64 {
    let bottom = y + HEIGHT - 14.0;
    if share < LEAST {
        return bottom;
    }
    let decades = (share / LEAST).log10();
    bottom - 20.0 - decades * (HEIGHT - 50.0) / 4.0
}

/// In lines of so many letters at most.
fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let last = lines.last_mut().expect("there is one from the start");
        if last.is_empty() {
            *last = word.to_owned();
        } else if last.len() + word.len() < width {
            *last = format!("{last} {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
