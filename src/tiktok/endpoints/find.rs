use std::borrow::Cow;

use http::Method;

use super::{Endpoint, index::row_at, table::ENDPOINTS};

/// How many segments of a path that nobody knows a label keeps.
const MAX_SEGMENTS: usize = 8;

/// What follows `/open_api/v1.3`, from its slash on; the whole path if that
/// is not in it.
pub(in crate::tiktok) fn relative(path: &str) -> &str {
    const ROOT: &str = "/open_api/";
    const VERSION: &str = "/open_api/v1.3/";
    // As most write it.
    if path.starts_with(VERSION) {
        return &path[VERSION.len() - 1..];
    }
    // A proxy may put a prefix in front. Most do not.
    let start = if path.starts_with(ROOT) {
        Some(0)
    } else {
        path.rfind(ROOT)
    };
    let Some(start) = start else { return path };
    // From the slash before the version.
    let rest = &path[start + ROOT.len() - 1..];
    let version = rest[1..].bytes().take_while(|&byte| byte != b'/').count();
    let tail = &rest[1 + version..];
    if is_version(&rest[1..=version]) && !tail.is_empty() {
        tail
    } else {
        rest
    }
}

/// The row of the table with this method and this [`relative`] path.
pub(in crate::tiktok) fn known(method: &Method, relative: &str) -> Option<&'static Endpoint> {
    let row = &ENDPOINTS[row_at(trimmed(relative))?];
    (row.method() == method).then_some(row)
}

/// A label for a path that nobody knows: without ids, and never long, so
/// that the labels stay few.
pub(in crate::tiktok) fn label(relative: &str) -> Cow<'_, str> {
    let segments = || relative.split('/').filter(|segment| !segment.is_empty());
    let len = 1 + segments().map(|segment| segment.len() + 1).sum::<usize>();
    if len == relative.len() && segments().count() <= MAX_SEGMENTS && segments().all(is_word) {
        return Cow::Borrowed(relative);
    }
    let mut label = String::from("/");
    for segment in segments().take(MAX_SEGMENTS) {
        label.push_str(if is_word(segment) { segment } else { "{id}" });
        label.push('/');
    }
    Cow::Owned(label)
}

/// A path without its last slash: what endpoints are compared by.
pub(in crate::tiktok) fn trimmed(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// `/a/b/`.
pub(in crate::tiktok) fn is_template(path: &str) -> bool {
    let segments = path
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    segments.is_some_and(|segments| {
        segments
            .split('/')
            .all(|segment| !segment.is_empty() && segment.bytes().all(is_plain))
    })
}

/// `v1.3`, `v2`.
fn is_version(segment: &str) -> bool {
    match segment.as_bytes() {
        [b'v', b'0'..=b'9', rest @ ..] => rest.iter().all(|&b| b.is_ascii_digit() || b == b'.'),
        _ => false,
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// A word of a path, such as `oauth2` or `v1.3`, as against an id.
fn is_word(segment: &str) -> bool {
    // Once through: this runs for every segment of every unknown path.
    let (mut digits, mut letters) = (0, 0);
    let plain = segment.bytes().all(|byte| {
        digits += usize::from(byte.is_ascii_digit());
        letters += usize::from(byte.is_ascii_alphabetic());
        is_plain(byte)
    });
    plain && segment.len() <= 40 && letters > 0 && digits <= 3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_table_is_sorted_by_path() {
        assert!(ENDPOINTS.is_sorted_by(|a, b| { trimmed(a.path()) < trimmed(b.path()) }));
    }

    #[test]
    fn version_host_prefix_and_last_slash_do_not_matter() {
        for path in [
            "/open_api/v1.3/campaign/create/",
            "/open_api/v1.3/campaign/create",
            "/open_api/v2/campaign/create/",
            "/open_api/campaign/create/",
            "/proxy/open_api/v1.3/campaign/create/",
            "/campaign/create/",
        ] {
            assert_eq!(
                relative(path).trim_end_matches('/'),
                "/campaign/create",
                "{path}"
            );
            assert!(known(&Method::POST, relative(path)).is_some(), "{path}");
        }
        // The sibling API has a path of its own that looks like one of ours.
        assert!(known(&Method::GET, relative("/v2/user/info/")).is_none());
        assert!(known(&Method::GET, relative("/open_api/v1.3/campaign/create/")).is_none());
    }

    #[test]
    fn a_label_has_no_ids_in_it() {
        for (path, expected) in [
            ("/oauth2/new_thing/", "/oauth2/new_thing/"),
            ("/oauth2/new_thing", "/oauth2/new_thing/"),
            ("/campaign/1700000000000000001/get/", "/campaign/{id}/get/"),
            ("/x/550e8400-e29b-41d4-a716-446655440000", "/x/{id}/"),
            ("/v2/video/%F0%9F/", "/v2/video/{id}/"),
            ("", "/"),
            ("//a//b", "/a/b/"),
            ("/a/b/c/d/e/f/g/h/i/j/", "/a/b/c/d/e/f/g/h/"),
        ] {
            assert_eq!(label(path), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_label_is_short_whatever_the_path(path in ".{0,400}") {
            let relative = relative(&path);
            let label = label(relative);
            prop_assert!(label.len() <= 1 + MAX_SEGMENTS * 41);
            prop_assert!(label.starts_with('/') && label.ends_with('/'));
            prop_assert!(known(&Method::GET, relative).is_none_or(|row| row.path() == label));
        }
    }
}
