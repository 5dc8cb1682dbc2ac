//! The call that exchanges a refresh token for new tokens.

use std::{error::Error, fmt, future::poll_fn, pin::Pin, sync::Mutex, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri, header::CONTENT_TYPE};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;
use zeroize::Zeroizing;

use super::UserGrant;
use crate::{
    classify::{Classification, ErrorClass},
    error::BoxError,
    tiktok::TikTokErrorClassifierLayer,
    token_refresh::{RefreshError, Secret, TokenKey},
};

/// No answer to a refresh is longer.
const MAX_BYTES: usize = 64 * 1024;

/// How long an access token lives of which nobody says so.
const A_DAY: u64 = 86_400;

type Sending = Pin<Box<dyn Future<Output = Result<Response<Bytes>, BoxError>> + Send>>;

/// A client whose type was forgotten.
pub(super) type Sender = Box<dyn Fn(Request<Full<Bytes>>) -> Sending + Send + Sync>;

/// TikTok refused to refresh a token, and says why.
#[derive(Clone, Debug)]
pub struct RefreshRefused {
    found: Classification,
}

/// What all users of an app share.
pub(super) struct Exchange {
    pub(super) send: Sender,
    pub(super) uri: Uri,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
}

/// Forgets the type of a client.
pub(super) fn sender<S, R>(service: S) -> Sender
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: Body<Data = Bytes> + Unpin + Send + 'static,
    R::Error: Into<BoxError> + Send,
{
    // Locked to be cloned only: few services are `Sync`.
    let service = Mutex::new(TikTokErrorClassifierLayer::new().layer(service));
    Box::new(move |request| {
        let service = service.lock();
        let mut service = service.unwrap_or_else(|error| error.into_inner()).clone();
        Box::pin(async move {
            let ready = poll_fn(|cx| Service::<Request<Full<Bytes>>>::poll_ready(&mut service, cx));
            ready.await.map_err(Into::into)?;
            let response = service.call(request).await.map_err(Into::into)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_BYTES).collect().await?;
            Ok(Response::from_parts(head, body.to_bytes()))
        })
    })
}

impl Exchange {
    /// Buys new tokens. What is not used of the answer is not kept.
    pub(super) async fn refresh(
        &self,
        key: TokenKey,
        refresh_token: Secret,
    ) -> Result<UserGrant, RefreshError> {
        let body = self.body(&refresh_token);
        let mut request = Request::post(self.uri.clone()).body(Full::new(body))?;
        let json = http::HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let response = (self.send)(request).await.map_err(RefreshError::passing)?;
        if let Some(found) = response.extensions().get::<Classification>() {
            return Err(self.refused(found, &refresh_token));
        }
        if !ErrorClass::of(&response).is_success() {
            return Err(RefreshError::passing(format!(
                "the refresh was answered with HTTP {}",
                response.status()
            )));
        }
        let granted = grant(key, refresh_token, response.body());
        granted.ok_or_else(|| RefreshError::passing("the answer to the refresh has no token"))
    }

    fn body(&self, refresh_token: &Secret) -> Bytes {
        let values = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose()),
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ];
        // Enough for all to be escaped: what grows leaves a copy behind.
        let room = values.iter().map(|(_, value)| 6 * value.len() + 32).sum();
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        for (at, (name, value)) in values.into_iter().enumerate() {
            body.push(if at == 0 { b'{' } else { b',' });
            for (text, end) in [(name, &b":"[..]), (value, b"")] {
                let written = serde_json::to_writer(&mut *body, text);
                written.expect("a text can be written into memory");
                body.extend_from_slice(end);
            }
        }
        body.push(b'}');
        Bytes::from_owner(body)
    }

    fn refused(&self, found: &Classification, refresh_token: &Secret) -> RefreshError {
        let mut found = found.clone();
        // Nobody promises that a message does not repeat what was sent.
        if let Some(message) = found.message() {
            let message = [refresh_token, &self.client_secret]
                .into_iter()
                .filter(|secret| !secret.expose().is_empty())
                .fold(message.to_owned(), |text, secret| {
                    text.replace(secret.expose(), "..")
                });
            found = found.with_message(message);
        }
        let needs_a_person = matches!(
            found.class(),
            ErrorClass::TokenExpired
                | ErrorClass::TokenInvalid
                | ErrorClass::PermissionDenied
                | ErrorClass::InvalidRequest
                | ErrorClass::Permanent
        );
        let refused = RefreshRefused { found };
        if needs_a_person {
            RefreshError::refused(refused)
        } else {
            RefreshError::passing(refused)
        }
    }
}

fn grant(key: TokenKey, before: Secret, body: &[u8]) -> Option<UserGrant> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let mut data = answer.get_mut("data")?.take();
    let seconds = |value: Option<&Value>| value?.as_u64().map(Duration::from_secs);
    let expires_in = seconds(data.get("expires_in")).unwrap_or(Duration::from_secs(A_DAY));
    let refresh_expires_in = seconds(data.get("refresh_token_expires_in"));
    let mut text = |name: &str| match data.get_mut(name).map(Value::take) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    Some(UserGrant {
        key,
        access_token: text("access_token")?.into(),
        expires_in,
        received: Instant::now(),
        // It need not rotate.
        refresh_token: text("refresh_token").map_or(before, Secret::from),
        refresh_expires_in,
        open_id: text("open_id"),
    })
}

// ===== impl RefreshRefused =====

impl RefreshRefused {
    /// What TikTok's answer means.
    #[must_use]
    pub fn classification(&self) -> &Classification {
        &self.found
    }
}

impl fmt::Display for RefreshRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found.fmt(f)?;
        match self.found.remedy().trim_end_matches('.') {
            "" => Ok(()),
            remedy => write!(f, "; {remedy}"),
        }
    }
}

impl Error for RefreshRefused {}
