use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, Response, StatusCode, header};

use super::{
    body::SimBody,
    chance::Chance,
    clock::{Clock, Micros, SECOND},
    reply::{Data, Reply},
};

const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
const GATEWAY_TIMEOUT: &str = "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n\
    <center><h1>504 Gateway Time-out</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
const NOT_ALLOWED: &str = "<html>\r\n<head><title>405 Method Not Allowed</title></head>\r\n<body>\r\n\
    <h1>Method Not Allowed</h1>\r\n</body>\r\n</html>\r\n";

/// How a refused call is told so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusals {
    /// HTTP 200 and the code in the envelope, as the Marketing API does it.
    #[default]
    Envelope,
    /// The same, but no text of a second's refusal names the limit.
    Vague,
    /// As `Envelope`, with a `Retry-After` that tells the truth.
    RetryAfter,
    /// HTTP 429 with plain text and `Retry-After`, as an edge does it.
    Edge,
}

/// Answers that come from in front of the API.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plain {
    BadGateway,
    GatewayTimeout,
    NotAllowed,
    NotFound,
    NoSlash,
    TooMany {
        retry_after: u64,
    },
    Text {
        status: StatusCode,
        text: &'static str,
    },
}

/// An answer that is ready to be sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response<Bytes>,
    pub(super) cut: bool,
}

/// Writes answers; keeps what stays the same within a second.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) vary: bool,
    pub(super) gzip: bool,
    second: Option<u64>,
    stamp: String,
    date: HeaderValue,
}

// ===== impl Plain =====

impl Plain {
    pub(super) fn answer(self) -> Answer {
        let (status, kind, text) = match self {
            Self::BadGateway => (StatusCode::BAD_GATEWAY, "text/html", BAD_GATEWAY),
            Self::GatewayTimeout => (StatusCode::GATEWAY_TIMEOUT, "text/html", GATEWAY_TIMEOUT),
            Self::NotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "text/html", NOT_ALLOWED),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "text/plain; charset=utf-8",
                "Not Found",
            ),
            Self::NoSlash => (StatusCode::NOT_FOUND, "text/plain", "404 page not found"),
            Self::Text { status, text } => (status, "text/plain", text),
            Self::TooMany { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "text/plain",
                "Too Many Requests",
            ),
        };
        let mut answer = Answer::of(status, kind, Bytes::from_static(text.as_bytes()));
        if let Self::TooMany { retry_after } = self {
            answer.retry_after(retry_after);
        }
        answer
    }
}

// ===== impl Answer =====

impl Answer {
    fn of(status: StatusCode, kind: &'static str, body: Bytes) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Self {
            response,
            cut: false,
        }
    }

    pub(super) fn retry_after(&mut self, seconds: u64) {
        self.response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }

    pub(super) fn into_response(self) -> Response<SimBody> {
        let cut = self.cut;
        self.response.map(|body| {
            if cut {
                SimBody::cut(&body)
            } else {
                SimBody::full(body)
            }
        })
    }
}

// ===== impl Answers =====

impl Answers {
    pub(super) fn new(vary: bool, gzip: bool) -> Self {
        Self {
            vary,
            gzip,
            second: None,
            stamp: String::new(),
            date: HeaderValue::from_static(""),
        }
    }

    pub(super) fn set_time(&mut self, clock: &Clock, now: Micros) {
        let second = now / SECOND;
        if self.second != Some(second) {
            self.second = Some(second);
            self.stamp = clock.stamp(now);
            let date = httpdate::fmt_http_date(clock.wall(now));
            self.date = HeaderValue::try_from(date).expect("a date is a header value");
        }
    }

    /// 14 digits of time and 20 of chance.
    pub(super) fn request_id(&self, chance: &mut Chance) -> String {
        let (high, low) = (chance.next(), chance.next() & 0xffff);
        format!("{}{high:016X}{low:04X}", self.stamp)
    }

    pub(super) fn dated(&self, mut answer: Answer) -> Answer {
        answer
            .response
            .headers_mut()
            .insert(header::DATE, self.date.clone());
        answer
    }

    pub(super) fn envelope(
        &self,
        reply: &Reply,
        status: StatusCode,
        request_id: &str,
        gzip: bool,
        chance: &mut Chance,
    ) -> Answer {
        let mut answer = match &reply.data {
            Data::File(bytes) => Answer::of(status, "text/csv", bytes.clone()),
            Data::Empty => self.json(reply, "{}".to_owned(), status, request_id, chance),
            Data::Json(data) => self.json(reply, data.to_string(), status, request_id, chance),
        };
        if self.gzip && gzip {
            let packed = pack(answer.response.body());
            *answer.response.body_mut() = packed;
            let gzip = HeaderValue::from_static("gzip");
            answer
                .response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, gzip);
        }
        let trace = format!("00-{}", request_id[14..].to_lowercase());
        let host = "01d0b4f6b5ef5d2f5e2a1c0b9a8877665544332211";
        let headers = answer.response.headers_mut();
        for (name, value) in [("x-tt-logid", request_id), ("x-tt-trace-id", &trace)] {
            headers.insert(
                name,
                HeaderValue::try_from(value).expect("an id is a header value"),
            );
        }
        headers.insert("x-tt-trace-host", HeaderValue::from_static(host));
        answer
    }

    fn json(
        &self,
        reply: &Reply,
        data: String,
        status: StatusCode,
        request_id: &str,
        chance: &mut Chance,
    ) -> Answer {
        let vary = if self.vary { chance.next() } else { 0 };
        let body = write(reply, &data, request_id, vary);
        Answer::of(status, "application/json", Bytes::from(body))
    }
}

/// The order of the keys is as the official pages have it: mostly the first,
/// seldom the rest.
fn write(reply: &Reply, data: &str, request_id: &str, vary: u64) -> String {
    let message = serde_json::Value::from(&*reply.message).to_string();
    let code = reply.code;
    let failed = reply.code != 0;
    match vary % 16 {
        12 | 13 => format!(
            r#"{{"message":{message},"code":{code},"data":{data},"request_id":"{request_id}"}}"#
        ),
        14 => format!(
            r#"{{"code":{code},"data":{data},"message":{message},"request_id":"{request_id}"}}"#
        ),
        15 => format!(
            r#"{{"Message":{message},"Code":{code},"Data":{data},"RequestId":"{request_id}"}}"#
        ),
        10 if failed => format!(r#"{{"code":{code},"message":{message}}}"#),
        11 if failed => {
            format!(r#"{{"code":{code},"message":{message},"request_id":"{request_id}"}}"#)
        }
        11 => format!(r#"{{"message":{message},"code":{code},"data":{data}}}"#),
        _ => format!(
            r#"{{"code":{code},"message":{message},"request_id":"{request_id}","data":{data}}}"#
        ),
    }
}

fn pack(body: &[u8]) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = gzip.write_all(body).and_then(|()| gzip.finish());
    packed.expect("writing to memory does not fail").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_is_json_with_a_code() {
        let reply = Reply::error(40_100, "said \"no\"\n");
        for vary in 0..16 {
            let body = write(&reply, r#"{"a":1}"#, "R", vary);
            let json: serde_json::Value = serde_json::from_str(&body).unwrap();
            let code = json.get("code").or_else(|| json.get("Code"));
            assert_eq!(code, Some(&40_100.into()), "{body}");
        }
    }
}
