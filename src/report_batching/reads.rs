use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Uri, response::Parts};

/// How one read is treated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    keep: bool,
    part: Option<Part>,
}

/// A read that asks for one of several things that could be asked for at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    group: Uri,
    member: Arc<str>,
}

impl Read {
    /// A read that shares its answer with those that ask the same while it is
    /// under way.
    #[must_use]
    pub fn shared() -> Self {
        Self::default()
    }

    /// Lets its answer be kept, where
    /// [answers are kept](super::ReportBatchingBuilder::keep_for).
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.keep = true;
        self
    }

    /// Lets it be merged with others, where
    /// [reads are merged](super::ReportBatchingBuilder::merge_within).
    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.part = Some(part);
        self
    }

    pub(super) fn is_kept(&self) -> bool {
        self.keep
    }

    pub(super) fn as_part(&self) -> Option<&Part> {
        self.part.as_ref()
    }
}

impl Part {
    /// The part `member` of what `group` asks for: the URL without whatever
    /// tells the members apart.
    #[must_use]
    pub fn new(group: Uri, member: impl Into<Arc<str>>) -> Self {
        Self {
            group,
            member: member.into(),
        }
    }

    pub(super) fn group(&self) -> &Uri {
        &self.group
    }

    pub(super) fn member(&self) -> &Arc<str> {
        &self.member
    }
}

/// Tells which requests are reads that may share their answers, and how to
/// merge some into one and take its answer apart.
pub trait Reads<B> {
    /// How the request is treated, or `None` if it is to pass.
    fn read(&self, request: &Request<B>) -> Option<Read>;

    /// How many members can be asked for at once. No more are merged, whatever
    /// [`max_merged`](super::ReportBatchingBuilder::max_merged) says. By
    /// default there is no such limit.
    fn max_members(&self) -> usize {
        usize::MAX
    }

    /// The URL that asks for these members of a group at once. `None` if there
    /// is none; that is what it gives by default.
    fn merged(&self, group: &Uri, members: &[Arc<str>]) -> Option<Uri> {
        let _ = (group, members);
        None
    }

    /// The answer to such a request as each of its requests would have got it,
    /// in the order of the `requests`. `None` if anything in it is not as
    /// expected; then each is sent for itself.
    fn split(&self, head: &Parts, body: &Bytes, requests: &[Asked]) -> Option<Vec<Bytes>> {
        let _ = (head, body, requests);
        None
    }
}

/// One of the requests that were merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What it asked for.
    pub member: Arc<str>,
    /// How it asked.
    pub uri: Uri,
}
