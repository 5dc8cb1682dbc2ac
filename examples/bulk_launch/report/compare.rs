//! The same work by several clients, side by side.

use std::{fmt::Write as _, time::Duration};

use super::{
    axis::Axis,
    calls::{CallsChart, most, total},
    chart::Chart,
    run::Run,
    text::{Escaped, count, duration, number},
};
use crate::plan::Plan;

/// How each client is drawn, in the order of the runs.
const LINES: [&str; 3] = ["line a", "line b", "line c"];

/// Calls of each client at one endpoint and its limit, a table, and how soon
/// each was done.
pub(crate) fn draw(runs: &[&Run], plan: &Plan, busiest: Option<(&str, u64)>) -> String {
    let mut out = String::from(
        "<section aria-labelledby=\"compare\"><h2 id=\"compare\">Beside other clients</h2>\n\
         <p class=\"lead\">The same launch against a fresh server with the same faults. The naive \
         client sends again at once, up to five times; tower’s retry waits 1, 2, 4 and 8 s with \
         jitter. Where the answer to a create is lost, those two send it again; tower-tiktok says \
         that its outcome is unknown, and the launch reads back what became of it.</p>\n<div class=\"sheet\">",
    );
    out += &table(runs);
    out += "</div>\n<div class=\"charts\">";
    out += &done(runs, plan);
    if let Some((path, limit)) = busiest {
        let seconds = runs.iter().map(|run| run.seconds()).max().unwrap_or(1);
        let calls = runs.iter().filter_map(|run| run.endpoints.get(path));
        let highest = calls.map(|calls| most(calls)).max().unwrap_or(0);
        for (n, run) in runs.iter().enumerate() {
            let calls = run.endpoints.get(path).map_or(&[][..], Vec::as_slice);
            let sum = total(calls);
            let says = format!(
                "{}: {} admitted, {} refused.",
                count(sum.admitted + sum.refused, "call", "calls"),
                number(sum.admitted),
                number(sum.refused)
            );
            let chart = CallsChart {
                id: &format!("calls-{n}"),
                title: &format!("{} at {path}", run.name()),
                says: &says,
                calls,
                limit: Some(limit),
                shut: &[],
                seconds,
                most: highest,
            };
            out += &chart.draw();
        }
    }
    out += "</div></section>\n";
    out
}

fn table(runs: &[&Run]) -> String {
    let mut out = String::from("<table class=\"compare\"><thead><tr><td></td>");
    for run in runs {
        write!(out, "<th scope=\"col\">{}</th>", Escaped(run.name())).expect(TAKES);
    }
    out += "</tr></thead><tbody>";
    let ms = |ms: f64| duration(Duration::from_secs_f64(ms / 1e3));
    let known = |value: Option<u64>| value.map_or("?".to_owned(), number);
    let mut row = |name: &str, value: &dyn Fn(&Run) -> (String, bool)| {
        write!(out, "<tr><th scope=\"row\">{name}</th>").expect(TAKES);
        for run in runs {
            let (value, bad) = value(run);
            let class = if bad { " class=\"bad\"" } else { "" };
            write!(out, "<td{class}>{}</td>", Escaped(&value)).expect(TAKES);
        }
        out += "</tr>";
    };
    row("requests failed", &|run| {
        (number(run.summary.failed), run.summary.failed > 0)
    });
    row("created twice", &|run| {
        let twice = run.summary.duplicates;
        (known(twice), twice > Some(0))
    });
    row("outcome unknown", &|run| {
        (number(run.summary.outcome_unknown), false)
    });
    row("calls refused", &|run| {
        let Run { summary, .. } = run;
        let bad = summary.throttled * 100 > summary.attempts;
        (number(summary.throttled), bad)
    });
    row("calls in all", &|run| (number(run.summary.attempts), false));
    row("suspensions", &|run| {
        let suspensions = run.summary.suspensions;
        (known(suspensions), suspensions > Some(0))
    });
    row("time", &|run| {
        (
            duration(Duration::from_secs_f64(run.summary.elapsed_s)),
            false,
        )
    });
    row("over the least", &|run| {
        // Who gives up is done soon.
        let ratio = run
            .summary
            .makespan_ratio
            .filter(|_| run.summary.failed == 0);
        (
            ratio.map_or("–".to_owned(), |it| format!("{it:.2} ×")),
            false,
        )
    });
    row("median request", &|run| (ms(run.summary.p50_ms), false));
    row("99th percentile", &|run| (ms(run.summary.p99_ms), false));
    row("fairness, of 1", &|run| {
        (format!("{:.2}", run.summary.fairness_jain), false)
    });
    out + "</tbody></table>"
}

const TAKES: &str = "a string takes it";

/// The share of the plan that each had done, over time.
fn done(runs: &[&Run], plan: &Plan) -> String {
    let planned: usize = (0..plan.advertisers.len()).map(|n| plan.steps(n)).sum();
    let seconds = runs.iter().map(|run| run.seconds()).max().unwrap_or(1);
    let x = Axis::time(seconds as u64);
    let ticks = [0, 25, 50, 75, 100].map(|percent| (f64::from(percent), format!("{percent} %")));
    let y = Axis::steps(100, ticks.to_vec());
    let (mut marks, mut legend, mut says) = (String::new(), Vec::new(), String::new());
    for (run, class) in runs.iter().zip(LINES) {
        let mut at: Vec<Duration> = run.steps.iter().map(|(_, at)| *at).collect();
        at.sort_unstable();
        let share = |done: usize| done as f64 / planned.max(1) as f64 * 100.0;
        let mut line = String::from("M0 1000");
        for second in 1..=run.seconds() {
            let done = at.partition_point(|at| at.as_secs() < second as u64);
            let (x, y) = (x.at(second as f64), y.down(share(done)));
            write!(line, "L{x} {y}").expect(TAKES);
        }
        marks += &format!("<path class=\"{class}\" d=\"{line}\"/>");
        legend.push((class, run.name().to_owned()));
        let end = match run.summary.failed {
            0 => "after",
            _ => "and requests given up, after",
        };
        says += &format!(
            "{}: {:.0} % done {end} {}; ",
            run.name(),
            share(at.len()).floor(),
            duration(Duration::from_secs_f64(run.summary.elapsed_s))
        );
    }
    Chart {
        id: "done",
        title: "How much of the launch was done",
        says: &format!("{}.", says.trim_end_matches("; ")),
        unit: "of all steps",
        legend: &legend,
        x: &x,
        y: &y,
        height: None,
        marks: &marks,
        figures: None,
    }
    .to_string()
}
