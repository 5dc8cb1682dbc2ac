use proptest::prelude::*;

use super::*;

const FIELDS: &[&str] = &["advertiser_id", "bc_id"];

fn scan<'a>(boundary: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
    let mut form = FormFields::new(content_type.as_bytes(), FIELDS)?;
    for piece in pieces {
        if form.push(piece).is_break() {
            break;
        }
    }
    form.into_account().map(|word| word.as_str().to_owned())
}

/// A form as `curl` and the usual libraries write it.
fn form(boundary: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = Vec::new();
    for (header, value) in parts {
        text.extend(format!("--{boundary}\r\n{header}\r\n\r\n").bytes());
        text.extend(*value);
        text.extend(b"\r\n");
    }
    text.extend(format!("--{boundary}--\r\n").bytes());
    text
}

const ADVERTISER: &str = "Content-Disposition: form-data; name=\"advertiser_id\"";
const BC: &str = "content-disposition: form-data; name=bc_id\r\nContent-Type: text/plain";
const FILE: &str = "Content-Disposition: form-data; name=\"video_file\"; filename=\"advertiser_id\"\r\nContent-Type: video/mp4";

#[test]
fn the_best_field_of_a_form_wins() {
    for (parts, id) in [
        (
            &[(ADVERTISER, &b"7001"[..]), (FILE, b"\0\r\n\r\r\n--")][..],
            Some("7001"),
        ),
        (
            &[(FILE, b"\r\n--b\r\n--x"), (ADVERTISER, b"7001")],
            Some("7001"),
        ),
        (&[(BC, b"1"), (ADVERTISER, b"7001")], Some("7001")),
        (&[(ADVERTISER, b"7001"), (BC, b"1")], Some("7001")),
        (&[(BC, b"1")], Some("1")),
        (&[(ADVERTISER, b""), (BC, b"1")], Some("1")),
        (&[(ADVERTISER, b"\r\n7001"), (BC, b"1")], Some("1")),
        (&[(ADVERTISER, b"70\r\n--boundaries\r\n01")], None),
        (&[(ADVERTISER, &[b'7'; 300])], None),
        (&[(FILE, b"7001")], None),
        (&[], None),
    ] {
        let text = form("boundary", parts);
        assert_eq!(scan("boundary", [&text[..]]).as_deref(), id, "{parts:?}");
    }
}

#[test]
fn a_value_that_is_cut_off_is_no_account() {
    let text = form("b", &[(ADVERTISER, b"7001")]);
    let end = text.len() - b"\n--b--\r\n".len();
    for cut in 0..end + b"\n--b-".len() {
        assert_eq!(scan("b", [&text[..cut]]), None, "{cut}");
    }
    assert_eq!(scan("b", [&text[..]]).as_deref(), Some("7001"));
}

#[test]
fn a_preamble_and_blanks_behind_the_boundary_are_allowed() {
    let text = format!("hello\r\n--b \t\r\n{ADVERTISER}\r\n\r\n7001\r\n--b--");
    assert_eq!(scan("b", [text.as_bytes()]).as_deref(), Some("7001"));
}

#[test]
fn a_content_type_without_a_valid_boundary_is_no_form() {
    let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
    for content_type in [
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/mixed;     boundary=b",
        "application/json",
        &long,
    ] {
        assert!(FormFields::new(content_type.as_bytes(), FIELDS).is_none());
    }
    let content_type = b"Multipart/Form-Data; charset=utf-8; Boundary=b";
    assert!(FormFields::new(content_type, FIELDS).is_some());
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    // Much of what a delimiter is made of.
    proptest::collection::vec(
        prop_oneof![
            Just(b"\r\n--".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"-".to_vec()),
            Just(b"b".to_vec()),
            any::<u8>().prop_map(|byte| vec![byte]),
        ],
        0..40,
    )
    .prop_map(|parts| parts.concat())
}

/// The pieces of `text` between these cuts.
fn cut<'a>(text: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    ends.extend([0, text.len()]);
    ends.sort_unstable();
    ends.windows(2)
        .map(|ends| &text[ends[0]..ends[1]])
        .collect()
}

proptest! {
    #[test]
    fn an_id_is_found_behind_any_file_in_any_pieces(
        boundary in "[-a-b]{1,8}",
        file in value(),
        id in "[!-Z^-~]{1,64}",
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        // A client chooses a boundary that is in no value.
        prop_assume!(!file.windows(boundary.len() + 2).any(|w| w == format!("--{boundary}").as_bytes()));
        prop_assume!(!id.contains(&boundary));
        let text = form(&boundary, &[(FILE, &file), (ADVERTISER, id.as_bytes())]);
        prop_assert_eq!(scan(&boundary, cut(&text, &cuts)), Some(id));
    }

    #[test]
    fn any_bytes_in_any_pieces_give_the_same(
        boundary in "[ -~]{0,80}",
        text in value(),
        begin in prop_oneof![Just(String::new()), Just(format!("{ADVERTISER}\r\n\r\n"))],
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let text = [format!("--{boundary}\r\n{begin}").as_bytes(), &text].concat();
        let whole = scan(&boundary, [&text[..]]);
        prop_assert_eq!(scan(&boundary, cut(&text, &cuts)), whole.clone());
        prop_assert_eq!(scan(&boundary, text.chunks(1)), whole);
    }
}
