use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Limits that hold from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From when.
    pub from: Duration,
    /// Calls in a second.
    pub second: u32,
    /// Calls in a minute.
    pub minute: u32,
}

/// How the second's and the minute's windows run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// The trailing second and minute: a call leaves exactly one length after
    /// it came.
    Sliding,
    /// One begins at `phase`, and at every full length before and after it.
    Fixed {
        /// When.
        phase: Duration,
    },
}

/// When the last of so many calls can be admitted at the earliest, by one who
/// knows the windows, their phase and every change of the limits, and decides
/// when each call arrives.
///
/// Each call as soon as it can be is the best there is: a call that comes
/// earlier also leaves earlier, so by induction the n-th of any other schedule
/// finds no fewer calls in its windows than the n-th of this one.
///
/// # Panics
///
/// There are no limits at the start, or one is nought.
#[must_use]
pub fn last_admission(calls: usize, windows: Windows, limits: &[Limits]) -> Duration {
    let mut admitted: Vec<Duration> = Vec::with_capacity(calls);
    let mut now = Duration::ZERO;
    while admitted.len() < calls {
        let hold = limits.iter().rev().find(|limits| limits.from <= now);
        let hold = hold.expect("there are limits at the start");
        let second = free_at(&admitted, windows, SECOND, hold.second, now);
        let minute = free_at(&admitted, windows, MINUTE, hold.minute, now);
        let free = second.max(minute);
        if free <= now {
            admitted.push(now);
            continue;
        }
        // Other limits may let it in sooner.
        let changes = limits.iter().map(|limits| limits.from);
        let change = changes.filter(|from| *from > now).min();
        now = change.map_or(free, |change| change.min(free));
    }
    now
}

/// When a window has room again, if nothing more comes.
fn free_at(
    admitted: &[Duration],
    windows: Windows,
    length: Duration,
    limit: u32,
    now: Duration,
) -> Duration {
    assert!(limit > 0, "a limit of nought lets nothing through");
    // The call that has to be out of the window before another is let in.
    let Some(oldest) = admitted.len().checked_sub(limit as usize) else {
        return now;
    };
    let oldest = admitted[oldest];
    match windows {
        Windows::Sliding => now.max(oldest + length),
        Windows::Fixed { phase } => now.max(next_window(oldest, length, phase)),
    }
}

/// When the window after the one of this instant begins.
fn next_window(at: Duration, length: Duration, phase: Duration) -> Duration {
    let (length, phase) = (length.as_nanos(), phase.as_nanos() % length.as_nanos());
    let into = (at.as_nanos() + length - phase) % length;
    at + Duration::from_nanos(u64::try_from(length - into).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASIC: Limits = Limits {
        from: Duration::ZERO,
        second: 10,
        minute: 600,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_second_at_a_time() {
        let last = |calls| last_admission(calls, Windows::Sliding, &[BASIC]);
        assert_eq!(last(0), ms(0));
        assert_eq!(last(10), ms(0));
        assert_eq!(last(11), ms(1_000));
        assert_eq!(last(3_000), ms(299_000));
    }

    #[test]
    fn the_minute_binds_where_it_is_the_tighter() {
        let sandbox = Limits {
            second: 1,
            minute: 30,
            ..BASIC
        };
        let last = |calls| last_admission(calls, Windows::Sliding, &[sandbox]);
        assert_eq!(last(30), ms(29_000));
        assert_eq!(last(31), ms(60_000));
        assert_eq!(last(150), ms(4 * 60_000 + 29_000));
    }

    #[test]
    fn a_known_phase_gives_the_first_window_away() {
        let windows = Windows::Fixed { phase: ms(250) };
        let last = |calls| last_admission(calls, windows, &[BASIC]);
        assert_eq!(last(10), ms(0));
        assert_eq!(last(11), ms(250));
        assert_eq!(last(3_000), ms(298_250));
        // Later phases are those of the second before.
        let late = Windows::Fixed { phase: ms(59_250) };
        assert_eq!(last_admission(11, late, &[BASIC]), ms(250));
    }

    #[test]
    fn a_fixed_minute_is_waited_for_to_its_end() {
        let tight = Limits {
            second: 10,
            minute: 20,
            ..BASIC
        };
        let windows = Windows::Fixed { phase: ms(30_500) };
        let last = |calls| last_admission(calls, windows, &[tight]);
        assert_eq!(last(20), ms(500));
        assert_eq!(last(21), ms(30_500));
        assert_eq!(last(41), ms(90_500));
    }

    #[test]
    fn changes_of_the_limits_are_used_at_once() {
        let (few, many) = (
            Limits {
                second: 8,
                minute: 1_200,
                ..BASIC
            },
            Limits {
                second: 20,
                minute: 1_200,
                ..BASIC
            },
        );
        let at = |limits, from| Limits { from, ..limits };
        let falls = [many, at(few, ms(75_000))];
        // 75 times 20, then 8 in each second that is clear of those 20.
        assert_eq!(last_admission(1_500, Windows::Sliding, &falls), ms(74_000));
        assert_eq!(last_admission(1_508, Windows::Sliding, &falls), ms(75_000));
        assert_eq!(last_admission(1_509, Windows::Sliding, &falls), ms(76_000));
        let rises = [few, at(many, ms(100_500))];
        // 101 times 8 and, in the middle of the last second, 12 more.
        assert_eq!(last_admission(808, Windows::Sliding, &rises), ms(100_000));
        assert_eq!(last_admission(820, Windows::Sliding, &rises), ms(100_500));
        assert_eq!(last_admission(821, Windows::Sliding, &rises), ms(101_000));
    }
}
