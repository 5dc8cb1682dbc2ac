//! The page that `--report` writes. It holds all that it shows: no script, and
//! nothing is asked for from anywhere.

mod axis;
mod buckets;
mod calls;
mod chart;
mod compare;
mod headline;
mod progress;
mod queue;
mod run;
mod text;
mod waits;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub(crate) use self::run::Run;
use self::{
    calls::{CallsChart, most, total},
    text::{Escaped, count, number},
};
use crate::{args::Args, plan::Plan, server::limits_of};

/// Nothing is loaded and nothing runs, whatever is in the texts.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Writes the page, and says where it lies.
pub(crate) fn write(path: &Path, args: &Args, plan: &Plan, runs: &[Run]) -> io::Result<PathBuf> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, page(args, plan, runs))?;
    fs::canonicalize(path)
}

fn page(args: &Args, plan: &Plan, runs: &[Run]) -> String {
    // Ours comes last, and is what the page is about.
    let Some(run) = runs.last() else {
        return String::new();
    };
    let head = headline::headline(&run.summary, plan.advertisers.len());
    let tiles: String = headline::tiles(&run.summary)
        .into_iter()
        .map(|(figure, what, bad)| {
            let class = if bad { " class=\"bad\"" } else { "" };
            format!(
                "<div{class}><dd>{}</dd><dt>{what}</dt></div>",
                Escaped(&figure)
            )
        })
        .collect();
    let busiest = busiest(run, args);
    let charts = charts(run, args, plan, busiest);
    let compared = match runs {
        [_] => String::new(),
        _ => {
            let runs: Vec<&Run> = runs.iter().rev().collect();
            compare::draw(&runs, plan, busiest)
        }
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Bulk launch: {client}</title>\n<style>\n{style}</style></head>\n<body><main>\n\
         <header><p class=\"kicker\">Bulk launch · {client}</p><h1>{head}</h1>\n\
         <p class=\"lead\">{beneath} {setting}</p>\n<dl class=\"tiles\">{tiles}</dl></header>\n\
         <section class=\"charts\" aria-label=\"The run\">\n{charts}</section>\n{compared}\
         <footer>{origin}</footer></main></body></html>\n",
        client = Escaped(run.name()),
        style = include_str!("style.css"),
        head = Escaped(&head),
        beneath = Escaped(&headline::beneath(&run.summary)),
        setting = Escaped(&setting(args, plan)),
        origin = Escaped(&origin(args)),
    )
}

/// What was asked for.
fn setting(args: &Args, plan: &Plan) -> String {
    let ads = count(plan.ads as u64, "ad", "ads");
    let limits = args.level.limits();
    format!(
        "Each account wanted a campaign, an ad group, a video and {ads}; {} worked on it, at the \
         access level {}: {} calls a second, {} a minute.",
        count(args.workers as u64, "worker", "workers"),
        args.level,
        number(limits.per_second().into()),
        number(limits.per_minute().into()),
    )
}

fn origin(args: &Args) -> String {
    match &args.base_url {
        Some(url) => format!("Calls are those that were sent to {url}, by when they were sent."),
        None => format!(
            "Calls are those of the simulator’s own ledger, with seed {}.",
            args.seed
        ),
    }
}

/// The endpoint that came nearest to its limit, and that limit.
fn busiest<'a>(run: &'a Run, args: &Args) -> Option<(&'a str, u64)> {
    let endpoints = run.endpoints.iter().map(|(path, calls)| {
        let limit = limits_of(args.level, path).per_second();
        let sum = total(calls);
        let load = (sum.admitted + sum.refused) as f64 / limit.max(1) as f64;
        (load, *path, limit)
    });
    let busiest = endpoints.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((busiest.1, busiest.2))
}

