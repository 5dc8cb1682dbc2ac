use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Process, SECOND, START, settings};
use crate::shared_state::{
    Exchange, Ledger, Notice, PermitPart, ScopeAsk, StoreError, StoreErrorKind, WindowAsk,
    WindowSpan,
    member::{FailureMode, ScopeDemand, WindowDemand, machine::Machine},
};

const PERMIT: WindowSpan = WindowSpan::Any(Duration::ZERO);

/// One that waits for a permit, and what the store told of the account until now.
fn waits_for_a_permit(now: Instant) -> (Process, Ledger) {
    let (mut ledger, mut process) = (
        Ledger::new(),
        Process::new(1, FailureMode::LocalShare, PERMIT, 2, now),
    );
    process.queued = 1;
    let exchange = process.ask(now);
    let reply = ledger.exchange(&exchange, START, &mut Vec::new());
    process.hear(reply, now);
    assert_eq!(process.held(), 1);
    (process, ledger)
}

fn told(process: &Process, number: u64, held: u32) -> Notice {
    let parts = vec![PermitPart::new(process.machine.id(), number, held, held)];
    Notice::Permits {
        scope: Arc::from("app"),
        parts,
    }
}

#[test]
fn who_claims_hears_what_was_told_before_the_reply() {
    let now = Instant::now();
    let (mut process, mut ledger) = waits_for_a_permit(now);
    let mut other = Process::new(2, FailureMode::LocalShare, PERMIT, 2, now);
    other.queued = 1;
    for process in [&mut other, &mut process] {
        let exchange = process.ask(now);
        let reply = ledger.exchange(&exchange, START, &mut Vec::new());
        process.hear(reply, now);
        assert_eq!(process.held(), 1);
    }
    process.queued = 2;
    process.ask(now);
    process.hear(Err(StoreError::new(StoreErrorKind::Timeout)), now);
    // Long enough that it goes on alone.
    let later = now + Duration::from_secs(20);
    process.look(later);
    let exchange = process.ask(later);
    assert!(exchange.scopes[0].claim);
    let reply = ledger.exchange(&exchange, START + (later - now), &mut Vec::new());
    let early = told(&process, exchange.number, 2);
    process.machine.notice(&early, later);
    assert_eq!(process.held(), 1);
    process.hear(reply, later);
    assert_eq!(process.held(), 2);
}

#[test]
fn a_driver_that_begins_anew_hears_anew() {
    let keeps = |anew: bool| {
        let now = Instant::now();
        let (mut process, mut ledger) = waits_for_a_permit(now);
        process.machine.notice(&Notice::Heard(false), now);
        if anew {
            process.machine.begin_anew();
            process.look(now);
        }
        process.queued = 0;
        let later = now + Duration::from_secs(2);
        process.look(later);
        let exchange = process.ask(later);
        let reply = ledger.exchange(&exchange, START + (later - now), &mut Vec::new());
        process.hear(reply, later);
        process.held() == 1
    };
    assert!(keeps(true) && !keeps(false));
}

#[test]
fn no_length_of_a_window_is_too_long_to_wait_for() {
    let now = Instant::now();
    let mut machine = Machine::new(1, settings(FailureMode::LocalShare), now);
    let demand = || {
        let longest = WindowDemand::new(WindowSpan::Any(Duration::MAX), 1);
        let mut common = ScopeDemand::new("app", 9).with_window(longest);
        common.common = true;
        let mut permit = WindowDemand::new(PERMIT, 1);
        permit.in_flight = 1;
        let account = ScopeDemand::new("account", 1).with_window(permit);
        vec![common, account]
    };
    machine.observe(demand(), now);
    machine.shares(now);
    let (names, _) = machine.prepare(now);
    let exchange = machine.ask(&names, now);
    let reply = Ledger::new().exchange(&exchange, START, &mut Vec::new());
    machine.hear(exchange.number, reply, now, 0.3);
    machine.observe(demand(), now);
    machine.shares(now);
    assert!(machine.wakes(now).is_some());
}

/// A process whose requests wait for their turn, and as many accounts as one
/// exchange may be about or more, of which another has all permits. By chance, some
/// orders let none starve.
#[test]
fn a_new_account_has_its_turn_among_many_that_wait() {
    for (instances, hot, rounds) in [(1, 70, 2), (16, 17, 2), (16, 40, 4)].repeat(4) {
        let (began, mut now) = (Instant::now(), Instant::now());
        let mut ledger = Ledger::new();
        // It uses them all the time.
        let other = |ledger: &mut Ledger, number: u64, now: Instant| {
            let mut exchange = Exchange::new(2, number, Duration::from_secs(5));
            for at in 0..hot {
                let mut ask = ScopeAsk::new(format!("account:{at}"));
                let mut window = WindowAsk::new(PERMIT, 1);
                (ask.acknowledged, window.want) = (number - 1, 1);
                window.held = u32::from(number > 1);
                ask.windows.push(window);
                exchange.scopes.push(ask);
            }
            let reply = ledger.exchange(&exchange, START + (now - began), &mut Vec::new());
            assert!(reply.is_ok());
        };
        other(&mut ledger, 1, now);
        let demand = |now: Instant| {
            let second = WindowDemand::new(SECOND, 1);
            let mut common = ScopeDemand::new("app", 90).with_window(second);
            common.common = true;
            let mut demands = vec![common];
            demands.extend((0..8).map(|at| {
                let mut used = WindowDemand::new(PERMIT, 1);
                used.in_flight = 1;
                ScopeDemand::new(format!("used:{at}"), 0).with_window(used)
            }));
            let new = if now < began + Duration::from_secs(20) {
                0
            } else {
                1
            };
            demands.extend((0..hot + new).map(|at| {
                let permit = WindowDemand::new(PERMIT, 1);
                ScopeDemand::new(format!("account:{at}"), 1).with_window(permit)
            }));
            demands
        };
        let mut settings = settings(FailureMode::LocalShare);
        settings.instances = u32::try_from(instances).unwrap();
        let mut machine = Machine::new(1, settings, now);
        let new = Arc::from(format!("account:{hot}"));
        let (mut asked, mut exchanges, mut others) = (None, 0, 1);
        while asked.is_none() && now < began + Duration::from_secs(90) {
            now += Duration::from_millis(10);
            if now >= began + Duration::from_secs(2 * others) {
                others += 1;
                other(&mut ledger, others, now);
            }
            machine.observe(demand(now), now);
            machine.shares(now);
            if machine.due(now).is_none_or(|due| now < due) {
                continue;
            }
            let (names, _) = machine.prepare(now);
            asked = names.contains(&new).then_some(now);
            let exchange = machine.ask(&names, now);
            let mut reply = ledger.exchange(&exchange, START + (now - began), &mut Vec::new());
            if let Ok(reply) = &mut reply {
                reply.instances = reply.instances.max(settings.instances);
            }
            machine.hear(exchange.number, reply, now, 0.3);
            exchanges += 1;
        }
        let waited = asked.map(|at| at - (began + Duration::from_secs(20)));
        println!("{instances}, {hot}: {waited:?}, {exchanges} exchanges");
        assert!(
            waited.is_some_and(|it| it <= rounds * Duration::from_millis(3_050)),
            "{waited:?}"
        );
    }
}
