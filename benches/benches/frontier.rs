//! How near to a clairvoyant client one can come who is told everything but the
//! future: which part of the makespan no pacing gets back.
//!
//! `cargo bench -p tower-tiktok-benches --bench frontier` prints it for three
//! scenarios of the `goodput` bench. This client knows the kind of the window,
//! the law of the latency, how and when that changes, how many calls stall, and
//! which share of its time a call needs to be counted. Before each call it asks
//! in 128 worlds that agree with all it has seen how many refusals that call
//! costs. *Knows arrivals* is also told when the calls on their way will be
//! counted, which nobody can know; of the call that is to be sent even it knows
//! the law only.
//!
//! It is the best that was found, and no proof that there is no better. In the
//! slow half of S7 alone it takes 1.105 @ 1.2 %; two to ten calls at once took
//! 1.12 to 1.18 @ 1 %, and slots that know the law, with the best margin, 1.123.

use std::thread;

use tower_tiktok_benches::goodput::{Drive, Knows, Road, drive, median};

const SEEDS: u64 = 7;
/// What a clairvoyant client needs for 3,000 calls at 10/s, in seconds.
const BOUND: f64 = 299.12;
/// Refusals that one call may cost: less than one in all worlds, and one.
const RISKS: [f64; 2] = [0.005, 0.01];

fn main() {
    let s1 = Road {
        limit: 10,
        calls: 3_000,
        workers: 64,
        latency: 0.12,
        before: 0.25,
        slower: None,
        stalls: 0.0,
    };
    let late = Road { before: 0.9, ..s1 };
    let s7 = Road {
        slower: Some((BOUND / 2.0, 5.0)),
        stalls: 0.01,
        ..s1
    };
    println!("Ratio @ share refused, medians of {SEEDS} seeds.\n");
    println!("| scenario | knows answers | with more risk | knows arrivals | with more risk |");
    println!("|---|---|---|---|---|");
    for (name, road) in [("S1", s1), ("S1-late", late), ("S7", s7)] {
        let cells = [Knows::Answers, Knows::Arrivals].map(|knows| {
            let [safe, bold] = RISKS.map(|risk| cell(&road, knows, risk));
            format!("{safe} | {bold}")
        });
        println!("| {name} | {} |", cells.join(" | "));
    }
}

fn cell(road: &Road, knows: Knows, risk: f64) -> String {
    let drives: Vec<_> = thread::scope(|scope| {
        let seeds = (1..=SEEDS).map(|seed| scope.spawn(move || drive(road, knows, risk, seed)));
        let seeds: Vec<_> = seeds.collect();
        let ends = seeds.into_iter().map(|seed| seed.join());
        ends.map(|drive| drive.expect("a drive comes to its end"))
            .collect()
    });
    let middle = |of: fn(&Drive) -> f64| median(&drives.iter().map(of).collect::<Vec<_>>());
    let ratio = middle(|drive| drive.makespan / BOUND);
    let refused = middle(|drive| drive.refused);
    format!("{ratio:.3} @ {:.2} %", 100.0 * refused)
}
