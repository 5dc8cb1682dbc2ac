//! Times as TikTok writes them, in whole seconds since 1970.

use std::time::UNIX_EPOCH;

use http::{HeaderMap, header::DATE};

/// The time at which an answer was written, on the server's clock.
pub(super) fn written(headers: &HeaderMap) -> Option<u64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let time = httpdate::parse_http_date(date).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// `YYYY-MM-DD hh:mm:ss`, in UTC.
pub(super) fn created(text: &str) -> Option<u64> {
    let (date, time) = text.trim().split_once([' ', 'T'])?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.trim_end_matches('Z'), ':')?;
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    if !is_date || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let day = day_since_1970(year, month, day)?;
    Some(day * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn numbers(text: &str, sign: char) -> Option<[u64; 3]> {
    let mut parts = text.split(sign);
    let mut next = || {
        let part = parts.next()?;
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    };
    let found = [next()?, next()?, next()?];
    parts.next().is_none().then_some(found)
}

/// Of a date of the Gregorian calendar (Hinnant's algorithm).
fn day_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    // The year begins in March, so that the odd day is its last.
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let of_year = (153 * month + 2) / 5 + day - 1;
    let of_era = year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + of_year;
    (year / 400 * 146_097 + of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        assert_eq!(created("1970-01-01 00:00:00"), Some(0));
        assert_eq!(created("2023-01-01 00:00:01"), Some(1_672_531_201));
        assert_eq!(created("2024-02-29 23:59:59"), Some(1_709_251_199));
        for wrong in [
            "",
            "2023-01-01",
            "2023-13-01 00:00:00",
            "x",
            "2023-01-01 24:00:00",
            "2023-01-01 00:00",
            "+2023-01-01 00:00:00",
        ] {
            assert_eq!(created(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_time_agrees_with_the_header(seconds in 0..253_402_300_800_u64) {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let date = httpdate::fmt_http_date(time);
            let mut headers = HeaderMap::new();
            headers.insert(DATE, date.parse().unwrap());
            prop_assert_eq!(written(&headers), Some(seconds));

            // `Sun, 06 Nov 1994 08:49:37 GMT`
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = months.iter().position(|month| *month == &date[8..11]).unwrap() + 1;
            let text = format!("{}-{month:02}-{} {}", &date[12..16], &date[5..7], &date[17..25]);
            prop_assert_eq!(created(&text), Some(seconds));
        }

        #[test]
        fn nothing_makes_it_panic(text in ".{0,30}") {
            let _ = created(&text);
        }
    }
}
