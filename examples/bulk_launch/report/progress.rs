//! How far each account had got at each moment.

use std::time::Duration;

use super::{
    axis::Axis,
    buckets::width,
    chart::{Chart, Table, bar},
    text::{count, duration, number},
};
use crate::{plan::Plan, summary::round};

/// More rows than this are too low to be told apart.
const MOST_ROWS: usize = 40;

/// How high a row is, in pixels.
const ROW: usize = 17;

/// One account's way.
#[derive(Debug)]
struct Row<'a> {
    name: &'a str,
    /// When each of its steps was done, in order.
    at: Vec<Duration>,
    planned: usize,
}

pub(crate) fn draw(
    steps: &[(usize, Duration)],
    plan: &Plan,
    seconds: usize,
    fairness: f64,
) -> String {
    let all = rows(steps, plan);
    let shown = shown(&all);
    let wide = width(seconds);
    let x = Axis::time(seconds as u64);
    let named = shown.iter().enumerate().map(|(n, row)| {
        let place = shown.len() as f64 - n as f64 - 0.5;
        (place, short(row.name))
    });
    let named = match shown.len() {
        0..=24 => named.collect(),
        _ => named.step_by(2).collect(),
    };
    let y = Axis::steps(shown.len(), named);

    let mut marks = String::new();
    for (n, row) in shown.iter().enumerate() {
        let foot = y.down((shown.len() - n) as f64 - 0.92);
        let top = y.down((shown.len() - n) as f64 - 0.08);
        for (from, until, share) in spells(row, seconds, wide) {
            let sides = (x.at(from as f64), x.at(until as f64));
            let class = format!("done\" fill-opacity=\"{:.2}", 0.12 + 0.88 * share);
            marks += &bar(&class, sides, (top, foot));
        }
    }

    let ended: Vec<Duration> = all
        .iter()
        .filter(|row| row.at.len() >= row.planned)
        .filter_map(|row| row.at.last().copied())
        .collect();
    let mut says = match (ended.iter().min(), ended.iter().max()) {
        (Some(first), Some(last)) => format!(
            "The first of {} was done after {}, the last after {}.",
            count(ended.len() as u64, "account", "accounts"),
            duration(*first),
            duration(*last)
        ),
        _ => "No account got all it wanted.".to_owned(),
    };
    let left = all.len() - ended.len();
    if left > 0 && !ended.is_empty() {
        let left = count(left as u64, "account", "accounts");
        says += &format!(" {left} did not get all they wanted.");
    }
    says += &format!(" At half time Jain’s index of fairness was {fairness:.2}; 1 is even.");
    if shown.len() < all.len() {
        let (shown, all) = (number(shown.len() as u64), number(all.len() as u64));
        says += &format!(" Shown are {shown} of {all}, evenly from the first to the last done.");
    }
    Chart {
        id: "progress",
        title: "Progress of each account",
        says: &says,
        unit: "accounts, by the end of their ids",
        legend: &[
            ("done begun", "begun".to_owned()),
            ("done", "done".to_owned()),
        ],
        x: &x,
        y: &y,
        height: Some(40 + shown.len() * ROW),
        marks: &marks,
        figures: Some(&figures(&all)),
    }
    .to_string()
}

fn rows<'a>(steps: &[(usize, Duration)], plan: &'a Plan) -> Vec<Row<'a>> {
    let names = plan.advertisers.iter().enumerate();
    let mut rows: Vec<Row<'_>> = names
        .map(|(n, name)| Row {
            name,
            at: Vec::new(),
            planned: plan.steps(n),
        })
        .collect();
    for (advertiser, at) in steps {
        rows[*advertiser].at.push(*at);
    }
    for row in &mut rows {
        row.at.sort_unstable();
    }
    rows
}

/// All, or as many as fit, evenly from whoever was done first.
fn shown<'a, 'b>(rows: &'b [Row<'a>]) -> Vec<&'b Row<'a>> {
    let mut shown: Vec<&Row<'_>> = rows.iter().collect();
    if shown.len() <= MOST_ROWS {
        return shown;
    }
    shown.sort_by_key(|row| row.at.last().copied());
    let last = shown.len() - 1;
    (0..MOST_ROWS)
        .map(|n| shown[n * last / (MOST_ROWS - 1)])
        .collect()
}

/// Times in which nothing changed: from which second, until which, and the
/// share that was done by its end. Nothing is drawn before the first step.
fn spells(row: &Row<'_>, seconds: usize, wide: usize) -> Vec<(usize, usize, f64)> {
    let mut spells: Vec<(usize, usize, f64)> = Vec::new();
    for from in (0..seconds).step_by(wide) {
        let until = (from + wide).min(seconds);
        let end = Duration::from_secs(until as u64);
        let done = row.at.partition_point(|at| *at <= end);
        let share = round(done as f64 / row.planned.max(1) as f64, 4).min(1.0);
        match spells.last_mut() {
            Some(last) if last.2 == share => last.1 = until,
            _ if done == 0 => {}
            _ => spells.push((from, until, share)),
        }
    }
    spells
}

fn short(name: &str) -> String {
    let letters = name.chars().count();
    let end: String = name.chars().skip(letters.saturating_sub(4)).collect();
    match letters {
        0..=4 => end,
        _ => format!("…{end}"),
    }
}

fn figures(rows: &[Row<'_>]) -> Table {
    let rows = rows.iter().map(|row| {
        let last = row.at.last().map_or("-".to_owned(), |at| duration(*at));
        let done = format!("{} of {}", row.at.len(), row.planned);
        vec![row.name.to_owned(), done, last]
    });
    Table {
        head: ["account", "steps done", "last one after"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: &[u64], planned: usize) -> Row<'static> {
        Row {
            name: "7000000000000000001",
            at: at.iter().copied().map(Duration::from_secs).collect(),
            planned,
        }
    }

    #[test]
    fn a_spell_lasts_until_something_is_done() {
        let spells = spells(&row(&[2, 5, 6], 4), 8, 1);
        assert_eq!(spells, [(1, 4, 0.25), (4, 5, 0.5), (5, 8, 0.75)]);
    }

    #[test]
    fn who_has_not_begun_is_blank() {
        assert_eq!(spells(&row(&[], 4), 8, 1), []);
    }

    #[test]
    fn of_many_accounts_the_first_and_the_last_are_shown() {
        let rows: Vec<Row<'_>> = (0..1_000).rev().map(|n| row(&[n], 1)).collect();
        let shown = shown(&rows);
        assert_eq!(shown.len(), MOST_ROWS);
        assert_eq!(shown[0].at, [Duration::ZERO]);
        assert_eq!(shown[MOST_ROWS - 1].at, [Duration::from_secs(999)]);
    }

    #[test]
    fn a_long_id_is_known_by_its_end() {
        assert_eq!(short("7000000000000000042"), "…0042");
        assert_eq!(short("42"), "42");
        assert_eq!(short("größe"), "…röße");
    }
}
