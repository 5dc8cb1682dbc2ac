//! What the messages tell that the codes do not.
//!
//! Codes come first; a message only says more about a code that is known to
//! stand for several things, or about a limit, or about a code that nobody
//! knows.

use super::{
    remedy,
    rule::CodeRule,
    text::{after, contains, has_word_beginning},
    words::rule,
};
use crate::classify::{
    ErrorClass::{
        NotReady, Permanent, PermissionDenied, RateLimited, TokenExpired, TokenInvalid, Unknown,
    },
    ThrottleScope::{self, AccountEndpoint, App, AppEndpoint, FieldValue},
    ThrottleWindow::{self, Day, Minute, Second},
};

/// What a message must have to say more.
enum Says {
    /// All of these, anywhere.
    All(&'static [&'static str]),
    /// One of these, anywhere.
    Any(&'static [&'static str]),
    /// A word that begins with one of these. `bc_authorized_id` is one word,
    /// and does not begin so.
    Word(&'static [&'static str]),
}

impl Says {
    fn holds(&self, message: &str) -> bool {
        match self {
            Self::All(texts) => texts.iter().all(|text| contains(message, text)),
            Self::Any(texts) => texts.iter().any(|text| contains(message, text)),
            Self::Word(stems) => stems.iter().any(|stem| has_word_beginning(message, stem)),
        }
    }
}

/// Codes that stand for something else when the message says so. The first
/// line that holds is taken.
static REFINEMENTS: &[(&[i64], Says, CodeRule)] = &[
    // Error guides know 40100 as "invalid access token".
    (
        &[40_016, 40_100, 40_105],
        Says::All(&["token", "expire"]),
        rule(TokenExpired, remedy::REFRESH).because("the message says that the token has expired"),
    ),
    (
        &[40_016, 40_100],
        Says::Any(&["token"]),
        rule(TokenInvalid, remedy::NEW_TOKEN)
            .because("the message speaks of the token, not of a limit"),
    ),
    // And 40002 as "insufficient permission".
    (
        &[40_002],
        Says::Word(&[
            "permission",
            "scope",
            "authoris",
            "authoriz",
            "unauthoris",
            "unauthoriz",
        ]),
        rule(PermissionDenied, remedy::PERMISSION)
            .because("the message speaks of a missing permission"),
    ),
    // An official cause of 40002. Nobody says that nothing was done, so only
    // reads are sent again.
    (
        &[40_002],
        Says::Any(&["being updated", "under processing"]),
        rule(NotReady, remedy::PROCESSING).because("the audience is being updated"),
    ),
    (
        &[40_201, 40_901, 2_200_006],
        Says::Any(&["fail"]),
        rule(Permanent, remedy::PROCESSING_FAILED).because("the processing has failed"),
    ),
];

/// Texts of a refusal for frequency, whatever the code.
static THROTTLING: &[&str] = &[
    "too many requests",
    "too frequent",
    "reaches qps limit",
    "reaches qpm limit",
    "reaches qpd limit",
    "reaches the qps limit",
    "reaches the qpm limit",
    "reaches the qpd limit",
    "temporarily restricted",
    "qps is limited",
    "rate limit exceeded",
];

/// Texts that name the window.
static WINDOWS: &[(&str, ThrottleWindow)] = &[
    ("qpd limit", Day),
    ("qpm limit", Minute),
    ("qps limit", Second),
    ("qps is limited", Second),
];

/// The text of a suspension. It names no window; the one suspension that is
/// described follows an overrun minute.
const SUSPENDED: &str = "temporarily restricted";

/// Words that name whom a limit counts.
static SCOPES: &[(&str, ThrottleScope)] = &[
    ("advertiser", AccountEndpoint),
    ("pixel_code", FieldValue),
    ("developer", App),
    ("app", AppEndpoint),
];

/// Codes that stand for a limit, too, when the message says so. So does any
/// code that nobody knows.
const MAY_BE_A_LIMIT: &[i64] = &[40_000, 40_002];

/// Stands in for such a code. A write is not sent again: the code does not
/// say that it was refused.
static THROTTLED: CodeRule =
    rule(RateLimited, remedy::MAYBE_SLOW).because("the message speaks of too many requests");

/// What a code of the Marketing API means with this message, where that is
/// not what it means alone.
pub(super) fn refine(code: i64, alone: &CodeRule, message: &str) -> Option<&'static CodeRule> {
    if alone.class() == RateLimited && says_throttled(message) {
        return None;
    }
    let (_, _, rule) = REFINEMENTS
        .iter()
        .find(|(codes, says, _)| codes.contains(&code) && says.holds(message))?;
    Some(rule)
}

