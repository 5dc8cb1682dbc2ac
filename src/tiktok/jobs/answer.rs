use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::error::BoxError;

/// Makes the request for a path and query of TikTok's.
pub(super) type MakeRequest<B> = Box<dyn Fn(&str) -> Request<B> + Send + Sync>;

/// The path of a query endpoint, with these parameters.
pub(super) fn path(endpoint: &str, params: &[(&str, &str)]) -> String {
    let mut path = format!("/open_api/v1.3{endpoint}");
    for (at, (name, value)) in params.iter().enumerate() {
        path.push(if at == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    path
}

/// The `data` of an answer that is a success.
pub(super) fn data(body: &Bytes) -> Result<Value, BoxError> {
    let mut answer: Value = serde_json::from_slice(body)?;
    // Where no layer told what the code means.
    match field(&answer, "code").and_then(Value::as_i64) {
        None | Some(0) => {}
        Some(code) => {
            let message = text(&answer, "message");
            return Err(format!("code {code}: {message}").into());
        }
    }
    let key = key(&answer, "data").ok_or("there is no data")?;
    Ok(answer[&key].take())
}

/// The text of a field, or none at all.
pub(super) fn text(object: &Value, name: &str) -> String {
    let found = field(object, name).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

/// A field, whatever the case of its name.
pub(super) fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let mut fields = object.as_object()?.iter();
    let found = fields.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

fn key(object: &Value, name: &str) -> Option<String> {
    let mut keys = object.as_object()?.keys();
    keys.find(|key| key.eq_ignore_ascii_case(name)).cloned()
}
