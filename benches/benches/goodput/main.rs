//! How fast a client gets its work done on a server that enforces limits, how
//! much it sends in vain, and whether it is shut out: this crate and its peers,
//! the same scenarios, in one run, under paused time.
//!
//! `cargo bench -p tower-tiktok-benches --bench goodput` prints the tables,
//! writes them to `target/goodput.md` and plots waste against makespan ratio
//! in `target/goodput.svg`; README shows a copy of that, `benches/goodput.svg`.
//! `-- --scenario S1 --client governor --seeds 3` runs a part; `-- --help` says
//! more.
//!
//! The same seeds give the same figures. (What is left to another generator is
//! tower-tiktok's jitter, and it is seeded.)

mod args;
mod clients;
mod outcome;
mod plot;
mod pool;
mod results;
mod scenario;
mod server;
mod table;
mod work;

use std::{fs, path::Path, process::ExitCode};

use self::{args::Args, results::Results};

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(word) => {
            eprintln!("not understood: {word}\n\n{}", args::USAGE);
            return ExitCode::FAILURE;
        }
    };
    let start = tokio::time::Instant::now();
    let results = Results::of(&args);
    if results.rows.is_empty() {
        eprintln!("there is no such scenario or client");
        return ExitCode::FAILURE;
    }
    let markdown = table::markdown(&results);
    if args.csv {
        print!("{}", table::csv(&results));
    } else {
        print!("{markdown}");
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    for (name, text) in [
        ("goodput.md", &markdown),
        ("goodput.svg", &plot::svg(&results)),
    ] {
        if let Err(error) = fs::write(target.join(name), text) {
            eprintln!("target/{name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    let runs: usize = results.rows.iter().map(|row| row.summary.runs).sum();
    eprintln!("{runs} runs in {:.0} s", start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}
