//! How long to stay away from a limit that was reached.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Api;
use crate::classify::{
    Throttle, ThrottleScope,
    ThrottleWindow::{self, Day, Minute, Second},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// The price of overrunning a minute of the Marketing API.
const SUSPENSION: Duration = Duration::from_secs(300);

/// A limit of an API that said so with a code. `now` is the server's time.
pub(super) fn throttle(
    api: Api,
    scope: ThrottleScope,
    window: ThrottleWindow,
    now: SystemTime,
) -> Throttle {
    let limit = Throttle::new(scope, window);
    let suspends = api.is_marketing();
    match window {
        Second => limit.with_waits([SECOND]),
        // After two pauses it was not the minute that was overrun.
        Minute if suspends => limit.with_waits([SUSPENSION, SUSPENSION, until_midnight(now)]),
        Minute => limit.with_waits([MINUTE]),
        Day => limit.with_waits([until_midnight(now)]),
        // The cheap guess first, and then the next dearer one.
        _ if suspends => limit.with_waits([
            SECOND,
            5 * SECOND,
            SUSPENSION,
            SUSPENSION,
            until_midnight(now),
        ]),
        _ => limit,
    }
}

/// A limit that an HTTP status alone tells of. It may be a gateway's, so no
/// day is waited out for it.
pub(in crate::tiktok) fn throttle_by_status(api: Api) -> Throttle {
    match api {
        Api::Marketing | Api::Events => {
            Throttle::new(ThrottleScope::Unknown, ThrottleWindow::Unknown).with_waits([
                SECOND,
                5 * SECOND,
                SUSPENSION,
            ])
        }
        Api::OpenV2 => Throttle::new(ThrottleScope::AppEndpoint, Minute).with_waits([MINUTE]),
        Api::Shop => Throttle::new(ThrottleScope::Unknown, ThrottleWindow::Unknown),
    }
}

/// The time to the next 00:00 UTC: more than nothing, at most a day.
fn until_midnight(now: SystemTime) -> Duration {
    // A clock before 1970 tells nothing: wait for a whole day.
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let today = Duration::new(since.as_secs() % DAY.as_secs(), since.subsec_nanos());
    DAY.saturating_sub(today)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(secs: u64, nanos: u32) -> SystemTime {
        UNIX_EPOCH + Duration::new(secs, nanos)
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let midnight = 20_000 * 86_400;
        for (now, wait) in [
            (at(midnight, 0), DAY),
            (at(midnight, 1), DAY - Duration::from_nanos(1)),
            (at(midnight + 1, 0), Duration::from_secs(86_399)),
            (at(midnight + 43_200, 0), Duration::from_secs(43_200)),
            (at(midnight - 1, 0), SECOND),
            (at(midnight - 1, 999_999_999), Duration::from_nanos(1)),
            (at(0, 0), DAY),
            (UNIX_EPOCH - SECOND, DAY),
        ] {
            assert_eq!(until_midnight(now), wait, "{now:?}");
        }
    }

    #[test]
    fn an_unknown_window_costs_more_each_time() {
        let noon = at(43_200, 0);
        let scope = ThrottleScope::AppEndpoint;
        let throttle = throttle(Api::Marketing, scope, ThrottleWindow::Unknown, noon);
        let waits: Vec<_> = (0..6)
            .map(|n| throttle.wait(n).unwrap().as_secs())
            .collect();
        assert_eq!(waits, [1, 5, 300, 300, 43_200, 43_200]);
    }

    proptest! {
        #[test]
        fn the_next_midnight_is_a_midnight(secs in 0..=4_000_000_000_u64, nanos in 0..1_000_000_000_u32) {
            let wait = until_midnight(at(secs, nanos));
            prop_assert!(wait > Duration::ZERO && wait <= DAY);
            let then = Duration::new(secs, nanos) + wait;
            prop_assert_eq!((then.as_secs() % 86_400, then.subsec_nanos()), (0, 0));
        }
    }
}
