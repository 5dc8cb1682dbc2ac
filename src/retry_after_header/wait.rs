//! From the text of a header to a duration. Nothing here is capped yet.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

use super::{
    date::{http_date, iso_date, since_epoch},
    number::Decimal,
};

/// A reset above this many seconds is no duration but a date.
const EPOCH_SECONDS: u64 = 1_000_000_000;
/// And above this many, a date in milliseconds.
const EPOCH_MILLIS: u64 = 1_000_000_000_000;

const MILLISECOND: Duration = Duration::from_millis(1);

/// How a number is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now, or since the epoch: the size tells.
    Millis,
    /// Seconds from now, or since the epoch in seconds or milliseconds:
    /// servers do not agree, but the size tells.
    Guess,
}

/// What dates are compared with, since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Duration);

// ===== impl Clock =====

impl Clock {
    /// The server's own clock, as `Date` shows it: a date it sends then means
    /// the same wait, however wrong either clock is. Without one, `now`.
    pub(super) fn of(headers: &HeaderMap, now: SystemTime) -> Self {
        let date = headers
            .get(header::DATE)
            .and_then(|date| http_date(date.to_str().ok()?.trim()));
        Self(date.unwrap_or_else(|| since_epoch(now)))
    }

    fn until(self, since_epoch: Duration) -> Duration {
        since_epoch.saturating_sub(self.0)
    }
}

/// One value of `Retry-After`: seconds, or a date. Seconds with a fraction,
/// which RFC 9110 does not know but servers send, are rounded up.
pub(super) fn retry_after(text: &str, clock: Clock) -> Option<Duration> {
    let seconds = Decimal::parse(text).map(Decimal::seconds_rounded_up);
    seconds.or_else(|| Some(clock.until(http_date(text)?)))
}

/// One value of a reset: a number, a duration such as `6m0s`, or a date.
pub(super) fn reset(text: &str, unit: Unit, clock: Clock) -> Option<Duration> {
    if let Some(number) = Decimal::parse(text) {
        return Some(match unit {
            Unit::Seconds => number.seconds(),
            Unit::Millis | Unit::Guess if number.whole() > EPOCH_MILLIS => {
                clock.until(number.times(MILLISECOND))
            }
            Unit::Millis => number.times(MILLISECOND),
            Unit::Guess if number.whole() > EPOCH_SECONDS => clock.until(number.seconds()),
            Unit::Guess => number.seconds(),
        });
    }
    let date = || iso_date(text).or_else(|| http_date(text));
    units(text).or_else(|| Some(clock.until(date()?)))
}

