use std::{array, f64::consts::PI};

/// In which so many calls count, in seconds: it slides.
const WINDOW: f64 = 1.0;
/// How often it is asked whether one more may go.
const STEP: f64 = 0.004;
/// In how many worlds each call on its way is thought of.
const WORLDS: usize = 128;
/// How finely the law of the latency is known, and how wide it is.
const DRAWS: usize = 1 << 16;
const SIGMA: f64 = 0.5;
/// How much later answers come that stall.
const STALL: f64 = 10.0;

/// A server that admits so many calls in any second, and work for it.
#[derive(Clone, Copy, Debug)]
pub struct Road {
    /// Calls in a second.
    pub limit: usize,
    /// Calls that are to be admitted.
    pub calls: u32,
    /// As many are in flight at once at most.
    pub workers: usize,
    /// How long an answer takes on average, in seconds: it is lognormal.
    pub latency: f64,
    /// The share of it before the call counts.
    pub before: f64,
    /// From when on answers take how many times as long.
    pub slower: Option<(f64, f64)>,
    /// The share of the answers that come ten seconds late.
    pub stalls: f64,
}

/// What the client knows besides all of [`Road`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// When a call was counted, once it is answered.
    Answers,
    /// When a call will be counted, once it is sent.
    Arrivals,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Drive {
    /// When the last answer came, in seconds.
    pub makespan: f64,
    /// Refused calls over calls sent.
    pub refused: f64,
}

/// The work, done by one who knows the law of everything and nothing of what is
/// to come: one more call goes as soon as it costs no more than `risk` refusals,
/// its own or those of others, in the mean of what may be on the way.
#[must_use]
pub fn drive(road: &Road, knows: Knows, risk: f64, seed: u64) -> Drive {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let law = Law::new(&mut dice);
    let (mut flying, mut window, mut known) = (Vec::new(), Vec::new(), Vec::new());
    let (mut now, mut makespan) = (0.0, 0.0_f64);
    let (mut sent, mut admitted, mut refused) = (0_u32, 0_u32, 0_u32);
    while admitted < road.calls {
        count(road, &mut flying, &mut window, now);
        flying.retain(|call: &Call| {
            if call.answered() > now {
                return true;
            }
            makespan = makespan.max(call.answered());
            match call.admitted {
                Some(true) => {
                    known.push(call.counted(road, call.way));
                    admitted += 1;
                }
                _ => refused += 1,
            }
            false
        });
        known.retain(|at| *at > now - WINDOW);
        known.sort_by(f64::total_cmp);
        for call in &mut flying {
            call.learn(&law, road, now, &mut dice);
        }
        while flying.len() < road.workers && sent - refused < road.calls {
            let call = Call::new(&law, road, now, &mut dice);
            if cost(road, knows, &flying, &known, &call) > risk {
                break;
            }
            flying.push(call);
            sent += 1;
        }
        now += STEP;
    }
    Drive {
        makespan,
        refused: f64::from(refused) / f64::from(sent),
    }
}

/// What the server does with those that have come by now.
fn count(road: &Road, flying: &mut [Call], window: &mut Vec<f64>, now: f64) {
    let mut come: Vec<_> = flying
        .iter_mut()
        .filter(|call| call.admitted.is_none() && call.counted(road, call.way) <= now)
        .map(|call| (call.counted(road, call.way), call))
        .collect();
    come.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (at, call) in come {
        window.retain(|it| *it > at - WINDOW);
        let admitted = window.len() < road.limit;
        if admitted {
            window.push(at);
        }
        call.admitted = Some(admitted);
    }
}

/// How many more are refused if this one goes, too.
fn cost(road: &Road, knows: Knows, flying: &[Call], known: &[f64], call: &Call) -> f64 {
    let mut more = 0;
    let mut arrivals = Vec::with_capacity(flying.len() + 1);
    for world in 0..WORLDS {
        arrivals.clear();
        arrivals.extend(flying.iter().map(|it| match knows {
            Knows::Answers => it.counted(road, it.worlds[world]),
            Knows::Arrivals => it.counted(road, it.way),
        }));
        arrivals.retain(|at| *at > call.sent - WINDOW);
        arrivals.sort_by(f64::total_cmp);
        more -= refused(road.limit, known, &arrivals);
        let at = call.counted(road, call.worlds[world]);
        arrivals.insert(arrivals.partition_point(|it| *it < at), at);
        more += refused(road.limit, known, &arrivals);
    }
    f64::from(more) / WORLDS as f64
}

