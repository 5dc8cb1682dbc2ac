mod body;
mod shared;
mod tape;
#[cfg(test)]
mod tests;
mod waiting;

use std::fmt;

use bytes::{Buf, Bytes};
use http_body_util::{Either, Empty, Full, combinators};

pub use self::body::ReplayBody;

/// A body that may be sent again: before it is sent, a copy is taken that
/// yields the same frames.
///
/// Bodies that hold all their bytes copy cheaply. A body that streams can be
/// wrapped in a [`ReplayBody`](ReplayBody); unwrapped it has no copies,
/// and its request is sent once.
///
/// # Example
/// ```
/// use bytes::Bytes;
/// use http_body_util::{BodyExt, Full};
/// use tower_tiktok::body::Replay;
///
/// let body = Full::new(Bytes::from("{}"));
/// assert!(body.try_clone().is_some());
/// // Nobody knows what is in a box.
/// assert!(body.boxed_unsync().try_clone().is_none());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no body that can be sent twice",
    note = "wrap a body that streams: `ReplayBody::new(body, max_bytes)`"
)]
pub trait Replay: Sized {
    /// A copy that yields all that this body has yet to yield, or `None` if
    /// there can be none.
    fn try_clone(&self) -> Option<Self>;
}

macro_rules! replay_by_clone {
    ($($body:ty),* $(,)?) => {$(
        impl Replay for $body {
            fn try_clone(&self) -> Option<Self> {
                Some(self.clone())
            }
        }
    )*};
}

replay_by_clone!((), String, Vec<u8>, Bytes, &'static str, &'static [u8]);

impl<D: Buf + Clone> Replay for Full<D> {
    fn try_clone(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl<D> Replay for Empty<D> {
    fn try_clone(&self) -> Option<Self> {
        Some(*self)
    }
}

impl<L: Replay, R: Replay> Replay for Either<L, R> {
    fn try_clone(&self) -> Option<Self> {
        Some(match self {
            Self::Left(left) => Self::Left(left.try_clone()?),
            Self::Right(right) => Self::Right(right.try_clone()?),
        })
    }
}

impl<D, E> Replay for combinators::BoxBody<D, E> {
    fn try_clone(&self) -> Option<Self> {
        None
    }
}

impl<D, E> Replay for combinators::UnsyncBoxBody<D, E> {
    fn try_clone(&self) -> Option<Self> {
        None
    }
}

#[cfg(feature = "hyper")]
impl Replay for hyper::body::Incoming {
    fn try_clone(&self) -> Option<Self> {
        None
    }
}

/// The body of a request was lost before another copy could be sent.
#[derive(Debug)]
pub struct BodyLost(());

impl BodyLost {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for BodyLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request's body can no longer be sent again")
    }
}

impl std::error::Error for BodyLost {}
