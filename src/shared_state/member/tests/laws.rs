use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Process, START};
use crate::shared_state::{
    Exchange, Ledger, Notice, StoreError, StoreErrorKind, WindowSpan, member::FailureMode,
};

#[derive(Clone, Debug)]
enum Step {
    Send(usize, u32),
    Answered(usize, u32),
    Queue(usize, u32),
    Look(usize),
    /// An exchange, and what becomes of it.
    Exchange(usize, Fate),
    Pass(u64),
    Kill(usize),
    /// A process hears what the store has told, or that got lost.
    Hear(usize, bool),
}

#[derive(Clone, Debug)]
enum Fate {
    Arrives,
    /// And the answer comes as much later, if it is still waited for.
    Slow(u64),
    Lost,
    ReplyLost,
    /// It arrives with a later one.
    Late,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0_usize..4;
    let fate = prop_oneof![
        8 => Just(Fate::Arrives),
        2 => (1_u64..50).prop_map(Fate::Slow),
        1 => Just(Fate::Lost),
        1 => Just(Fate::ReplyLost),
        1 => Just(Fate::Late),
    ];
    let step = prop_oneof![
        8 => (who.clone(), 1_u32..8).prop_map(|(who, count)| Step::Send(who, count)),
        4 => (who.clone(), 1_u32..8).prop_map(|(who, count)| Step::Answered(who, count)),
        4 => (who.clone(), 0_u32..30).prop_map(|(who, count)| Step::Queue(who, count)),
        4 => who.clone().prop_map(Step::Look),
        8 => (who.clone(), fate).prop_map(|(who, fate)| Step::Exchange(who, fate)),
        6 => (0_u64..700).prop_map(Step::Pass),
        1 => (0_u64..20_000).prop_map(Step::Pass),
        4 => (who.clone(), prop::bool::weighted(0.9)).prop_map(|(who, hears)| Step::Hear(who, hears)),
        1 => who.prop_map(Step::Kill),
    ];
    prop::collection::vec(step, 1..150)
}

/// Carries the steps out; the most that ever were sent within one window, or were
/// under way at once in one without a length.
fn most_in_a_window(limit: u32, span: u64, steps: Vec<Step>) -> usize {
    let (began, mut now) = (Instant::now(), Instant::now());
    let span = WindowSpan::Any(Duration::from_millis(span));
    let process = |id, now| Process::new(id, FailureMode::Closed, span, limit, now);
    let mut processes: Vec<Process> = (1..=4).map(|id| process(id, now)).collect();
    let (mut ledger, mut next, mut late) = (Ledger::new(), 5, Vec::new());
    let (mut uses, mut most) = (Vec::<Instant>::new(), 0);
    // For each process, what was told and not heard yet.
    let mut told: [VecDeque<Notice>; 4] = Default::default();
    for step in steps {
        match step {
            Step::Pass(time) => now += Duration::from_millis(time),
            Step::Kill(who) => {
                processes[who] = process(next, now);
                next += 1;
            }
            Step::Queue(who, count) => processes[who].queued = count,
            Step::Look(who) => processes[who].look(now),
            Step::Hear(who, hears) => {
                let notices = std::mem::take(&mut told[who]);
                for notice in notices.iter().filter(|_| hears) {
                    processes[who].machine.notice(notice, now);
                }
                processes[who].look(now);
            }
            Step::Answered(who, count) => (0..count).for_each(|_| processes[who].answered()),
            Step::Send(who, count) => {
                let sent = (0..count).filter(|_| processes[who].send(now)).count();
                uses.extend(std::iter::repeat_n(now, sent));
            }
            Step::Exchange(who, fate) => {
                let process = &mut processes[who];
                let exchange = process.ask(now);
                let timeout = Err(StoreError::new(StoreErrorKind::Timeout));
                let mut carry = |exchange: &Exchange, now: Instant| {
                    let mut notices = Vec::new();
                    let reply = ledger.exchange(exchange, START + (now - began), &mut notices);
                    told.iter_mut()
                        .for_each(|told| told.extend(notices.iter().cloned()));
                    reply
                };
                match fate {
                    Fate::Lost => drop(process.hear(timeout, now)),
                    Fate::ReplyLost => {
                        drop(carry(&exchange, now));
                        process.hear(timeout, now);
                    }
                    Fate::Late => {
                        late.push(exchange);
                        process.hear(timeout, now);
                    }
                    Fate::Slow(time) => {
                        let reply = carry(&exchange, now);
                        now += Duration::from_millis(time);
                        process.hear(reply, now);
                    }
                    Fate::Arrives => {
                        let reply = carry(&exchange, now);
                        process.hear(reply, now);
                        for exchange in late.drain(..) {
                            drop(carry(&exchange, now));
                        }
                    }
                }
            }
        }
        uses.retain(|at| *at + span.length() > now);
        let permitted = processes.iter_mut().map(|it| it.permitted(now)).sum();
        most = most.max(if span.length().is_zero() {
            permitted
        } else {
            uses.len()
        });
    }
    most
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

    /// However late a process looks, and whatever becomes of its exchanges.
    #[test]
    fn members_that_close_overrun_nothing(
        limit in 1_u32..15,
        span in prop_oneof![Just(0_u64), Just(1_000), Just(10_000), Just(60_000)],
        steps in steps(),
    ) {
        prop_assert!(most_in_a_window(limit, span, steps) <= limit as usize);
    }
}

