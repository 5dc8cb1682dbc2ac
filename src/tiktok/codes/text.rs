//! Looking into messages, in ASCII, whatever the case.

/// Whether `text` is anywhere in `message`.
pub(in crate::tiktok) fn contains(message: &str, text: &str) -> bool {
    positions(message, text).next().is_some()
}

/// What follows `text` in `message`, where it is there for the first time.
pub(super) fn after<'a>(message: &'a str, text: &str) -> Option<&'a str> {
    let at = positions(message, text).next()?;
    message.get(at + text.len()..)
}

/// Whether a word of `message` begins with `stem`. Letters, digits and `_`
/// make words.
pub(super) fn has_word_beginning(message: &str, stem: &str) -> bool {
    positions(message, stem).any(|at| {
        let before = at.checked_sub(1).map(|before| message.as_bytes()[before]);
        before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')
    })
}

/// The beginning of a text, of at most so many bytes, between characters.
pub(in crate::tiktok) fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn positions(message: &str, text: &str) -> impl Iterator<Item = usize> {
    message
        .as_bytes()
        .windows(text.len().max(1))
        .enumerate()
        .filter(|(_, window)| window.eq_ignore_ascii_case(text.as_bytes()))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        assert!(contains("Too Many REQUESTS.", "too many requests"));
        assert!(!contains("too many", "too many requests"));
        assert!(!contains("", "token"));
    }

    #[test]
    fn a_stem_begins_a_word() {
        assert!(has_word_beginning("Scopes are missing", "scope"));
        assert!(has_word_beginning("please re-authorize", "authoriz"));
        assert!(!has_word_beginning("identity_authorized_bc_id", "authoriz"));
        assert!(!has_word_beginning("telescope", "scope"));
        assert!(!has_word_beginning("\u{e9}", "scope"));
    }
}
