use std::time::Duration;

const NANOS: u128 = 1_000_000_000;

/// A number without a sign, as headers carry them: `120` or `1.5`. One too
/// large to keep is the largest that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    whole: u64,
    /// Billionths, rounded up.
    nanos: u32,
}

// ===== impl Decimal =====

impl Decimal {
    /// Reads all of `text`. No sign, no exponent, no word: nothing that a
    /// float parser would take for a number besides digits and one dot.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match Self::prefix(text) {
            Some((number, "")) => Some(number),
            _ => None,
        }
    }

    /// Reads as much of `text` as is a number, and gives the rest back.
    pub(super) fn prefix(text: &str) -> Option<(Self, &str)> {
        let (digits, rest) = split_digits(text)?;
        let whole = digits.bytes().fold(0_u64, |whole, digit| {
            whole
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        });
        let Some((fraction, rest)) = rest.strip_prefix('.').and_then(split_digits) else {
            return Some((Self { whole, nanos: 0 }, rest));
        };
        let mut nanos = 0;
        for place in 0..9 {
            let digit = fraction
                .as_bytes()
                .get(place)
                .map_or(0, |digit| digit - b'0');
            nanos = nanos * 10 + u32::from(digit);
        }
        let dropped = fraction.bytes().skip(9).any(|digit| digit != b'0');
        let nanos = (nanos + u32::from(dropped)).min(999_999_999);
        Some((Self { whole, nanos }, rest))
    }

    pub(super) fn whole(self) -> u64 {
        self.whole
    }

    /// That many seconds.
    pub(super) fn seconds(self) -> Duration {
        Duration::new(self.whole, self.nanos)
    }

    /// That many seconds, a part of one counted as a whole.
    pub(super) fn seconds_rounded_up(self) -> Duration {
        Duration::from_secs(self.whole.saturating_add(u64::from(self.nanos > 0)))
    }

    /// That many `unit`s.
    pub(super) fn times(self, unit: Duration) -> Duration {
        let billionths = u128::from(self.whole) * NANOS + u128::from(self.nanos);
        let nanos = billionths.saturating_mul(unit.as_nanos()).div_ceil(NANOS);
        match u64::try_from(nanos / NANOS) {
            Ok(seconds) => {
                let rest = u32::try_from(nanos % NANOS).expect("less than a billion");
                Duration::new(seconds, rest)
            }
            Err(_) => Duration::MAX,
        }
    }
}

fn split_digits(text: &str) -> Option<(&str, &str)> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(text: &str) -> Option<Duration> {
        Decimal::parse(text).map(Decimal::seconds)
    }

    #[test]
    fn digits_and_one_dot_are_a_number() {
        assert_eq!(seconds("120"), Some(Duration::from_secs(120)));
        assert_eq!(seconds("007"), Some(Duration::from_secs(7)));
        assert_eq!(seconds("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(seconds("0.0000000001"), Some(Duration::from_nanos(1)));
    }

    #[test]
    fn nothing_else_is_a_number() {
        for text in [
            "", " 1", "1 ", "-1", "+1", "1.", ".5", "1.5.5", "1,5", "1e3", "NaN", "inf",
            "infinity", "0x10", "1_000", "１", "٣",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_too_large_to_keep_is_the_largest() {
        let huge = Decimal::parse(&"9".repeat(400)).unwrap();
        assert_eq!(huge.seconds(), Duration::from_secs(u64::MAX));
        assert_eq!(huge.seconds_rounded_up(), Duration::from_secs(u64::MAX));
        assert_eq!(huge.times(Duration::from_secs(86_400)), Duration::MAX);
        let nearly = Decimal::parse("18446744073709551615.9999999999").unwrap();
        assert_eq!(nearly.seconds_rounded_up(), Duration::from_secs(u64::MAX));
        assert!(nearly.seconds() >= Duration::from_secs(u64::MAX));
    }

    #[test]
    fn a_part_of_a_second_counts_as_a_whole_one_if_asked() {
        for (text, rounded) in [("0.0", 0), ("0.01", 1), ("1.0000000000001", 2), ("3", 3)] {
            let number = Decimal::parse(text).unwrap();
            assert_eq!(
                number.seconds_rounded_up(),
                Duration::from_secs(rounded),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            let _ = Decimal::prefix(&text);
        }

        #[test]
        fn a_number_times_a_unit_is_exact(whole in 0_u64..1 << 40, unit in 0_u64..1 << 40) {
            let number = Decimal::parse(&whole.to_string()).unwrap();
            let nanos = u128::from(whole) * u128::from(unit);
            prop_assert_eq!(number.times(Duration::from_nanos(unit)).as_nanos(), nanos);
        }
    }
}