/// How many of these arrivals find a full window. Both are in order.
fn refused(limit: usize, known: &[f64], arrivals: &[f64]) -> i32 {
    let mut refused = 0;
    let mut admitted: Vec<f64> = Vec::with_capacity(arrivals.len());
    for at in arrivals {
        let inside = |all: &[f64]| {
            let left = all.partition_point(|it| *it <= at - WINDOW);
            all.partition_point(|it| it <= at) - left
        };
        if inside(known) + inside(&admitted) < limit {
            admitted.push(*at);
        } else {
            refused += 1;
        }
    }
    refused
}

#[derive(Debug)]
struct Call {
    sent: f64,
    /// What latencies are on average when it is sent.
    mean: f64,
    way: Way,
    admitted: Option<bool>,
    /// What it may be, as far as the client knows.
    worlds: [Way; WORLDS],
}

/// How long an answer takes, and how much longer where it stalls.
#[derive(Clone, Copy, Debug)]
struct Way {
    latency: f64,
    stall: f64,
}

impl Call {
    fn new(law: &Law, road: &Road, sent: f64, dice: &mut Dice) -> Self {
        let slower = road.slower.filter(|(from, _)| sent >= *from);
        let mean = road.latency * slower.map_or(1.0, |(_, times)| times);
        let stalls = dice.share() < road.stalls;
        let way = |share, stalls| Way {
            latency: mean * law.quantile(share),
            stall: if stalls { STALL } else { 0.0 },
        };
        // Each part of the law has its world, and meets any part of other calls'.
        let mut parts: Vec<usize> = (0..WORLDS).collect();
        let worlds = array::from_fn(|_| {
            let part = parts.swap_remove(dice.below(parts.len()));
            way((part as f64 + 0.5) / WORLDS as f64, false)
        });
        Self {
            sent,
            mean,
            way: way(dice.share(), stalls),
            admitted: None,
            worlds,
        }
    }

    fn answered(&self) -> f64 {
        self.sent + self.way.latency + self.way.stall
    }

    fn counted(&self, road: &Road, way: Way) -> f64 {
        self.sent + road.before * way.latency
    }

    /// It is not answered yet: so it takes longer, or it stalls.
    fn learn(&mut self, law: &Law, road: &Road, now: f64, dice: &mut Dice) {
        let age = now - self.sent;
        let below = law.below(age / self.mean);
        let late = law.below((age - STALL) / self.mean);
        let slow = (1.0 - below) * (1.0 - road.stalls);
        let stalled = (1.0 - late) * road.stalls;
        for world in &mut self.worlds {
            if world.latency + world.stall > age {
                continue;
            }
            let stalls = dice.share() * (slow + stalled) > slow;
            let (from, stall) = if stalls { (late, STALL) } else { (below, 0.0) };
            world.latency = self.mean * law.quantile(from + dice.share() * (1.0 - from));
            world.stall = stall;
        }
    }
}

/// The quantiles of the latency, over its mean.
#[derive(Debug)]
struct Law(Vec<f64>);

impl Law {
    fn new(dice: &mut Dice) -> Self {
        let mut all: Vec<f64> = (0..DRAWS).map(|_| dice.lognormal()).collect();
        all.sort_by(f64::total_cmp);
        Self(all)
    }

    fn quantile(&self, share: f64) -> f64 {
        let at = (share * self.0.len() as f64) as usize;
        self.0[at.min(self.0.len() - 1)]
    }

    fn below(&self, value: f64) -> f64 {
        self.0.partition_point(|it| *it <= value) as f64 / self.0.len() as f64
    }
}

/// An xorshift: the same everywhere.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn share(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Around a mean of 1.
    fn lognormal(&mut self) -> f64 {
        let normal = (-2.0 * self.share().ln()).sqrt() * (2.0 * PI * self.share()).cos();
        (SIGMA * normal - SIGMA * SIGMA / 2.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_window_refuses_and_what_it_refuses_does_not_count() {
        assert_eq!(refused(2, &[0.0, 0.5], &[0.9, 1.0, 1.4, 1.5]), 2);
        assert_eq!(refused(2, &[0.0, 0.5], &[1.0, 1.5, 2.0, 2.5]), 0);
        // One that came after it does not stand in its way.
        assert_eq!(refused(2, &[0.0, 0.5], &[0.4, 1.6]), 0);
    }

    #[test]
    fn where_nothing_is_unsure_nothing_is_lost() {
        let road = Road {
            limit: 10,
            calls: 100,
            workers: 64,
            latency: 1e-6,
            before: 0.5,
            slower: None,
            stalls: 0.0,
        };
        for knows in [Knows::Answers, Knows::Arrivals] {
            let drive = drive(&road, knows, 0.01, 1);
            assert!((9.0..9.0 + 10.0 * STEP).contains(&drive.makespan));
            assert_eq!(drive.refused, 0.0);
        }
    }
}
