use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Uri};
use http_body::Body;

use crate::{body::Replay, extensions::RequestContext};

/// What is longer is no identity: it would have to be kept.
const MAX_BYTES: usize = 32 * 1024;

/// Headers that tell of the caller, not of what is asked.
const IRRELEVANT: [&str; 6] = [
    "traceparent",
    "tracestate",
    "baggage",
    "x-request-id",
    "x-correlation-id",
    "user-agent",
];

/// All of a request by which its answer may differ: method, URL, headers, and
/// body. Two requests with one identity may share an answer. The token is
/// among the headers, so two tokens never do.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity(Arc<[u8]>);

impl Identity {
    /// `None` for a request that changes something, whose body is not there
    /// yet, or that is too long.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<Self>
    where
        B: Body<Data = Bytes> + Replay + Unpin,
    {
        let context = request.extensions().get::<RequestContext>();
        let account = context.and_then(RequestContext::account);
        let account = account.map_or("", |account| account.as_str());
        Self::of_parts(request, request.uri(), account)
    }

    /// The same of a group of requests, which is this one's: `uri` in place
    /// of its own, and whatever the account.
    #[cfg(feature = "report-batching")]
    pub(crate) fn of_group<B>(request: &Request<B>, uri: &Uri) -> Option<Self>
    where
        B: Body<Data = Bytes> + Replay + Unpin,
    {
        Self::of_parts(request, uri, "")
    }

    #[cfg(feature = "report-batching")]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn of_parts<B>(request: &Request<B>, uri: &Uri, account: &str) -> Option<Self>
    where
        B: Body<Data = Bytes> + Replay + Unpin,
    {
        if !is_read(request) {
            return None;
        }
        let mut text = Text(Vec::with_capacity(256));
        text.part(request.method().as_str().as_bytes())?;
        text.part(uri.scheme_str().unwrap_or_default().as_bytes())?;
        text.part(uri.authority().map_or("", |host| host.as_str()).as_bytes())?;
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        text.part(path.as_bytes())?;
        text.part(account.as_bytes())?;
        text.headers(request.headers())?;
        text.body(request.body())?;
        Some(Self(text.0.into()))
    }
}

/// Whether it changes nothing, so that it may have an identity.
pub(crate) fn is_read<B>(request: &Request<B>) -> bool {
    match request.extensions().get::<RequestContext>() {
        Some(context) => context.operation().is_read(),
        None => request.method().is_safe(),
    }
}

// Not the text: there is a token in it.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").finish_non_exhaustive()
    }
}

struct Text(Vec<u8>);

impl Text {
    /// Each part with its length, so that no two lists of parts are one text.
    fn part(&mut self, part: &[u8]) -> Option<()> {
        if self.0.len().saturating_add(part.len()) > MAX_BYTES {
            return None;
        }
        self.0.extend_from_slice(&part.len().to_le_bytes());
        self.0.extend_from_slice(part);
        Some(())
    }

    fn headers(&mut self, headers: &HeaderMap) -> Option<()> {
        let relevant = |name: &HeaderName| !IRRELEVANT.contains(&name.as_str());
        let mut names: Vec<_> = headers.keys().filter(|name| relevant(name)).collect();
        names.sort_unstable_by_key(|name| name.as_str());
        for name in names {
            self.part(name.as_str().as_bytes())?;
            let values = headers.get_all(name);
            // So that no value is taken for the next name.
            let count = values.iter().count();
            self.0.extend_from_slice(&count.to_le_bytes());
            for value in values {
                self.part(value.as_bytes())?;
            }
        }
        self.part(b"")
    }

    /// A copy is read, if all of it is there.
    fn body<B>(&mut self, body: &B) -> Option<()>
    where
        B: Body<Data = Bytes> + Replay + Unpin,
    {
        if body.is_end_stream() {
            return Some(());
        }
        let exact = body.size_hint().exact()?;
        if exact > MAX_BYTES as u64 {
            return None;
        }
        let mut copy = body.try_clone()?;
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match Pin::new(&mut copy).poll_frame(&mut cx) {
                Poll::Ready(None) => return Some(()),
                Poll::Ready(Some(Ok(frame))) => self.part(&frame.into_data().ok()?)?,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return None,
            }
        }
    }
}
