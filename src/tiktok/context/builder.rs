use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::Method;

use super::TikTokRequestContextLayer;
use crate::tiktok::endpoints::{Endpoint, REQUEST_ID, TRANSFER_LEVEL, find};

/// What may follow the account fields.
const OTHER_FIELDS: [&str; 2] = [REQUEST_ID, TRANSFER_LEVEL];

/// What the layer and its services share.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) peek_limit: usize,
    pub(super) peek_timeout: Duration,
    /// The caller's own, sorted by path and method.
    endpoints: Vec<Endpoint>,
}

/// Builds a [`TikTokRequestContextLayer`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TikTokRequestContextBuilder {
    settings: Settings,
}

/// An endpoint that the layer was told of makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// The path is not `/a/b/`: it begins and ends with a slash, and is made
    /// of letters, digits, `_`, `-` and `.` between them.
    Path(&'static str),
    /// The endpoint at this path has a field without a name, or an account
    /// field after `request_id`.
    Field(&'static str),
    /// The layer was told of the endpoint at this path twice.
    Duplicate(&'static str),
}

// ===== impl Settings =====

impl Default for Settings {
    fn default() -> Self {
        Self {
            peek_limit: 16 * 1024,
            peek_timeout: Duration::from_secs(1),
            endpoints: Vec::new(),
        }
    }
}

impl Settings {
    /// The endpoint at this path without its root: the caller's own, or else
    /// that of the table.
    pub(super) fn endpoint(&self, method: &Method, relative: &str) -> Option<&Endpoint> {
        if self.endpoints.is_empty() {
            return find::known(method, relative);
        }
        let wanted = (find::trimmed(relative), method.as_str());
        match self.endpoints.binary_search_by(|own| key(own).cmp(&wanted)) {
            Ok(found) => Some(&self.endpoints[found]),
            Err(_) => find::known(method, relative),
        }
    }
}

fn key(endpoint: &Endpoint) -> (&str, &str) {
    (find::trimmed(endpoint.path()), endpoint.method().as_str())
}

// ===== impl TikTokRequestContextBuilder =====

impl TikTokRequestContextBuilder {
    /// How many bytes of a body are looked at, at most. The default is
    /// 16 KiB; 0 looks at none.
    ///
    /// A request that names its account after more bytes than that has no
    /// account, so its place is the front of the body. A larger limit finds
    /// it there too, and holds as much more memory for each request that
    /// streams.
    pub fn peek_limit(mut self, bytes: usize) -> Self {
        self.settings.peek_limit = bytes;
        self
    }

    /// How long a body is waited for, at most, once it keeps us waiting. The
    /// default is one second.
    ///
    /// A body that is there at once is not waited for. A shorter wait sends
    /// more of the requests whose body is slow without an account, a longer
    /// one holds them up.
    pub fn peek_timeout(mut self, timeout: Duration) -> Self {
        self.settings.peek_timeout = timeout;
        self
    }

    /// Tells of an endpoint that the table does not have, or overrides the
    /// one that it has for this method and path.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.settings.endpoints.push(endpoint);
        self
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// Fails if an endpoint makes no sense. The other settings always do.
    pub fn build(self) -> Result<TikTokRequestContextLayer, InvalidEndpoint> {
        let mut settings = self.settings;
        for endpoint in &settings.endpoints {
            if !find::is_template(endpoint.path()) {
                return Err(InvalidEndpoint::Path(endpoint.path()));
            }
            let others = &endpoint.fields()[endpoint.account_fields().len()..];
            if endpoint.fields().contains(&"") || !OTHER_FIELDS.starts_with(others) {
                return Err(InvalidEndpoint::Field(endpoint.path()));
            }
        }
        settings.endpoints.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut pairs = settings.endpoints.windows(2);
        match pairs.find(|pair| key(&pair[0]) == key(&pair[1])) {
            Some(pair) => Err(InvalidEndpoint::Duplicate(pair[0].path())),
            None => Ok(TikTokRequestContextLayer {
                settings: Arc::new(settings),
            }),
        }
    }
}

// ===== impl InvalidEndpoint =====

impl fmt::Display for InvalidEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(
                f,
                "{path:?} is not the template of a path, such as \"/a/b/\""
            ),
            Self::Field(path) => write!(
                f,
                "the endpoint {path} has a field without a name, or one after request_id"
            ),
            Self::Duplicate(path) => write!(f, "the endpoint {path} was given twice"),
        }
    }
}

impl Error for InvalidEndpoint {}
