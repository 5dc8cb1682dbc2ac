use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Uri, response::Parts};

use super::{is_report, merge, split};
use crate::{
    extensions::{Operation, RequestContext},
    report_batching::{Asked, Read, Reads},
    tiktok::endpoints::find::relative,
};

/// Knows TikTok's reads, and which reports can be merged. See the
/// [module docs](super).
#[derive(Clone, Copy, Debug, Default)]
pub struct TikTokReads(());

impl TikTokReads {
    /// TikTok's reads.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<B> Reads<B> for TikTokReads {
    fn read(&self, request: &Request<B>) -> Option<Read> {
        let context = request.extensions().get::<RequestContext>();
        let is_read = match context {
            Some(context) => context.operation().is_read(),
            None => Operation::from_method(request.method()).is_read(),
        };
        if !is_read {
            return None;
        }
        let endpoint = context.and_then(RequestContext::endpoint);
        let path = endpoint.unwrap_or_else(|| relative(request.uri().path()));
        let read = match is_report(path) {
            true => Read::shared().kept(),
            false => Read::shared(),
        };
        let part = (path.trim_end_matches('/') == "/report/integrated/get")
            .then(|| merge::part(request.uri()))
            .flatten();
        Some(match part {
            Some(part) => read.part(part),
            None => read,
        })
    }

    fn max_members(&self) -> usize {
        merge::MAX_MEMBERS
    }

    fn merged(&self, group: &Uri, members: &[Arc<str>]) -> Option<Uri> {
        merge::merged(group, members)
    }

    fn split(&self, head: &Parts, body: &Bytes, requests: &[Asked]) -> Option<Vec<Bytes>> {
        // Rows were cut off, and nobody knows whose.
        if head.headers.contains_key("x-tt-ads-throttle") {
            return None;
        }
        split::split(body, requests)
    }
}
