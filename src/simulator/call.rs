use std::hash::{DefaultHasher, Hash, Hasher};

use http::{HeaderMap, Method, header, request::Parts};
use serde_json::{Map, Value};

use super::multipart;

/// A request as the simulator reads it: query, JSON and form alike.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url_path: String,
    pub(super) token: Option<String>,
    pub(super) gzip: bool,
    pub(super) malformed: bool,
    args: Map<String, Value>,
}

impl Call {
    pub(super) fn read(parts: Parts, body: &[u8]) -> Self {
        let mut args = Map::new();
        for (name, value) in parts.uri.query().unwrap_or("").split('&').filter_map(pair) {
            args.insert(name, Value::String(value));
        }
        let sent = read_body(&parts.headers, body);
        let malformed = sent.is_none();
        args.extend(sent.into_iter().flatten());
        let token = parts.headers.get("access-token");
        let accepts = parts.headers.get_all(header::ACCEPT_ENCODING);
        Self {
            token: token.map(|token| String::from_utf8_lossy(token.as_bytes()).into_owned()),
            gzip: accepts.iter().any(|value| {
                let codings = value.to_str().unwrap_or("").split(',');
                codings
                    .map(str::trim)
                    .any(|coding| coding.starts_with("gzip"))
            }),
            url_path: parts.uri.path().to_owned(),
            method: parts.method,
            malformed,
            args,
        }
    }

    pub(super) fn args(&self) -> &Map<String, Value> {
        &self.args
    }

    /// What is asked, whoever asks.
    pub(super) fn question(&self) -> u64 {
        let mut args: Vec<_> = self.args.iter().collect();
        args.sort_by_key(|(name, _)| *name);
        let mut hasher = DefaultHasher::new();
        self.url_path.hash(&mut hasher);
        for (name, value) in args {
            (name, value.to_string()).hash(&mut hasher);
        }
        hasher.finish()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match self.args.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.args.get(name)?)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// A list, or the JSON text of one, as queries send it.
    pub(super) fn list(&self, name: &str) -> Vec<Value> {
        match self.args.get(name) {
            Some(Value::Array(items)) => items.clone(),
            Some(Value::String(json)) => serde_json::from_str(json).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(text).collect()
    }

    /// An object, or the JSON text of one, as queries send it.
    pub(super) fn object(&self, name: &str) -> Map<String, Value> {
        match self.args.get(name) {
            Some(Value::Object(fields)) => fields.clone(),
            Some(Value::String(json)) => serde_json::from_str(json).unwrap_or_default(),
            _ => Map::new(),
        }
    }

    /// The accounts that the call is for. The list wins over the single one.
    pub(super) fn advertisers(&self) -> Vec<String> {
        let many = self.texts("advertiser_ids");
        if many.is_empty() {
            return self.text("advertiser_id").into_iter().collect();
        }
        many
    }
}

/// Ids come as strings and, from older clients, as numbers.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `None` is a body that cannot be read.
fn read_body(headers: &HeaderMap, body: &[u8]) -> Option<Map<String, Value>> {
    if body.is_empty() {
        return Some(Map::new());
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("application/json");
    if let Some(boundary) = multipart::boundary(kind) {
        return multipart::fields(body, boundary);
    }
    if kind.starts_with("application/x-www-form-urlencoded") {
        let form = std::str::from_utf8(body).ok()?;
        let pairs = form.split('&').filter_map(pair);
        return Some(
            pairs
                .map(|(name, value)| (name, Value::String(value)))
                .collect(),
        );
    }
    serde_json::from_slice(body).ok()
}

fn pair(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=')?;
    Some((decode(name), decode(value)))
}

/// Undoes percent encoding; what is not one stays as it is.
fn decode(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let (mut rest, mut decoded) = (text.as_bytes(), Vec::with_capacity(text.len()));
    while let [first, tail @ ..] = rest {
        rest = tail;
        decoded.push(match first {
            b'+' => b' ',
            b'%' => match escaped(tail) {
                Some(byte) => {
                    rest = &tail[2..];
                    byte
                }
                None => b'%',
            },
            other => *other,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn escaped(after: &[u8]) -> Option<u8> {
    let hex = after.get(..2)?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(hex[0])? * 16 + digit(hex[1])?).ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn call(uri: &str, kind: &str, body: &[u8]) -> Call {
        let request = Request::post(uri).header("content-type", kind).body(());
        Call::read(request.unwrap().into_parts().0, body)
    }

    #[test]
    fn a_query_is_decoded() {
        let call = call(
            "/?a=1%2B1+x&ids=%5B%221%22%2C2%5D&bad=%zz%",
            "application/json",
            b"",
        );
        assert_eq!(call.text("a").as_deref(), Some("1+1 x"));
        assert_eq!(call.texts("ids"), ["1", "2"]);
        assert_eq!(call.text("bad").as_deref(), Some("%zz%"));
    }

    #[test]
    fn a_body_outranks_the_query() {
        let call = call(
            "/?advertiser_id=1",
            "application/json",
            br#"{"advertiser_id":2}"#,
        );
        assert_eq!(call.advertisers(), ["2"]);
    }

    #[test]
    fn a_broken_body_is_malformed() {
        assert!(call("/", "application/json", b"{").malformed);
        assert!(call("/", "application/json", b"[1]").malformed);
        assert!(!call("/", "application/json", b"{}").malformed);
    }

    #[test]
    fn a_form_is_read() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"advertiser_id\"\r\n\r\n7\r\n\
            --x\r\nContent-Disposition: form-data; name=\"video_file\"; filename=\"a.mp4\"\r\n\
            Content-Type: video/mp4\r\n\r\n\x00\xff\r\n\x01\r\n--x--\r\n";
        let call = call("/", "multipart/form-data; boundary=\"x\"", body);
        assert_eq!(call.advertisers(), ["7"]);
        assert_eq!(call.text("video_file").as_deref(), Some("a.mp4"));
    }
}
