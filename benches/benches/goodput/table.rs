use std::fmt::Write;

use crate::{outcome::Summary, results::Results};

/// Writing to a string does not fail.
macro_rules! line {
    ($to:expr, $($what:tt)*) => {
        writeln!($to, $($what)*).expect("a string takes everything")
    };
}

const READING: &str = "\
Ratio: makespan over what a clairvoyant client needs. Refused: refused calls \
over calls sent. p99: from taking a write to its success. All are medians of \
the seeds; suspensions are those of the worst. A client that is not done after \
four times the bound, or sends out of all proportion, is stopped: in brackets \
the share of the work that it had done.";

/// A row for each client and a column for each scenario of the table,
/// and below it all figures, scenario by scenario.
pub(crate) fn markdown(results: &Results) -> String {
    let mut text = String::new();
    line!(text, "## Goodput: ratio @ share refused\n");
    line!(text, "{READING} Seeds: {}.\n", results.seeds);
    overview(&mut text, results, true);
    if results.scenarios.iter().any(|scenario| !scenario.main) {
        line!(text, "\n### Variations\n");
        overview(&mut text, results, false);
    }
    for (number, scenario) in results.scenarios.iter().enumerate() {
        line!(
            text,
            "\n### {}: {}{}\n",
            scenario.id,
            scenario.title,
            scenario.variation()
        );
        if let Some(goal) = scenario.goal {
            let share = percent(goal.refused);
            line!(text, "The goal for pacing: {:.2} @ {share}.\n", goal.ratio);
        }
        let crowd = scenario.crowd.is_some();
        let (head, rule) = match crowd {
            true => (
                " Jain at half time | median small advertiser done |",
                "---|---|",
            ),
            false => ("", ""),
        };
        line!(
            text,
            "| client | ratio | refused | suspensions | p99 | finished |{head}"
        );
        line!(text, "|---|---|---|---|---|---|{rule}");
        for row in results.on(number) {
            let it = &row.summary;
            let fair = match crowd {
                true => format!(" {:.2} | {:.2} |", it.jain, it.small),
                false => String::new(),
            };
            line!(
                text,
                "| {} | {} | {} | {} | {:.1} s | {}/{} |{fair}",
                row.client,
                ratio(it),
                percent(it.refused),
                it.suspensions,
                it.p99,
                it.finished,
                it.runs,
            );
        }
    }
    text
}

fn overview(text: &mut String, results: &Results, main: bool) {
    let scenarios: Vec<_> = results
        .scenarios
        .iter()
        .enumerate()
        .filter(|(_, scenario)| scenario.main == main)
        .collect();
    if scenarios.is_empty() {
        return;
    }
    let ids: Vec<&str> = scenarios.iter().map(|(_, it)| &*it.id).collect();
    line!(text, "| client | {} |", ids.join(" | "));
    line!(text, "|---|{}", "---|".repeat(ids.len()));
    for client in results.clients() {
        let cells = scenarios.iter().map(|(number, _)| {
            let row = results.on(*number).find(|row| row.client == client);
            row.map_or_else(String::new, |row| cell(&row.summary))
        });
        let cells: Vec<String> = cells.collect();
        line!(text, "| {client} | {} |", cells.join(" | "));
    }
}

fn cell(summary: &Summary) -> String {
    let suspensions = match summary.suspensions {
        0 => String::new(),
        some => format!(", {some} susp."),
    };
    format!(
        "{} @ {}{suspensions}",
        ratio(summary),
        percent(summary.refused)
    )
}

fn ratio(summary: &Summary) -> String {
    match summary.ratio.is_finite() {
        true => format!("{:.3}", summary.ratio),
        false => format!("never ({:.0} %)", 100.0 * summary.done),
    }
}

fn percent(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0 %".to_owned(),
        few if few < 10.0 => format!("{few:.2} %"),
        many => format!("{many:.0} %"),
    }
}

pub(crate) fn csv(results: &Results) -> String {
    let mut text = String::new();
    line!(
        text,
        "scenario,client,ratio,refused,suspensions,p99_s,finished,runs,done,jain,small_done"
    );
    for row in &results.rows {
        let it = &row.summary;
        line!(
            text,
            "{},{},{:.4},{:.5},{},{:.2},{},{},{:.4},{:.4},{:.4}",
            results.scenarios[row.scenario].id,
            row.client,
            it.ratio,
            it.refused,
            it.suspensions,
            it.p99,
            it.finished,
            it.runs,
            it.done,
            it.jain,
            it.small,
        );
    }
    text
}
