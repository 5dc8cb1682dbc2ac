//! Weighs what bears the name.

use serde_json::Value;

use super::{
    object::{Wanted, text},
    time,
};

/// Clocks of one server may differ by so many seconds, with what is lost where
/// they are cut to seconds.
const SLACK: u64 = 2;

/// What was created so many seconds before the create was sent is another.
const SURELY_OLDER: u64 = 60;

/// What the rows prove.
#[derive(Debug, PartialEq)]
pub(super) enum Proof {
    /// This is the object.
    Found(Value),
    Nothing,
    Unclear,
}

/// How old a row is, as seen from the create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Before,
    Since,
    Unclear,
}

/// Weighs all rows that the server has for the name. `sent` is when the create
/// was sent, on its clock, or earlier than that.
pub(super) fn weigh(wanted: &Wanted, rows: Vec<Value>, sent: Option<u64>) -> Proof {
    let mut found = None;
    for row in rows {
        let name = row.get(wanted.kind.name).and_then(text).unwrap_or_default();
        if !wanted.is_sibling(&row) || !is_like(&name, &wanted.name) {
            continue;
        }
        let created = row.get("create_time").and_then(Value::as_str);
        match age(created.and_then(time::created), sent) {
            Age::Before => {}
            // Is it ours, or one more? The server may have changed the name.
            Age::Since if found.is_none() && name == wanted.name && has_id(wanted, &row) => {
                found = Some(row);
            }
            Age::Since | Age::Unclear => return Proof::Unclear,
        }
    }
    found.map_or(Proof::Nothing, Proof::Found)
}

fn age(created: Option<u64>, sent: Option<u64>) -> Age {
    let (Some(created), Some(sent)) = (created, sent) else {
        return Age::Unclear;
    };
    if created.saturating_add(SLACK) >= sent {
        Age::Since
    } else if created.saturating_add(SURELY_OLDER) >= sent {
        Age::Unclear
    } else {
        Age::Before
    }
}

fn has_id(wanted: &Wanted, row: &Value) -> bool {
    let id = row.get(wanted.kind.id).and_then(text);
    id.is_some_and(|id| !id.is_empty())
}

/// Whether two names are the same but for case and white space.
fn is_like(a: &str, b: &str) -> bool {
    let letters = |name: &str| -> String {
        let letters = name.chars().filter(|letter| !letter.is_whitespace());
        letters.flat_map(char::to_lowercase).collect()
    };
    a == b || letters(a) == letters(b)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::extensions::{Operation, RequestContext};

    /// 2023-01-01 00:10:00
    const SENT: u64 = 1_672_531_800;

    fn wanted(name: &str) -> Wanted {
        let body = json!({"advertiser_id": "7", "campaign_id": "9", "adgroup_name": name});
        let mut create = Request::new(Bytes::from(body.to_string()));
        let context = RequestContext::new(Operation::Write).with_endpoint("/adgroup/create/");
        create.extensions_mut().insert(context);
        Wanted::by(&create).unwrap()
    }

    fn row(name: &str, id: &str, created: &str) -> Value {
        json!({"adgroup_id": id, "adgroup_name": name, "campaign_id": "9", "create_time": created})
    }

    fn proof(rows: &[Value]) -> Proof {
        weigh(&wanted("a"), rows.to_vec(), Some(SENT))
    }

    #[test]
    fn one_that_was_created_since_is_it() {
        for created in [
            "2023-01-01 00:10:00",
            "2023-01-01 00:09:58",
            "2023-01-01 00:11:00",
        ] {
            let ours = row("a", "1", created);
            let others = [
                row("ab", "2", created),
                row("a", "3", "2022-01-01 00:00:00"),
                json!({"adgroup_name": "a", "campaign_id": "8", "create_time": created}),
            ];
            let rows = [&others[..], std::slice::from_ref(&ours)].concat();
            assert_eq!(proof(&rows), Proof::Found(ours), "{created}");
            assert_eq!(proof(&others), Proof::Nothing);
        }
    }

    #[test]
    fn what_may_or_may_not_be_it_is_unclear() {
        let now = "2023-01-01 00:10:01";
        for rows in [
            vec![row("a", "1", now), row("a", "2", now)],
            vec![row("a", "1", "2023-01-01 00:09:30")],
            vec![row("a", "1", now), row("a", "2", "2023-01-01 00:09:30")],
            vec![row("a", "1", "soon")],
            vec![row("A ", "1", now)],
            vec![row("a", "", now)],
            vec![json!({"adgroup_name": "a"})],
        ] {
            assert_eq!(proof(&rows), Proof::Unclear, "{rows:?}");
        }
        let ours = vec![row("a", "1", now)];
        assert_eq!(weigh(&wanted("a"), ours, None), Proof::Unclear);
        assert_eq!(weigh(&wanted("a"), Vec::new(), None), Proof::Nothing);
    }

    proptest! {
        #[test]
        fn nothing_that_may_be_it_passes_for_nothing(
            seconds in proptest::collection::vec((0..1_200_u64, "[aA] ?"), 0..5),
        ) {
            let rows: Vec<Value> = seconds
                .iter()
                .map(|(second, name)| {
                    row(name, "1", &format!("2023-01-01 00:{:02}:{:02}", second / 60, second % 60))
                })
                .collect();
            // Sent at second 600: since 598 it may be ours, and 540 is too close.
            let close = seconds.iter().filter(|(second, _)| *second >= 540).count();
            match proof(&rows) {
                Proof::Nothing => prop_assert_eq!(close, 0),
                Proof::Found(found) => {
                    prop_assert_eq!(close, 1);
                    prop_assert_eq!(&found["adgroup_name"], "a");
                }
                Proof::Unclear => prop_assert!(close > 0),
            }
        }
    }
}
