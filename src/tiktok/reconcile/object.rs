use std::fmt::Write as _;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Request, Uri,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRAILER,
        TRANSFER_ENCODING,
    },
};
use serde_json::{Value, json};

use crate::extensions::{Attempt, Operation, ReadBack, RequestContext};

/// So many rows come with a page.
const PAGE_SIZE: u64 = 100;

/// What tells of a body that a read does not have, or asks for one that we
/// cannot read.
const OF_BODIES: [HeaderName; 7] = [
    ACCEPT_ENCODING,
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    TRANSFER_ENCODING,
    TRAILER,
    EXPECT,
];

/// A kind of object that can be read back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) create: &'static str,
    pub(super) get: &'static str,
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// The field of the request that names what it belongs to.
    parent: Option<Parent>,
}

#[derive(Debug, PartialEq, Eq)]
struct Parent {
    field: &'static str,
    filter: &'static str,
}

static KINDS: [Kind; 2] = [
    Kind {
        create: "/campaign/create/",
        get: "/campaign/get/",
        id: "campaign_id",
        name: "campaign_name",
        parent: None,
    },
    Kind {
        create: "/adgroup/create/",
        get: "/adgroup/get/",
        id: "adgroup_id",
        name: "adgroup_name",
        parent: Some(Parent {
            field: "campaign_id",
            filter: "campaign_ids",
        }),
    },
];

/// The object that a create was to create.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kind: &'static Kind,
    pub(super) name: String,
    advertiser: String,
    /// The field of a row that names what it belongs to, and its value.
    parent: Option<(&'static str, String)>,
}

impl Kind {
    /// The kind that is created at this endpoint.
    pub(super) fn at(endpoint: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.create == endpoint)
    }
}

impl Wanted {
    /// Reads what a create was to create. `None` if it does not say all that
    /// is needed to look for it.
    pub(super) fn by(create: &Request<Bytes>) -> Option<Self> {
        let context: &RequestContext = create.extensions().get()?;
        let kind = Kind::at(context.endpoint()?)?;
        let body: Value = serde_json::from_slice(create.body()).ok()?;
        let field = |name: &str| {
            body.get(name)
                .and_then(text)
                .filter(|text| !text.is_empty())
        };
        Some(Self {
            kind,
            name: field(kind.name)?,
            advertiser: field("advertiser_id")?,
            parent: match &kind.parent {
                Some(parent) => Some((parent.field, field(parent.field)?)),
                None => None,
            },
        })
    }

    /// Whether a row belongs to the same parent.
    pub(super) fn is_sibling(&self, row: &Value) -> bool {
        self.parent.as_ref().is_none_or(|(field, parent)| {
            row.get(*field)
                .and_then(text)
                .is_none_or(|of| of == *parent)
        })
    }

    /// Asks for a page of what bears the name, or one like it.
    pub(super) fn request<B>(
        &self,
        create: &Request<Bytes>,
        page: u64,
        body: B,
    ) -> Option<Request<B>> {
        let mut request = Request::new(body);
        *request.uri_mut() = self.uri(create.uri(), page)?;
        *request.version_mut() = create.version();
        *request.headers_mut() = headers(create.headers());
        let extensions = request.extensions_mut();
        *extensions = create.extensions().clone();
        // What was said of the create does not hold for the read.
        extensions.remove::<Attempt>();
        extensions.remove::<Operation>();
        let known: Option<RequestContext> = extensions.remove();
        let mut context = RequestContext::new(Operation::Read).with_static_endpoint(self.kind.get);
        if let Some(known) = known {
            context = context.with_priority(known.priority());
            if let Some(account) = known.account() {
                context = context.with_account(account.clone());
            }
        }
        extensions.insert(context);
        extensions.insert(ReadBack);
        Some(request)
    }