#[test]
fn a_permit_that_outlasts_its_lease_lets_nothing_more_through() {
    use Step::{Answered, Exchange, Pass, Queue, Send};
    let (arrives, slow) = (Fate::Arrives, Fate::Slow(26));
    let steps = vec![
        Queue(2, 6),
        Exchange(2, arrives.clone()),
        Queue(3, 1),
        Send(2, 2),
        // Its lease is over, and the other gets what it had.
        Pass(11_974),
        Exchange(3, slow),
        Exchange(2, arrives),
        Answered(2, 2),
        Send(3, 1),
        Send(2, 2),
    ];
    assert_eq!(most_in_a_window(2, 0, steps), 2);
}

#[test]
fn who_looks_late_does_not_send_by_what_it_gave_back() {
    use Step::{Answered, Exchange, Pass, Queue, Send};
    let arrives = || Fate::Arrives;
    let steps = vec![
        Queue(2, 1),
        Exchange(2, arrives()),
        Queue(3, 1),
        Send(2, 1),
        Pass(5_000),
        Exchange(2, Fate::Slow(3)),
        Exchange(3, arrives()),
        Answered(2, 1),
        Send(2, 2),
        Pass(1_648),
        Exchange(0, Fate::Slow(44)),
        // It gives a token back that is in use until 10 s, and does not look
        // again before.
        Exchange(2, arrives()),
        Exchange(2, arrives()),
        Pass(3_325),
        Exchange(3, arrives()),
        Send(2, 1),
        Send(3, 1),
    ];
    assert_eq!(most_in_a_window(3, 10_000, steps), 3);
}

#[test]
fn what_is_given_back_twice_frees_nothing_that_is_in_use() {
    use Step::{Answered, Exchange, Look, Pass, Queue, Send};
    let steps = vec![
        Queue(1, 8),
        Exchange(1, Fate::Arrives),
        Queue(1, 0),
        Send(1, 4),
        Answered(1, 3),
        Look(1),
        Pass(1_100),
        Look(1),
        // It gives free ones back, and hears nothing of it.
        Exchange(1, Fate::ReplyLost),
        Answered(1, 1),
        Look(1),
        Pass(1_100),
        Look(1),
        // So it gives them back again, with those that are in use.
        Exchange(1, Fate::Arrives),
        Queue(2, 8),
        Exchange(2, Fate::Arrives),
        Send(2, 8),
    ];
    assert!(most_in_a_window(8, 10_000, steps) <= 8);
}
