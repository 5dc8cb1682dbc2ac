use std::{fmt, ops::ControlFlow};

use proptest::{collection::vec, prelude::*};
use serde::{Deserialize, Deserializer, de};
use serde_json::Number;

use super::*;

const PATHS: &[&str] = &[
    "code",
    "message",
    "error",
    "error.code",
    "Error.Type",
    "data.x",
];

/// A JSON value that keeps order and repeated keys, unlike `Value`.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Number(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Number(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Number(Number::from_f64(value).unwrap()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Text(value.to_owned()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::Array(items))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Node::Object(entries))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What should be found, by a walk over the parsed object.
fn expected(root: &Node) -> Vec<(usize, Node)> {
    let is = |wanted: &str, key: &str| wanted.eq_ignore_ascii_case(key);
    let mut found = Vec::new();
    let Node::Object(entries) = root else {
        return found;
    };
    for (key, value) in entries {
        if let Node::Object(below) = value {
            for (inner, value) in below {
                found.extend(PATHS.iter().enumerate().filter_map(|(index, path)| {
                    let (first, second) = path.split_once('.')?;
                    (is(first, key) && is(second, inner)).then(|| (index, value.clone()))
                }));
            }
        }
        found.extend(
            PATHS
                .iter()
                .position(|path| !path.contains('.') && is(path, key))
                .map(|index| (index, value.clone())),
        );
    }
    found
}

type Found = Vec<(usize, Vec<u8>)>;

/// Scans `text` in pieces that end at `cuts`.
fn scan(text: &[u8], cuts: &[usize]) -> (JsonFields, Found) {
    let mut fields = JsonFields::new(PATHS);
    let mut found = Vec::new();
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        let _ = fields.push(&text[pair[0]..pair[1]], |path, value| {
            found.push((path, value.to_vec()));
            ControlFlow::Continue(())
        });
    }
    (fields, found)
}

/// Each byte is a piece of its own.
fn scan_bytewise(text: &[u8]) -> (JsonFields, Found) {
    scan(text, &(0..=text.len()).collect::<Vec<_>>())
}

fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["", "", "", " ", "\n\t", "\r\n  "][..])
}

/// A string as JSON text, with characters escaped here and there.
fn quoted(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (text, vec(any::<bool>(), 16)).prop_map(|(text, escape)| {
        let mut out = String::from('"');
        for (char, escape) in text.chars().zip(escape.iter().cycle()) {
            let mut units = [0; 2];
            match char {
                '"' | '\\' if !escape => out.extend(['\\', char]),
                _ if *escape || char < ' ' => {
                    for unit in char.encode_utf16(&mut units) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                _ => out.push(char),
            }
        }
        out.push('"');
        out
    })
}

fn key() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "code", "CODE", "Code", "message", "error", "ERROR", "type", "data", "x",
    ];
    quoted(prop_oneof![
        4 => prop::sample::select(KNOWN).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => Just("error.code".to_owned()),
        1 => Just(String::new()),
    ])
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec((space(), key(), space(), space(), value, space()), 0..6).prop_map(|entries| {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"))
            .collect();
        format!("{{{}}}", entries.join(","))
    })
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (-1e9..1e9).prop_map(|number: f64| format!("{number:e}")),
        prop::sample::select(&["true", "false", "null", "0", "-0.5E+3", "{}", "[ ]", "{ }"][..])
            .prop_map(str::to_owned),
        quoted(any::<String>()),
        quoted(
            prop::sample::select(&["{", "}]", "\"", "\\", ",\"code\":1"][..])
                .prop_map(str::to_owned)
        ),
    ];
    scalar.prop_recursive(4, 24, 4, |value| {
        prop_oneof![
            vec((space(), value.clone()), 0..4).prop_map(|items| {
                let items: Vec<_> = items.iter().map(|(a, item)| format!("{a}{item}")).collect();
                format!("[{}]", items.join(","))
            }),
            object(value),
        ]
    })
}

fn document() -> impl Strategy<Value = String> {
    (
        prop::sample::select(&["", "\u{feff}", " ", "\u{feff}\n"][..]),
        object(value()),
    )
        .prop_map(|(before, object)| format!("{before}{object}"))
}