    /// The place of the create, with another end.
    fn uri(&self, create: &Uri, page: u64) -> Option<Uri> {
        let path = create.path().trim_end_matches('/');
        let root = path.strip_suffix(self.kind.create.trim_end_matches('/'))?;
        let mut filtering = json!({ self.kind.name: self.name.trim() });
        if let (Some(parent), Some((_, id))) = (&self.kind.parent, &self.parent) {
            filtering[parent.filter] = json!([id]);
        }
        let query = format!(
            "advertiser_id={}&filtering={}&page={page}&page_size={PAGE_SIZE}",
            escaped(&self.advertiser),
            escaped(&filtering.to_string()),
        );
        let mut parts = create.clone().into_parts();
        let target = format!("{root}{}?{query}", self.kind.get);
        parts.path_and_query = Some(target.parse().ok()?);
        Uri::from_parts(parts).ok()
    }
}

fn headers(create: &HeaderMap) -> HeaderMap {
    let mut headers = create.clone();
    for name in OF_BODIES {
        headers.remove(name);
    }
    headers
}

/// Ids come as strings and, from older pages, as numbers.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// With all but unreserved characters percent-encoded (RFC 3986).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::extensions::Priority;

    fn create(path: &str, body: &str) -> Request<Bytes> {
        let request = Request::post(format!("https://api.example/open_api/v1.3{path}"))
            .header("access-token", "secret")
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_owned()));
        let mut request = request.unwrap();
        let context = RequestContext::new(Operation::Write)
            .with_endpoint(path)
            .with_account("7")
            .with_priority(Priority::High);
        request.extensions_mut().insert(context);
        request
    }

    #[test]
    fn it_asks_where_the_object_would_be() {
        let body = r#"{"advertiser_id": "7", "campaign_id": 9, "adgroup_name": " a&b "}"#;
        let create = create("/adgroup/create/", body);
        let wanted = Wanted::by(&create).unwrap();
        let request = wanted.request(&create, 2, ()).unwrap();
        assert_eq!(request.method(), "GET");
        assert_eq!(
            request.uri(),
            "https://api.example/open_api/v1.3/adgroup/get/?advertiser_id=7\
             &filtering=%7B%22adgroup_name%22%3A%22a%26b%22%2C%22campaign_ids%22%3A%5B%229%22%5D%7D\
             &page=2&page_size=100"
        );
        assert_eq!(request.headers().len(), 1);
        assert_eq!(request.headers()["access-token"], "secret");
        assert!(request.extensions().get::<ReadBack>().is_some());
        let context: &RequestContext = request.extensions().get().unwrap();
        assert_eq!(context.endpoint(), Some("/adgroup/get/"));
        assert_eq!(context.account().unwrap().as_str(), "7");
        assert_eq!(context.priority(), Priority::High);
        assert!(context.operation().is_read());
    }

    #[test]
    fn what_says_too_little_is_not_asked_for() {
        for (path, body) in [
            ("/campaign/create/", r#"{"advertiser_id": "7"}"#),
            (
                "/campaign/create/",
                r#"{"advertiser_id": "7", "campaign_name": ""}"#,
            ),
            ("/campaign/create/", r#"{"campaign_name": "a"}"#),
            ("/campaign/create/", "campaign_name=a"),
            (
                "/adgroup/create/",
                r#"{"advertiser_id": "7", "adgroup_name": "a"}"#,
            ),
            (
                "/ad/create/",
                r#"{"advertiser_id": "7", "campaign_name": "a"}"#,
            ),
        ] {
            assert!(Wanted::by(&create(path, body)).is_none(), "{path} {body}");
        }
    }

    proptest! {
        #[test]
        fn every_name_makes_a_target(name in ".{0,40}") {
            let body = json!({"advertiser_id": "7", "campaign_name": &name}).to_string();
            let create = create("/campaign/create/", &body);
            if let Some(wanted) = Wanted::by(&create) {
                prop_assert_eq!(&wanted.name, &name);
                prop_assert!(wanted.request(&create, 1, ()).is_some());
            }
        }
    }
}