fn charts(run: &Run, args: &Args, plan: &Plan, busiest: Option<(&str, u64)>) -> String {
    let seconds = run.seconds();
    let all = total(&run.calls);
    let limit = args.level.limits().per_second().into();
    // The sandbox counts each endpoint apart.
    let limit = (args.level != tower_tiktok::tiktok::AccessLevel::Sandbox).then_some(limit);
    let app = CallsChart {
        id: "calls",
        title: "All calls",
        says: &format!(
            "{} admitted, {} refused{}. The busiest second had {}.",
            number(all.admitted),
            number(all.refused),
            match run
                .summary
                .attempts
                .saturating_sub(all.admitted + all.refused)
            {
                0 => String::new(),
                lost => format!(", {} lost on the way or broken off", number(lost)),
            },
            count(most(&run.calls), "call", "calls")
        ),
        calls: &run.calls,
        limit,
        shut: &run.shut,
        seconds,
        most: most(&run.calls),
    };
    let mut out = app.draw();
    if let Some((path, limit)) = busiest {
        let calls = &run.endpoints[path];
        let sum = total(calls);
        let full = calls.iter().filter(|calls| calls.admitted >= limit).count();
        let endpoint = CallsChart {
            id: "endpoint",
            title: &format!("Calls to {path}"),
            says: &format!(
                "This endpoint set the pace: it admits {limit} a second, {} a minute. {} in {}, \
                 of which {full} were full. {} admitted, {} refused.",
                number(limits_of(args.level, path).per_minute()),
                count(sum.admitted + sum.refused, "call", "calls"),
                count(
                    calls.iter().filter(|it| it.admitted > 0).count() as u64,
                    "second",
                    "seconds"
                ),
                number(sum.admitted),
                number(sum.refused)
            ),
            calls,
            limit: Some(limit),
            shut: &run.shut,
            seconds,
            most: most(calls),
        };
        out += &endpoint.draw();
    }
    out += &queue::draw(&run.queue, seconds).unwrap_or_default();
    out += &waits::draw(&run.waits);
    out += &progress::draw(&run.steps, plan, seconds, run.summary.fairness_jain);
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser as _;

    use super::*;
    use crate::{
        record::{Calls, Queued},
        summary::Summary,
    };

    const HOSTILE: &str = "<script>'\"&";

    fn run(client: &'static str) -> Run {
        let summary = Summary {
            client,
            requests: 10,
            succeeded: 9,
            failed: 1,
            attempts: 12,
            throttled: 2,
            suspensions: Some(1),
            duplicates: Some(0),
            outcome_unknown: 0,
            elapsed_s: 3.0,
            bound_s: Some(2.0),
            makespan_ratio: Some(1.5),
            p50_ms: 80.0,
            p99_ms: 900.0,
            fairness_jain: 1.0,
        };
        let calls = Calls {
            admitted: 5,
            refused: 1,
        };
        Run {
            summary,
            calls: vec![calls; 2],
            endpoints: [("/ad/create/", vec![calls; 2])].into(),
            shut: vec![(Duration::from_secs(1), Duration::from_secs(300))],
            queue: vec![Queued {
                requests: 4,
                held: 1,
            }],
            waits: vec![Duration::from_millis(30)],
            steps: vec![(0, Duration::from_secs(1))],
        }
    }

    fn args() -> Args {
        let ids = format!("{HOSTILE},7");
        let line = [
            "bulk_launch",
            "--base-url",
            "http://api.test",
            "--advertiser-ids",
        ];
        Args::parse_from(line.into_iter().chain([ids.as_str()]))
    }

    #[test]
    fn whatever_the_texts_are_the_page_is_whole_and_runs_nothing() {
        let args = args();
        let page = page(&args, &Plan::new(&args), &[run("naive"), run("stack")]);
        assert!(page.contains("&lt;script&gt;&#39;&quot;&amp;"));
        assert!(page.contains(POLICY));
        for none in [
            "<script", "<img", "<link", "src=", "href=", "url(", "@import",
        ] {
            assert!(!page.contains(none), "{none}");
        }
        let count = |what: &str| page.matches(what).count();
        for tag in [
            "figure", "svg", "table", "tr", "td", "th", "section", "details", "p",
        ] {
            let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
            assert_eq!(opened, count(&format!("</{tag}>")), "{tag}");
        }
        // Whoever cannot see a picture can read it.
        for told in [
            "<title id=",
            "<desc id=",
            "aria-labelledby=\"calls-t calls-d\"",
        ] {
            assert!(page.contains(told), "{told}");
        }
        assert_eq!(count("<svg"), count("<desc"));
        assert!(page.contains("held by a refusal") && page.contains("suspended"));
    }

    #[test]
    fn a_run_in_which_nothing_happened_has_a_page() {
        let args = args();
        let mut run = run("stack");
        (run.calls, run.queue, run.waits) = (vec![], vec![], vec![]);
        (run.steps, run.shut) = (vec![], vec![]);
        run.endpoints.clear();
        let page = page(&args, &Plan::new(&args), &[run]);
        assert!(page.ends_with("</html>\n"));
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }
}
