use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Answer {
    Admitted { ago: u64, tight: bool },
    Refused { ago: u64, fit: u32, refused: u32 },
    Ceiling(Option<u32>),
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        20 => (0_u64..4, any::<bool>()).prop_map(|(ago, tight)| Answer::Admitted { ago, tight }),
        1 => (0_u64..4, any::<u32>(), 0_u32..9)
            .prop_map(|(ago, fit, refused)| Answer::Refused { ago, fit, refused }),
        1 => prop::option::of(1..=u32::MAX).prop_map(Answer::Ceiling),
    ]
}

proptest! {
    #[test]
    fn it_is_never_above_the_ceiling_and_never_nothing(
        ceiling in 1_u32..40,
        known in any::<bool>(),
        answers in prop::collection::vec(answer(), 1..400),
    ) {
        let mut rate = if known { Rate::below(ceiling) } else { Rate::start() };
        let mut most = known.then_some(ceiling);
        for (number, answer) in (4..).zip(answers) {
            match answer {
                Answer::Admitted { ago, tight } => {
                    rate.admitted(number - ago, tight, number + 1, 1);
                }
                Answer::Refused { ago, fit, refused } if !rate.is_past(number - ago) => {
                    rate.refused(fit, refused, number + 1);
                }
                Answer::Refused { .. } => {}
                Answer::Ceiling(ceiling) => {
                    most = ceiling;
                    rate.set_ceiling(ceiling);
                }
            }
            prop_assert!(rate.limit() >= 1);
            prop_assert!(most.is_none_or(|most| rate.limit() <= most));
        }
    }
}

/// Requests go one after another, and a server of this limit, of which so
/// many are always in the window, answers. Returns how many it refused.
fn steady(rate: &mut Rate, truth: u32, numbers: std::ops::Range<u64>) -> u32 {
    let mut refused = 0;
    for number in numbers {
        if rate.limit() <= truth {
            rate.admitted(number, true, number + 1, 1);
        } else if !rate.is_past(number) {
            refused += rate.limit() - truth;
            rate.refused(truth, rate.limit() - truth, number + 1);
        }
    }
    refused
}

#[test]
fn one_event_cuts_once() {
    let mut rate = Rate::below(20);
    rate.refused(8, 12, 32);
    for number in 0..32 {
        assert!(rate.is_past(number));
        assert!(!rate.admitted(number, true, 33, 1));
    }
    assert_eq!(rate.limit(), 8);
    rate.refused(9, 1, 40);
    assert_eq!(rate.limit(), 7);
}

#[test]
fn probes_cost_one_request_in_a_hundred() {
    for truth in [1, 8, 100, 3_000] {
        let mut rate = Rate::below(10_000);
        rate.refused(truth, 12, 0);
        steady(&mut rate, truth, 0..2_000 + 10 * u64::from(truth));
        let sent = 50_000;
        let refused = steady(&mut rate, truth, 200_000..200_000 + sent);
        assert!(u64::from(refused) <= sent / 100, "{truth}: {refused}");
    }
}

#[test]
fn a_limit_that_rises_is_found_within_seconds() {
    let mut rate = Rate::below(20);
    rate.refused(8, 12, 0);
    steady(&mut rate, 8, 0..1_000);
    assert_eq!(rate.limit(), 8);
    // Some 20 seconds at most, of which a probe is waited for most.
    steady(&mut rate, 20, 1_000..1_180);
    assert!(rate.is_over());
}

#[test]
fn nothing_known_doubles_until_it_is_refused() {
    let mut rate = Rate::start();
    assert_eq!(rate.limit(), 4);
    steady(&mut rate, u32::MAX, 0..62);
    assert_eq!(rate.limit(), 128);
    rate.refused(100, 28, 200);
    assert_eq!(rate.limit(), 100);
}

/// Each of so many sends in turn, and hears what the others find. Returns how
/// many of 50,000 are refused.
#[cfg(feature = "shared-state")]
fn shared(truth: u32, count: u32) -> u32 {
    let (mut rates, mut refused) = (vec![], 0);
    rates.resize(count as usize, Rate::learned(truth, Some(10_000), 0));
    for number in 0..52_000 {
        let at = number as usize % rates.len();
        let before = rates[at].limit();
        if before <= truth {
            rates[at].admitted(number, true, number + 1, count);
        } else if !rates[at].is_past(number) {
            refused += u32::from(number >= 2_000) * (before - truth);
            rates[at].refused(truth, before - truth, number + 1);
        }
        let found = rates[at].limit();
        for other in rates.iter_mut().filter(|_| found != before) {
            other.heard(found, number + 1);
        }
        assert!(rates.iter().all(|rate| rate.limit() == found));
    }
    refused
}

#[cfg(feature = "shared-state")]
#[test]
fn many_that_share_a_limit_try_as_seldom_as_one() {
    for truth in [8, 100] {
        let alone = shared(truth, 1);
        assert!(alone >= 100, "{alone}");
        for count in [2, 4, 10] {
            let all = shared(truth, count);
            assert!(
                all.abs_diff(alone) <= alone / 8,
                "{truth}: {count} pay {all}, and one {alone}"
            );
        }
    }
}
