use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::merge::page_size;
use crate::report_batching::Asked;

/// The answer as each request would have got it, if every row is somebody's,
/// and none is missing.
pub(super) fn split(body: &Bytes, requests: &[Asked]) -> Option<Vec<Bytes>> {
    let mut answer: Map<String, Value> = serde_json::from_slice(body).ok()?;
    // Some answers have their keys in capitals.
    let key = |name: &str| {
        let mut keys = answer.keys();
        keys.find(|key| key.eq_ignore_ascii_case(name)).cloned()
    };
    let (code, data_key) = (key("code")?, key("data")?);
    if answer[&code].as_i64() != Some(0) {
        return None;
    }
    let mut data = match answer.remove(&data_key)? {
        Value::Object(data) => data,
        _ => return None,
    };
    let rows = match data.remove("list")? {
        Value::Array(rows) => rows,
        _ => return None,
    };
    let total = data.remove("page_info")?.get("total_number")?.as_u64()?;
    // What else there is, nobody knows whose it is.
    if total != rows.len() as u64 || !data.is_empty() {
        return None;
    }
    let mut of_each: HashMap<&str, Vec<Value>> = HashMap::new();
    for request in requests {
        of_each.insert(&request.member, Vec::new());
    }
    if of_each.len() != requests.len() {
        return None;
    }
    for row in rows {
        let owner = row.get("dimensions")?.get("advertiser_id")?;
        let owner = match owner {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => return None,
        };
        of_each.get_mut(&*owner)?.push(row);
    }
    let mut bodies = Vec::with_capacity(requests.len());
    for request in requests {
        let size = page_size(&request.uri)?;
        let mut rows = of_each.remove(&*request.member)?;
        let total = rows.len() as u64;
        rows.truncate(usize::try_from(size).ok()?);
        let data = json!({
            "list": rows,
            "page_info": {
                "page": 1,
                "page_size": size,
                "total_number": total,
                "total_page": total.div_ceil(size),
            },
        });
        answer.insert(data_key.clone(), data);
        bodies.push(serde_json::to_vec(&answer).ok()?.into());
    }
    Some(bodies)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(id: u32, rows: &str) -> Asked {
        Asked {
            member: id.to_string().into(),
            uri: format!("/?advertiser_id={id}{rows}").parse().unwrap(),
        }
    }

    fn row(id: u32, n: u64) -> Value {
        json!({ "dimensions": { "advertiser_id": id.to_string() }, "metrics": { "spend": n.to_string() } })
    }

    fn answer(rows: &[Value], total: usize) -> Bytes {
        let answer = json!({
            "code": 0, "message": "OK", "request_id": "1",
            "data": { "list": rows, "page_info": { "page": 1, "page_size": 1000,
                "total_number": total, "total_page": 1 } },
        });
        serde_json::to_vec(&answer).unwrap().into()
    }

    proptest! {
        #[test]
        fn each_gets_its_rows_in_their_order(owners in prop::collection::vec(1u32..5, 0..60)) {
            let rows: Vec<Value> = (0..).zip(&owners).map(|(n, id)| row(*id, n)).collect();
            let asked: Vec<Asked> = (1..5).map(|id| asked(id, "&page_size=100")).collect();
            let bodies = split(&answer(&rows, rows.len()), &asked).unwrap();
            for (asked, body) in asked.iter().zip(bodies) {
                let body: Value = serde_json::from_slice(&body).unwrap();
                let id = Value::from(&*asked.member);
                let own = rows.iter().filter(|row| row["dimensions"]["advertiser_id"] == id);
                let own: Vec<Value> = own.cloned().collect();
                prop_assert_eq!(&body["data"]["list"], &Value::from(own));
                prop_assert_eq!(&body["request_id"], "1");
            }
        }

        #[test]
        fn any_body_is_taken_apart_or_not(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(split(&body.into(), &[asked(1, ""), asked(2, "")]).is_none());
        }
    }

    #[test]
    fn a_page_is_as_long_as_was_asked_for() {
        let rows: Vec<Value> = (0..25).map(|n| row(1, n)).collect();
        let bodies = split(&answer(&rows, 25), &[asked(1, ""), asked(2, "")]).unwrap();
        let first: Value = serde_json::from_slice(&bodies[0]).unwrap();
        assert_eq!(first["data"]["list"], Value::from(rows[..10].to_vec()));
        let pages = json!({ "page": 1, "page_size": 10, "total_number": 25, "total_page": 3 });
        assert_eq!(first["data"]["page_info"], pages);
        let second: Value = serde_json::from_slice(&bodies[1]).unwrap();
        assert_eq!(second["data"]["list"], json!([]));
    }

    #[test]
    fn what_is_not_expected_is_not_taken_apart() {
        let both = [asked(1, ""), asked(2, "")];
        let rows = [row(1, 0), row(2, 1)];
        assert!(split(&answer(&rows, 2), &both).is_some());
        // There is another page; a stranger's row; the same one twice.
        assert!(split(&answer(&rows, 3), &both).is_none());
        assert!(split(&answer(&[row(3, 0)], 1), &both).is_none());
        assert!(split(&answer(&rows, 2), &[asked(1, ""), asked(1, "")]).is_none());
        let refused = Bytes::from(r#"{"code":40001,"message":"no","data":{}}"#);
        assert!(split(&refused, &both).is_none());
    }
}
