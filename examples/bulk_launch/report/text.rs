//! Text as it may stand in a page.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

/// Escapes whatever would not be read as text, in an attribute as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// With a comma at each thousand.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// As one says it: `80 ms`, `2.4 s`, `3:05 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.9995 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 119.95 {
        format!("{seconds:.1} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{}:{:02} min", whole / 60, whole % 60)
    }
}

/// `1 call`, `2 calls`, `no call`.
pub(crate) fn count(value: u64, one: &str, many: &str) -> String {
    match value {
        0 => format!("no {one}"),
        1 => format!("1 {one}"),
        _ => format!("{} {many}", number(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_read_as_markup() {
        let text = r#"<script>alert("&")</script><a href='x'>"#;
        let escaped = Escaped(text).to_string();
        assert!(!escaped.contains(['<', '>', '"', '\'']));
        assert_eq!(Escaped("a & b").to_string(), "a &amp; b");
        assert_eq!(Escaped("größer").to_string(), "größer");
    }

    #[test]
    fn numbers_read_well() {
        let read = [0, 7, 999, 1_000, 12_345, 1_234_567].map(number);
        assert_eq!(read, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        let read = [0, 80, 999, 1_000, 24_130, 119_960, 185_000].map(Duration::from_millis);
        assert_eq!(
            read.map(duration),
            [
                "0 ms", "80 ms", "999 ms", "1.0 s", "24.1 s", "2:00 min", "3:05 min"
            ]
        );
    }

    #[test]
    fn one_is_not_many() {
        let read = [0, 1, 2_000].map(|value| count(value, "call", "calls"));
        assert_eq!(read, ["no call", "1 call", "2,000 calls"]);
    }
}
