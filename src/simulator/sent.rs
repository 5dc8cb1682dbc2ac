use http::StatusCode;

use super::{answers::Plain, clock::Micros, reply::Reply};

/// An envelope on its way out.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) reply: Reply,
    /// `None`: the one that goes with the code.
    pub(super) status: Option<StatusCode>,
    pub(super) retry_after: Option<Micros>,
}

/// What goes back to the caller.
#[derive(Debug)]
pub(super) enum Sent {
    Envelope(Envelope),
    /// The connection breaks in the middle of it.
    Half(Reply),
    Plain(Plain),
    Nothing,
}

impl Envelope {
    pub(super) fn of(reply: Reply) -> Self {
        Self {
            reply,
            status: None,
            retry_after: None,
        }
    }
}