/// Whether a message turns a code of any API into a limit. `alone` is what
/// the code means without it, if that is known.
pub(super) fn limit(
    code: Option<i64>,
    alone: Option<&CodeRule>,
    message: &str,
) -> Option<&'static CodeRule> {
    let open = alone.is_none_or(|rule| rule.class() == Unknown)
        || code.is_some_and(|code| MAY_BE_A_LIMIT.contains(&code));
    (open && says_throttled(message)).then_some(&THROTTLED)
}

/// Whether the text of an answer without a code speaks of a limit.
pub(in crate::tiktok) fn limit_in_text(text: &str) -> Option<&'static CodeRule> {
    limit(None, None, text)
}

/// Whether the message speaks of a refusal for frequency.
fn says_throttled(message: &str) -> bool {
    THROTTLING.iter().any(|text| contains(message, text))
}

/// The window that the message names, or else `otherwise`, the one that the
/// code stands for.
pub(super) fn window(message: &str, otherwise: ThrottleWindow) -> ThrottleWindow {
    match WINDOWS.iter().find(|(text, _)| contains(message, text)) {
        Some((_, window)) => *window,
        None if otherwise == ThrottleWindow::Unknown && contains(message, SUSPENDED) => Minute,
        None => otherwise,
    }
}

/// The limit that the message names, as in "reaches the QPS limit 10".
pub(super) fn number(message: &str) -> Option<u32> {
    let text = WINDOWS.iter().find_map(|(text, _)| after(message, text))?;
    let text = text.trim_start_matches([' ', ':', '=']);
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..end].parse().ok().filter(|limit| *limit > 0)
}

/// Whom the limit counts that the message speaks of.
pub(super) fn scope(message: &str) -> ThrottleScope {
    SCOPES
        .iter()
        .find(|(word, _)| has_word_beginning(message, word))
        .map_or(ThrottleScope::Unknown, |(_, scope)| *scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_window() {
        for (message, expected) in [
            ("App 1 reaches the QPS limit 10, current QPS is 11", Second),
            ("App reaches the QPM limit 600", Minute),
            ("app REACHES qpd LIMIT 864000", Day),
            ("The request QPS is limited by pixel_code's value.", Second),
            (
                "Advertiser (1)'s QPS (21) reaches QPS limit 20 for current path, request is temporarily restricted.",
                Second,
            ),
            (
                "Due to too many requests, requests from App 1 are temporarily restricted.",
                Minute,
            ),
            (
                "Too many requests. Please retry in some time.",
                ThrottleWindow::Unknown,
            ),
            ("", ThrottleWindow::Unknown),
        ] {
            assert_eq!(
                window(message, ThrottleWindow::Unknown),
                expected,
                "{message}"
            );
        }
    }

    #[test]
    fn a_message_names_its_limit() {
        for (message, expected) in [
            (
                "App 1 reaches the QPS limit 10, current QPS is 11",
                Some(10),
            ),
            (
                "App 7659707118749564929 reaches the QPS limit 1, current QPS is 2.",
                Some(1),
            ),
            (
                "Advertiser (1)'s QPS (21) reaches QPS limit 20 for current path, request is temporarily restricted.",
                Some(20),
            ),
            ("app REACHES qpm LIMIT: 600", Some(600)),
            ("App reaches the QPS limit.", None),
            ("App reaches the QPS limit 0", None),
            ("App reaches the QPS limit 99999999999", None),
            ("App reaches the QPS limit\u{a0}\u{e9}", None),
            ("The request QPS is limited by pixel_code's value.", None),
            ("Too many requests 10", None),
            ("", None),
        ] {
            assert_eq!(number(message), expected, "{message}");
        }
    }

    #[test]
    fn a_suspension_of_a_limit_per_second_lasts_a_second() {
        assert_eq!(window("temporarily restricted", Second), Second);
    }

    #[test]
    fn a_message_names_whom_it_counts() {
        for (message, expected) in [
            ("App 7 reaches the QPS limit 10", AppEndpoint),
            (
                "requests from App 7 are temporarily restricted.",
                AppEndpoint,
            ),
            (
                "Advertiser (1)'s QPS (21) reaches QPS limit 20",
                AccountEndpoint,
            ),
            (
                "The request QPS is limited by pixel_code's value.",
                FieldValue,
            ),
            ("Too many requests by this developer.", App),
            ("Too many requests.", ThrottleScope::Unknown),
        ] {
            assert_eq!(scope(message), expected, "{message}");
        }
    }
}