/// A duration as Go and its followers write it: `1h30m`, `6m0s`, `1.5s`,
/// `20ms`.
fn units(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = Decimal::prefix(rest)?;
        let end = after.bytes().position(|byte| !byte.is_ascii_alphabetic());
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        let unit = match unit {
            "d" => Duration::from_secs(86_400),
            "h" => Duration::from_secs(3600),
            "m" => Duration::from_secs(60),
            "s" => Duration::from_secs(1),
            "ms" => MILLISECOND,
            "us" => Duration::from_micros(1),
            "ns" => Duration::from_nanos(1),
            _ => return None,
        };
        sum = sum.saturating_add(number.times(unit));
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

/// The largest of the values in a line, which commas separate. What does not
/// `parse` is passed over.
///
/// Some dates hold one comma themselves, so a piece that is nothing alone is
/// tried together with the next one.
pub(super) fn largest(line: &str, parse: impl Fn(&str) -> Option<Duration>) -> Option<Duration> {
    let mut found = None;
    let mut rest = line;
    loop {
        let one = rest.find(',').unwrap_or(rest.len());
        let mut end = one;
        let mut value = parse(rest[..one].trim());
        if value.is_none() && one < rest.len() {
            let next = one + 1;
            let two = rest[next..].find(',').map_or(rest.len(), |at| next + at);
            value = parse(rest[..two].trim());
            if value.is_some() {
                end = two;
            }
        }
        found = found.max(value);
        if end == rest.len() {
            return found;
        }
        rest = &rest[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 06 Nov 1994 08:49:37 GMT.
    const NOW: Clock = Clock(Duration::from_secs(784_111_777));

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    fn retry(line: &str) -> Option<Duration> {
        largest(line, |text| retry_after(text, NOW))
    }

    #[test]
    fn seconds_and_dates_are_waits() {
        assert_eq!(retry("120"), seconds(120));
        assert_eq!(retry(" 120 "), seconds(120));
        assert_eq!(retry("1.5"), seconds(2));
        assert_eq!(retry("Sun, 06 Nov 1994 08:50:37 GMT"), seconds(60));
        assert_eq!(retry("Sunday, 06-Nov-94 08:50:37 GMT"), seconds(60));
        assert_eq!(retry("Sun Nov  6 08:50:37 1994"), seconds(60));
    }

    #[test]
    fn a_past_date_is_no_wait() {
        assert_eq!(retry("Sun, 06 Nov 1994 08:49:36 GMT"), seconds(0));
        assert_eq!(retry("Thu, 01 Jan 1970 00:00:00 GMT"), seconds(0));
    }

    #[test]
    fn the_largest_of_a_list_counts_and_dates_stay_whole() {
        for line in [
            "1, 120, 60",
            "Sun, 06 Nov 1994 08:51:37 GMT",
            "30, Sun, 06 Nov 1994 08:51:37 GMT, 60",
            "Sun, 06 Nov 1994 08:51:37 GMT,Sunday, 06-Nov-94 08:50:37 GMT,Sun Nov  6 08:50:37 1994",
            "soon, 120",
            "Sun, 120",
            ",,120,",
            "-500, 120, NaN",
        ] {
            assert_eq!(retry(line), seconds(120), "{line}");
        }
    }

    #[test]
    fn what_is_malformed_is_no_wait() {
        for line in [
            "",
            ",",
            "soon",
            "-1",
            "NaN",
            "inf",
            "1e9",
            "120s",
            "0x78",
            "Sun,",
            "Sun, 06 Nov 1994",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "2026-01-01T00:00:00Z",
        ] {
            assert_eq!(retry(line), None, "{line}");
        }
    }

    #[test]
    fn the_size_of_a_reset_tells_what_it_is() {
        for (text, wait) in [
            ("0", Duration::ZERO),
            ("30", Duration::from_secs(30)),
            ("0.25", Duration::from_millis(250)),
            ("1000000000", Duration::from_secs(1_000_000_000)),
            ("1700000060", Duration::from_secs(60)),
            ("1700000060.5", Duration::from_millis(60_500)),
            ("1700000060500", Duration::from_millis(60_500)),
            ("1699999999", Duration::ZERO),
            ("6m0s", Duration::from_secs(360)),
            ("1h1m1.5s", Duration::from_millis(3_661_500)),
            ("20ms", Duration::from_millis(20)),
            ("2d", Duration::from_secs(172_800)),
            ("2023-11-14T22:14:20Z", Duration::from_secs(60)),
            ("Tue, 14 Nov 2023 22:14:20 GMT", Duration::from_secs(60)),
        ] {
            let now = Clock(Duration::from_secs(1_700_000_000));
            assert_eq!(reset(text, Unit::Guess, now), Some(wait), "{text}");
        }
    }

    #[test]
    fn a_named_unit_is_believed() {
        assert_eq!(
            reset("1700000060", Unit::Seconds, NOW),
            seconds(1_700_000_060)
        );
        assert_eq!(
            reset("1500", Unit::Millis, NOW),
            Some(Duration::from_millis(1500))
        );
    }

    #[test]
    fn a_malformed_reset_is_none() {
        for text in [
            "", "-1", "m", "6m0", "6 m", "1x", "1w", "NaN", "tomorrow", "1µs", "6m-1s",
        ] {
            assert_eq!(reset(text, Unit::Guess, NOW), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(line in ".*") {
            for unit in [Unit::Seconds, Unit::Millis, Unit::Guess] {
                let _ = largest(&line, |text| reset(text, unit, NOW));
            }
            let _ = retry(&line);
        }

        #[test]
        fn nearly_a_list_is_read_without_a_panic(line in "[0-9.,:dhmsTZ +-]{0,60}") {
            let _ = largest(&line, |text| reset(text, Unit::Guess, NOW));
        }

        #[test]
        fn the_order_of_a_list_does_not_matter(mut values in prop::collection::vec(0_u64..10_000, 1..6)) {
            let texts: Vec<_> = values.iter().map(|value| {
                let date = SystemTime::UNIX_EPOCH + NOW.0 + Duration::from_secs(*value);
                if value % 2 == 0 { value.to_string() } else { httpdate::fmt_http_date(date) }
            }).collect();
            values.sort_unstable();
            prop_assert_eq!(retry(&texts.join(", ")), seconds(values[values.len() - 1]));
        }
    }
}