proptest! {
    #[test]
    fn it_finds_what_a_parser_finds(text in document(), cuts in vec(any::<usize>(), 0..12)) {
        let root: Node = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        let (fields, found) = scan(text.as_bytes(), &cuts);
        let parsed: Vec<(usize, Node)> = found
            .iter()
            .map(|(path, value)| (*path, serde_json::from_slice(value).unwrap()))
            .collect();
        prop_assert_eq!(parsed, expected(&root));
        prop_assert_eq!(fields.is_object(), Some(true));
        prop_assert!(fields.is_complete());
        prop_assert_eq!(scan_bytewise(text.as_bytes()).1, found);
    }

    #[test]
    fn a_truncation_shows_only_what_was_complete(text in document(), cut: prop::sample::Index) {
        let cut = cut.index(text.len());
        let mut fields = JsonFields::new(PATHS);
        let mut complete = Vec::new();
        for (at, byte) in text.as_bytes().iter().enumerate() {
            let _ = fields.push(&[*byte], |path, value| {
                if at < cut {
                    complete.push((path, value.to_vec()));
                }
                ControlFlow::Continue(())
            });
        }
        let (fields, found) = scan(&text.as_bytes()[..cut], &[]);
        prop_assert!(!fields.is_complete());
        for (_, value) in &found {
            prop_assert!(serde_json::from_slice::<Node>(value).is_ok());
        }
        prop_assert_eq!(found, complete);
    }

    #[test]
    fn any_bytes_in_any_pieces_give_the_same(
        text in prop_oneof![
            vec(any::<u8>(), 0..64),
            vec(prop::sample::select(&b"{{}}[]\"\"\\:,, code10error.u\xEF\xBB\xBF"[..]), 0..64),
            vec(prop::sample::select(&["{", "}", "[", "]", "\"code\"", "\"error\"", ":", ",", "1", "\"", "\\u0063"][..]), 0..24)
                .prop_map(|words| words.concat().into_bytes()),
        ],
        cuts in vec(any::<usize>(), 0..12),
    ) {
        let (whole, found) = scan(&text, &[]);
        for (fields, same) in [scan(&text, &cuts), scan_bytewise(&text)] {
            prop_assert_eq!(same, found.clone());
            prop_assert_eq!(fields.is_object(), whole.is_object());
            prop_assert_eq!(fields.is_complete(), whole.is_complete());
            prop_assert_eq!(fields.state, whole.state);
        }
    }
}

#[test]
fn a_number_ends_where_the_next_byte_says() {
    let (_, found) = scan(br#"{"code":40100"#, &[]);
    assert_eq!(found, []);
    let (_, found) = scan(br#"{"code":40100 "#, &[]);
    assert_eq!(found, [(0, b"40100".to_vec())]);
    let (fields, found) = scan(br#"{"code":40100"x"}"#, &[]);
    assert_eq!(found, []);
    assert_eq!(fields.is_object(), Some(true));
    assert!(!fields.is_complete());
}

#[test]
fn what_is_no_object_ends_the_scan_at_once() {
    for text in [
        "[1]",
        "<html>",
        "\"a\"",
        "1",
        "\u{feff}\u{feff}{}",
        " \u{feff}{}",
    ] {
        let mut fields = JsonFields::new(PATHS);
        let flow = fields.push(text.as_bytes(), |_, _| ControlFlow::Continue(()));
        assert_eq!(flow, ControlFlow::Break(()), "{text}");
        assert_eq!(fields.is_object(), Some(false), "{text}");
    }
    for text in ["", " \r\n", "\u{feff}"] {
        let (fields, _) = scan(text.as_bytes(), &[]);
        assert_eq!(fields.is_object(), None, "{text:?}");
    }
}

#[test]
fn a_break_ends_the_scan_for_good() {
    let mut fields = JsonFields::new(PATHS);
    let mut calls = 0;
    for piece in [&br#"{"code":1,"code":2"#[..], br#","code":3}"#] {
        let flow = fields.push(piece, |_, _| {
            calls += 1;
            ControlFlow::Break(())
        });
        assert_eq!(flow, ControlFlow::Break(()));
    }
    assert_eq!(calls, 1);
    assert!(!fields.is_complete());
}

#[test]
fn no_piece_is_looked_at_after_the_end_not_even_an_empty_one() {
    // A value that cannot be one, and an object that is complete.
    for text in [&br#"{"error"::{"#[..], br#"{"error":1}"#] {
        let mut fields = JsonFields::new(PATHS);
        for piece in [text, b"", b"}"] {
            let flow = fields.push(piece, |_, _| ControlFlow::Continue(()));
            assert_eq!(flow, ControlFlow::Break(()));
        }
    }
}

#[test]
fn a_value_of_more_than_8_kib_is_not_reported_and_hides_no_other() {
    for (length, reported) in [(MAX_VALUE, true), (MAX_VALUE + 1, false)] {
        let text = "m".repeat(length - 2);
        let text = format!(r#"{{"message":"{text}","code":7}}"#);
        let found = scan(text.as_bytes(), &[]).1;
        assert_eq!(found.len(), if reported { 2 } else { 1 });
        assert_eq!(found.last(), Some(&(0, b"7".to_vec())));
        assert_eq!(scan_bytewise(text.as_bytes()).1, found);
        assert_eq!(scan(text.as_bytes(), &[9000, 4000]).1, found);
    }
}

#[test]
fn a_key_of_more_than_128_bytes_matches_nothing_and_takes_no_room() {
    let wide = r"\u0063\u006f\u0064\u0065";
    let long = format!(
        r#"{{"{}":1,"{wide}":2,"{}":3}}"#,
        "c".repeat(1 << 20),
        "d".repeat(129)
    );
    let mut fields = JsonFields::new(PATHS);
    let mut found = Vec::new();
    for piece in long.as_bytes().chunks(100) {
        let _ = fields.push(piece, |path, value| {
            found.push((path, value.to_vec()));
            ControlFlow::Continue(())
        });
        assert!(fields.key.capacity() <= 2 * MAX_KEY);
    }
    assert_eq!(found, [(0, b"2".to_vec())]);
}

#[test]
fn depth_costs_no_stack_and_no_memory() {
    let depth = 1 << 20;
    let text = format!(
        r#"{{"data":{}{},"code":5}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    );
    let (fields, found) = scan(text.as_bytes(), &[]);
    assert_eq!(found, [(0, b"5".to_vec())]);
    assert!(fields.is_complete());
}
