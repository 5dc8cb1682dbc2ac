use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};

/// One page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    pub(super) is_last: bool,
    pub(super) request_id: Option<String>,
}

impl Page {
    /// Reads an answer with code 0; `None` if it is no listing.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let Value::Object(mut answer) = serde_json::from_slice(body).ok()? else {
            return None;
        };
        let request_id = take(&mut answer, "request_id");
        let mut data = take(&mut answer, "data")?;
        let rows = match data.get_mut("list")?.take() {
            Value::Array(rows) => rows,
            // As an empty list is written in some languages.
            Value::Null => Vec::new(),
            _ => return None,
        };
        let info = data.get("page_info")?;
        let number = |field: &str| info.get(field).and_then(Value::as_u64);
        let (page, pages) = (number("page")?, number("total_page")?);
        Some(Self {
            rows,
            is_last: page >= pages,
            request_id: request_id.and_then(|id| id.as_str().map(str::to_owned)),
        })
    }
}

/// Some answers write their keys with capitals, and without `_`.
fn take(answer: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let letters = |key: &str| key.replace('_', "").to_ascii_lowercase();
    let key = answer.keys().find(|key| letters(key) == letters(name))?;
    let key = key.clone();
    answer.remove(&key)
}

/// The answer to a create, made from the row of what it created.
pub(super) fn created(row: Value, request_id: Option<String>) -> Response<Bytes> {
    let body = json!({
        "code": 0,
        "message": "OK",
        "request_id": request_id.unwrap_or_default(),
        "data": row,
    });
    let mut response = Response::new(Bytes::from(body.to_string()));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_is_read_whatever_the_case_of_its_keys() {
        for body in [
            r#"{"code":0,"request_id":"r","data":{"list":[1,2],"page_info":{"page":1,"total_page":1}}}"#,
            r#"{"Data":{"page_info":{"total_page":1,"page":1},"list":[1,2]},"RequestId":"r","Code":0}"#,
        ] {
            let page = Page::read(body.as_bytes()).unwrap();
            assert_eq!((page.rows.len(), page.is_last), (2, true));
            assert_eq!(page.request_id.as_deref(), Some("r"));
        }
        let more = br#"{"data":{"list":[],"page_info":{"page":1,"total_page":2}}}"#;
        assert!(!Page::read(more).unwrap().is_last);
        let none = br#"{"data":{"list":null,"page_info":{"page":1,"total_page":0}}}"#;
        assert!(Page::read(none).unwrap().is_last);
    }

    #[test]
    fn what_does_not_say_that_it_is_whole_is_no_page() {
        for body in [
            "",
            "[]",
            r#"{"data":{}}"#,
            r#"{"data":{"list":[]}}"#,
            r#"{"data":{"list":[],"page_info":{"page":1}}}"#,
            r#"{"data":{"list":{},"page_info":{"page":1,"total_page":1}}}"#,
        ] {
            assert!(Page::read(body.as_bytes()).is_none(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(body: Vec<u8>) {
            let _ = Page::read(&body);
        }
    }
}
