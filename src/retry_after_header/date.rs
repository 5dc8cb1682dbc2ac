use std::time::{Duration, SystemTime};

/// The time since the Unix epoch. A time before it counts as the epoch.
pub(super) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// A date in one of the three forms of RFC 9110, section 5.6.7: IMF-fixdate,
/// RFC 850 and asctime. As the time since the Unix epoch.
pub(super) fn http_date(text: &str) -> Option<Duration> {
    httpdate::parse_http_date(text).ok().map(since_epoch)
}

/// A date and time as in RFC 3339, and what ISO 8601 calls its basic offset
/// (`+0200`). Without an offset it is UTC. As the time since the Unix epoch;
/// one before it counts as the epoch.
pub(super) fn iso_date(text: &str) -> Option<Duration> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (hour, rest) = digits(rest.strip_prefix(['T', 't', ' '])?, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (nanos, rest) = fraction(rest)?;
    let offset = offset(rest)?;
    let days = days_since_epoch(year, month, day)?;
    // 60 is a leap second.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(u64::try_from(seconds).map_or(Duration::ZERO, |seconds| Duration::new(seconds, nanos)))
}

fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(())?;
    Some((digits.parse().ok()?, rest))
}

fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = rest
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    let kept = &digits[..digits.len().min(9)];
    let scale = 10_u32.pow(9 - u32::try_from(kept.len()).ok()?);
    Some((kept.parse::<u32>().ok()? * scale, rest))
}

/// Seconds east of Greenwich.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(0),
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        Some(_) => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':').unwrap_or(rest), 2)?;
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days from 1970-01-01, in the Gregorian calendar. Years begin in March
/// here, so that the leap day is the last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 9110's own example.
    const EXAMPLE: Duration = Duration::from_secs(784_111_777);

    #[test]
    fn the_three_forms_of_a_http_date_are_one_instant() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(http_date(text), Some(EXAMPLE), "{text}");
        }
    }

    #[test]
    fn an_iso_date_is_the_same_instant_in_every_zone() {
        for text in [
            "1994-11-06T08:49:37Z",
            "1994-11-06t08:49:37z",
            "1994-11-06 08:49:37",
            "1994-11-06T08:49:37+00:00",
            "1994-11-06T10:49:37+02:00",
            "1994-11-06T10:49:37+0200",
            "1994-11-05T23:49:37-09:00",
        ] {
            assert_eq!(iso_date(text), Some(EXAMPLE), "{text}");
        }
        let precise = iso_date("1994-11-06T08:49:37.123456789123Z");
        assert_eq!(precise, Some(EXAMPLE + Duration::from_nanos(123_456_789)));
    }

    #[test]
    fn a_day_that_never_was_is_no_date() {
        for text in [
            "",
            "1994",
            "1994-11-06",
            "1994-13-06T08:49:37Z",
            "1994-00-06T08:49:37Z",
            "1994-11-31T08:49:37Z",
            "1993-02-29T08:49:37Z",
            "1900-02-29T08:49:37Z",
            "1994-11-06T24:49:37Z",
            "1994-11-06T08:60:37Z",
            "1994-11-06T08:49:61Z",
            "1994-11-06T08:49:37.Z",
            "1994-11-06T08:49:37+2:00",
            "1994-11-06T08:49:37+99:00",
            "1994-11-06T08:49:37Zz",
            "+994-11-06T08:49:37Z",
            "1994-11-06T08:49:3\u{664}Z",
        ] {
            assert_eq!(iso_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_before_the_epoch_is_the_epoch() {
        assert_eq!(iso_date("0000-01-01T00:00:00+23:59"), Some(Duration::ZERO));
        assert_eq!(iso_date("1969-12-31T23:59:59Z"), Some(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            let _ = (http_date(&text), iso_date(&text));
        }

        #[test]
        fn nearly_a_date_is_read_without_a_panic(
            text in "[A-Za-z]{3,9},? [0-9]{1,2}[ -][A-Za-z]{3}[ -][0-9]{2,4} [0-9:]{5,8}( GMT)?"
        ) {
            let _ = http_date(&text);
        }

        #[test]
        fn both_calendars_agree(seconds in 0_u64..253_402_300_800) {
            let time = Duration::from_secs(seconds);
            let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + time);
            prop_assert_eq!(http_date(&text), Some(time));
            // "Sun, 06 Nov 1994 08:49:37 GMT"
            let month = "JanFebMarAprMayJunJulAugSepOctNovDec".find(&text[8..11]).unwrap() / 3 + 1;
            let iso = format!("{}-{month:02}-{}T{}Z", &text[12..16], &text[5..7], &text[17..25]);
            prop_assert_eq!(iso_date(&iso), Some(time));
        }
    }
}
