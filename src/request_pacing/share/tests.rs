use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn learn(share: &mut Share, before: u64) {
    while let Some(refused) = share.next_refusal(before) {
        share.explain(&refused, [(1, SECOND)].into_iter());
    }
}

proptest! {
    /// A server of one request a second, whose true share is known to us.
    #[test]
    fn a_refusal_never_teaches_more_than_the_truth(
        truth in 0.0..=1.0,
        trips in prop::collection::vec((20_u64..400, 900_u64..1_100), 2..60),
    ) {
        let mut share = Share::new(1);
        let (mut sent, mut last) = (Instant::now(), None::<Instant>);
        for (n, (trip, gap)) in trips.into_iter().enumerate() {
            let answered = sent + Duration::from_millis(trip);
            let arrival = arrival(truth, sent, answered);
            let before = share.value();
            if last.is_some_and(|last| last + SECOND > arrival) {
                share.refused(sent, answered, (n as u64, n as u64), None, None);
            } else {
                last = Some(arrival);
                share.admitted(sent, answered, 1, true);
            }
            learn(&mut share, n as u64);
            // A step of the grid is what it may be off.
            prop_assert!(share.value() <= before.max(truth + 0.011), "{}", share.value());
            sent += Duration::from_millis(gap);
        }
    }
}

#[test]
fn a_refusal_that_an_unanswered_call_explains_teaches_nothing() {
    let (now, mut share) = (Instant::now(), Share::new(1));
    share.value = 0.25;
    share.admitted(now, now + SECOND, 1, false);
    share.presumed(now + SECOND, now + SECOND * 3, 1);
    share.refused(
        now + SECOND * 5 / 2,
        now + SECOND * 7 / 2,
        (2, 3),
        None,
        None,
    );
    learn(&mut share, 3);
    assert_eq!(share.value(), 0.25);
}

#[test]
fn it_shrinks_only_while_the_window_is_full() {
    let (now, mut share) = (Instant::now(), Share::new(10));
    share.admitted(now, now + SECOND, 1, false);
    assert_eq!(share.value(), START);
    share.admitted(now, now + SECOND, 1, true);
    assert!(share.value() < START);
}

#[test]
fn a_refusal_waits_for_those_in_flight() {
    let (now, mut share) = (Instant::now(), Share::new(1));
    share.value = 0.0;
    // Sent a second apart; the first was slow to arrive.
    share.admitted(now, now + SECOND, 1, false);
    share.refused(now + SECOND, now + SECOND * 5 / 4, (1, 3), None, None);
    learn(&mut share, 2);
    assert_eq!(share.value(), 0.0);
    learn(&mut share, 3);
    assert!(share.value() > 0.0);
}
