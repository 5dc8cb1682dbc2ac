//! One span for a request, and one inside it for each attempt, by the names of
//! OpenTelemetry. Neither the query nor an error's text is ever in them: both
//! may hold a token. So there is no `url.full`.

use std::fmt;

use http::{Method, Request, Response, Uri};
use smol_str::SmolStr;
use tracing::{Span, field::Empty, info_span, span::Entered};

use crate::{
    classify::{ApiCode, Classification, ErrorClass},
    extensions::RequestContext,
};

/// The spans of a request. Most programs have somebody who listens to them, and
/// the others are not to pay: there are none then.
#[derive(Debug)]
pub(super) struct Spans {
    request: Span,
    attempt: Span,
    method: Method,
    template: Option<SmolStr>,
    address: Option<SmolStr>,
    port: Option<u16>,
    /// How often it was sent again.
    resends: u32,
}

impl Spans {
    #[inline]
    pub(super) fn of<B>(request: &Request<B>) -> Option<Box<Self>> {
        let span = info_span!(
            "request",
            otel.kind = "internal",
            otel.name = tracing::field::display(Name(request.method(), template(request))),
            otel.status_code = Empty,
            http.request.method = request.method().as_str(),
            url.template = template(request),
            server.address = request.uri().host(),
            server.port = port(request.uri()),
            http.request.resend_count = Empty,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        if span.is_disabled() {
            return None;
        }
        Some(Self::new(span, request))
    }

    #[cold]
    fn new<B>(span: Span, request: &Request<B>) -> Box<Self> {
        let mut spans = Self {
            request: span,
            attempt: Span::none(),
            method: request.method().clone(),
            template: template(request).map(SmolStr::new),
            address: request.uri().host().map(SmolStr::new),
            port: port(request.uri()),
            resends: 0,
        };
        spans.begin();
        Box::new(spans)
    }

    /// The attempt is to be made once more.
    pub(super) fn resend(&mut self) {
        self.resends = self.resends.saturating_add(1);
        self.begin();
    }

    fn begin(&mut self) {
        self.attempt = info_span!(
            parent: &self.request,
            "attempt",
            otel.kind = "client",
            otel.name = tracing::field::display(Name(&self.method, self.template.as_deref())),
            otel.status_code = Empty,
            http.request.method = self.method.as_str(),
            url.template = self.template.as_deref(),
            server.address = self.address.as_deref(),
            server.port = self.port,
            http.request.resend_count = (self.resends > 0).then_some(self.resends),
            http.response.status_code = Empty,
            error.type = Empty,
            code = Empty,
            request_id = Empty,
            log_id = Empty,
        );
    }

    pub(super) fn request(&self) -> Span {
        self.request.clone()
    }

    /// In the span of the attempt, until that is dropped.
    pub(super) fn enter_attempt(&self) -> Entered<'_> {
        self.attempt.enter()
    }

    /// The attempt under way has ended.
    pub(super) fn answered<R>(&self, answer: Option<&Response<R>>) {
        note(&self.attempt, answer);
        let found = answer.and_then(|it| it.extensions().get());
        let Some(found): Option<&Classification> = found else {
            return;
        };
        match found.code() {
            Some(ApiCode::Number(code)) => drop(self.attempt.record("code", *code)),
            Some(ApiCode::Text(code)) => drop(self.attempt.record("code", &**code)),
            None => {}
        }
        if let Some(id) = found.request_id() {
            self.attempt.record("request_id", id);
        }
        if let Some(id) = found.log_id() {
            self.attempt.record("log_id", id);
        }
    }

    /// So has the request.
    pub(super) fn ended<R>(&self, answer: Option<&Response<R>>) {
        note(&self.request, answer);
        if self.resends > 0 {
            self.request
                .record("http.request.resend_count", self.resends);
        }
    }
}

/// Does this inside the span of the attempt.
#[inline]
pub(super) fn in_attempt<T>(spans: Option<&Spans>, work: impl FnOnce() -> T) -> T {
    match spans {
        Some(spans) => spans.attempt.in_scope(work),
        None => work(),
    }
}

fn note<R>(span: &Span, answer: Option<&Response<R>>) {
    let class = match answer {
        Some(response) => {
            let status = response.status().as_u16();
            span.record("http.response.status_code", status);
            ErrorClass::of(response)
        }
        None => {
            span.record("error.type", "failure");
            span.record("otel.status_code", "ERROR");
            return;
        }
    };
    if !class.is_success() {
        span.record("error.type", class.as_str());
        span.record("otel.status_code", "ERROR");
    }
}

/// What OpenTelemetry calls a span of HTTP.
struct Name<'a>(&'a Method, Option<&'a str>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())?;
        match self.1 {
            Some(template) => write!(f, " {template}"),
            None => Ok(()),
        }
    }
}

/// That of the scheme, where none is said.
fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

fn template<B>(request: &Request<B>) -> Option<&str> {
    request
        .extensions()
        .get()
        .and_then(RequestContext::endpoint)
}
