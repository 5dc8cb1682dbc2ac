/// The value of parameter `name` in what follows a header value's first
/// semicolon: `; name="x"; filename=y`. One with a backslash is left out:
/// neither a boundary nor the name of a field of ours has any.
pub(super) fn parameter<'a>(mut text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    loop {
        let start = text.iter().position(|&byte| byte == b';')? + 1;
        let rest = text[start..].trim_ascii_start();
        let end = rest.iter().position(|byte| b"=;\"".contains(byte))?;
        let key = rest[..end].trim_ascii_end();
        if rest[end] != b'=' {
            text = &rest[end..];
            continue;
        }
        let value;
        (value, text) = value_of(rest[end + 1..].trim_ascii_start())?;
        if key.eq_ignore_ascii_case(name.as_bytes()) {
            return Some(value).filter(|value| !value.contains(&b'\\'));
        }
    }
}

/// A value, quoted or not, and what follows it.
fn value_of(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|&byte| byte == b';');
        let (value, rest) = text.split_at(end.unwrap_or(text.len()));
        return Some((value.trim_ascii_end(), rest));
    };
    let mut escaped = false;
    let end = quoted.iter().position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    Some((&quoted[..end], &quoted[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_parameter_is_found_by_its_name_alone() {
        for (text, value) in [
            ("form-data; name=\"a\"", Some("a")),
            ("form-data;name=a", Some("a")),
            ("form-data ; NAME = \"a\" ; filename=\"b\"", Some("a")),
            ("form-data; filename=\"x; name=b\"; name=\"a\"", Some("a")),
            (
                "form-data; filename=\"x\\\"; name=b\"; name=\"a\"",
                Some("a"),
            ),
            ("form-data; filename=\"x\\\\\"; name=a", Some("a")),
            ("form-data; filename=b", None),
            ("form-data; name", None),
            ("form-data; flag; name=a", Some("a")),
            ("form-data; name=\"a", None),
            ("form-data; name=\"a\\b\"", None),
            ("form-data; name=", Some("")),
            ("name=a", None),
            (";;;=;name=a", Some("a")),
            ("", None),
        ] {
            let found = parameter(text.as_bytes(), "name");
            assert_eq!(found, value.map(str::as_bytes), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(text in "[;=\"\\\\ a-z]{0,60}") {
            let found = parameter(text.as_bytes(), "a");
            prop_assert!(found.is_none_or(|value| value.len() < text.len()));
        }
    }
}
