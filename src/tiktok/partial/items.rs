//! Reads what an answer lists as failed.

use serde_json::{Map, Value};

use crate::{extensions::FailedItem, tiktok::codes::cut};

/// So many items are listed, at most.
const MAX_ITEMS: usize = 100;

/// A longer id is none, and a longer reason is cut.
const MAX_ID: usize = 128;
const MAX_REASON: usize = 256;

/// What the value of one field says.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<FailedItem>,
    /// More than these failed.
    pub(super) unlisted: bool,
    /// The value is an empty string, where there should be an id.
    pub(super) is_empty: bool,
}

/// Reads the JSON text of a field's value; `None` tells of no failure.
pub(super) fn read(field: &str, raw: &[u8]) -> Option<Found> {
    match raw.first()? {
        b'"' => (raw == br#""""#).then(|| Found {
            is_empty: true,
            ..Found::default()
        }),
        b'[' | b'{' => {
            let Ok(value) = serde_json::from_slice(raw) else {
                // Something is listed there, whatever it is.
                return Some(Found {
                    unlisted: true,
                    ..Found::default()
                });
            };
            let mut items: Vec<FailedItem> = match value {
                Value::Array(list) => list.iter().map(|one| item(field, one)).collect(),
                Value::Object(map) => map.iter().map(|(id, why)| named(field, id, why)).collect(),
                _ => Vec::new(),
            };
            let unlisted = items.len() > MAX_ITEMS;
            items.truncate(MAX_ITEMS);
            (!items.is_empty()).then(|| Found {
                items,
                unlisted,
                ..Found::default()
            })
        }
        _ => None,
    }
}

/// One of a list: an id, or an object around it.
fn item(field: &str, value: &Value) -> FailedItem {
    let Value::Object(object) = value else {
        return match text(value) {
            Some(id) => with_id(field, &id),
            None => FailedItem::unnamed(field),
        };
    };
    let found = id(object).unwrap_or_else(|| FailedItem::unnamed(field));
    let reason = object
        .iter()
        .filter(|(key, _)| is_reason(key))
        .find_map(|(_, reason)| text(reason));
    because(found, reason)
}

/// One of a map from id to reason.
fn named(field: &str, id: &str, reason: &Value) -> FailedItem {
    let reason = match reason {
        Value::Array(_) | Value::Object(_) => Some(reason.to_string()),
        one => text(one),
    };
    because(with_id(field, id), reason)
}

/// What names an object: its own id before that of its parents, which comes
/// later in the alphabet, and any id before a name.
fn id(object: &Map<String, Value>) -> Option<FailedItem> {
    let ending = |end: &str| {
        let mut fields: Vec<_> = object.iter().collect();
        fields.sort_by_key(|(key, _)| *key);
        fields.into_iter().find_map(|(key, value)| {
            let id = key.ends_with(end).then(|| text(value)).flatten()?;
            (id.len() <= MAX_ID).then(|| FailedItem::new(cut(key, MAX_ID), id))
        })
    };
    ending("id").or_else(|| ending("name"))
}

fn is_reason(key: &str) -> bool {
    ["message", "msg", "reason"]
        .iter()
        .any(|word| key.contains(word))
}

fn with_id(field: &str, id: &str) -> FailedItem {
    if id.is_empty() || id.len() > MAX_ID {
        return FailedItem::unnamed(field);
    }
    FailedItem::new(field, id)
}

fn because(item: FailedItem, reason: Option<String>) -> FailedItem {
    match reason {
        Some(reason) => item.with_reason(cut(&reason, MAX_REASON)),
        None => item,
    }
}

/// Ids come as strings and, from older pages, as numbers.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(raw: &str) -> Option<Vec<Option<String>>> {
        let found = read("failed", raw.as_bytes())?;
        let ids = found.items.iter().map(|item| item.id().map(str::to_owned));
        Some(ids.collect())
    }

    fn some(id: &str) -> Option<String> {
        Some(id.to_owned())
    }

    #[test]
    fn an_empty_list_and_a_full_id_are_no_failure() {
        for raw in ["[]", "{}", "[ ]", "null", "17", "true", r#""17""#] {
            assert_eq!(ids(raw), None, "{raw}");
        }
        assert!(read("task_id", br#""""#).unwrap().is_empty);
    }

    #[test]
    fn items_are_named_by_their_own_id() {
        let own = r#"[{"campaign_id": "1", "adgroup_id": "2", "error_message": "gone"}]"#;
        assert_eq!(ids(own), Some(vec![some("2")]));
        let found = read("failed", own.as_bytes()).unwrap();
        assert_eq!(found.items[0].to_string(), "adgroup_id 2 (gone)");

        let name = r#"[{"ad_name": "a", "error_message": "b"}, {"why": 1}, null]"#;
        assert_eq!(ids(name), Some(vec![some("a"), None, None]));
        assert_eq!(
            ids(r#"["3", 9007199254740993]"#),
            Some(vec![some("3"), some("9007199254740993")])
        );
    }

    #[test]
    fn a_map_goes_from_id_to_reason() {
        let found = read("failed_infos", br#"{"7": "no", "8": ["a", "b"]}"#).unwrap();
        let items: Vec<String> = found.items.iter().map(ToString::to_string).collect();
        assert_eq!(
            items,
            ["failed_infos 7 (no)", r#"failed_infos 8 (["a","b"])"#]
        );
    }

    #[test]
    fn what_is_too_much_is_left_out_and_said_to_be() {
        let many = format!("[{}1]", "1,".repeat(MAX_ITEMS));
        let found = read("failed", many.as_bytes()).unwrap();
        assert_eq!((found.items.len(), found.unlisted), (MAX_ITEMS, true));

        let long = format!(
            r#"[{{"id": "{}", "msg": "{}"}}]"#,
            "x".repeat(999),
            "\u{e9}".repeat(999)
        );
        let found = read("failed", long.as_bytes()).unwrap();
        assert_eq!(found.items[0].id(), None);
        assert_eq!(found.items[0].reason().unwrap().len(), MAX_REASON);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(raw: Vec<u8>) {
            let _ = read("failed", &raw);
        }

        #[test]
        fn every_id_of_a_list_is_found(listed in proptest::collection::vec("[0-9]{1,20}", 1..=MAX_ITEMS)) {
            let raw = serde_json::to_string(&listed).unwrap();
            let wanted = listed.into_iter().map(Some).collect();
            prop_assert_eq!(ids(&raw), Some(wanted));
        }
    }
}
