use proptest::prelude::*;

use super::{Call, Limits, Model, Step, ms};

fn call() -> impl Strategy<Value = Call> {
    let whose = (
        0_u8..4,
        any::<bool>(),
        prop::option::weighted(0.3, any::<bool>()),
    );
    let app = prop::bool::weighted(0.9);
    let trip = prop_oneof![3 => 0_u64..500, 1 => 0_u64..30_000];
    let patience = prop::option::weighted(0.3, 0_u64..200_000);
    let deadline = prop::option::weighted(0.2, 1_u64..100_000);
    let lazy = prop_oneof![3 => Just(0_u64), 1 => 0_u64..300, 1 => 0_u64..50_000];
    let unready = prop_oneof![3 => Just((0_u8, 0_u64)), 1 => (1_u8..3, 0_u64..5_000)];
    (
        whose,
        (app, 0_u8..3, prop_oneof![5 => Just(1_u32), 1 => 1_u32..5]),
        trip,
        0.0..=1.0,
        (patience, deadline),
        (lazy, unready),
    )
        .prop_map(
            |(
                (account, endpoint, field),
                (app, priority, cost),
                trip,
                share,
                ends,
                (lazy, unready),
            )| {
                Call {
                    account,
                    endpoint,
                    field,
                    app,
                    priority,
                    trip,
                    share,
                    patience: ends.0,
                    deadline: ends.1,
                    lazy,
                    unready,
                    cost,
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => call().prop_map(Step::Call),
        1 => any::<bool>().prop_map(Step::Pause),
        2 => (0_u8..4, 0_u64..60_000).prop_map(|(n, time)| Step::Hold(n, time)),
        2 => any::<prop::sample::Index>().prop_map(Step::Poll),
    ]
}

fn quota() -> impl Strategy<Value = Step> {
    (0_u8..4, 1_u32..5, 60_001_u64..90_000)
        .prop_map(|(n, requests, time)| Step::Quota(n, requests, time))
}

fn limits() -> impl Strategy<Value = Limits> {
    let one = (1_u32..5, prop_oneof![100_u64..20_000, 60_001_u64..90_000]);
    [one.clone(), one.clone(), one.clone(), one]
}

fn run(limits: Limits, steps: Vec<(u64, Step)>) -> Model {
    let mut model = Model::new(limits);
    for (gap, step) in steps {
        let end = model.now + ms(gap);
        model.run_until(Some(end));
        model.step(step);
        model.check();
    }
    model.step(Step::Pause(false));
    model.run_until(None);
    model
}

proptest! {
    #[test]
    fn all_go_none_too_soon_and_nothing_is_left(
        limits in limits(),
        steps in prop::collection::vec((0_u64..4_000, step()), 1..80),
    ) {
        let mut model = run(limits, steps);
        model.is_clean();
        prop_assert!(model.most_in(60_000, |it| it.app) <= limits[3].0 * 3);
        let long = |n: usize| if limits[n].1 < 60_000 { u32::MAX } else { limits[n].0 };
        prop_assert!(model.most_in(limits[0].1, |it| it.app) <= long(0));
        for endpoint in [false, true] {
            prop_assert!(model.most_in(limits[1].1, |it| it.endpoint == endpoint) <= long(1));
            for account in 0..4 {
                let same = |it: &Call| it.endpoint == endpoint && it.account == account;
                prop_assert!(model.most_in(limits[2].1, same) <= long(2));
            }
        }
    }

    #[test]
    fn all_go_while_quotas_change(
        limits in limits(),
        steps in prop::collection::vec((0_u64..4_000, prop_oneof![9 => step(), 1 => quota()]), 1..80),
    ) {
        run(limits, steps).is_clean();
    }
}
