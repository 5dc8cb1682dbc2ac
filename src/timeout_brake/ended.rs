use std::{error::Error, io};

use http::{Response, StatusCode};

#[cfg(feature = "jittered-backoff")]
use crate::jittered_backoff::{ClassifyError, Delivery, TransportErrors};
use crate::{
    classify::Classification,
    error::{below, is_unsent},
};

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Ended<'a> {
    /// In an answer.
    Answer {
        /// Its status.
        status: StatusCode,
        /// What it means, if a layer inside has found out.
        found: Option<&'a Classification>,
    },
    /// Without one.
    Failure(&'a (dyn Error + 'static)),
}

impl<'a> Ended<'a> {
    pub(super) fn answer<R>(response: &'a Response<R>) -> Self {
        Self::Answer {
            status: response.status(),
            found: response.extensions().get(),
        }
    }

    /// Whether anybody can see that it timed out: by a status of 408 or 504, or
    /// by an error that wraps the elapsing of a timeout of `std`, tokio, tower
    /// or reqwest. What never reached the server did not time out there: with
    /// the feature `jittered-backoff`, that is also a connection that could not
    /// be made in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Answer { status, .. } => matches!(
                *status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT
            ),
            Self::Failure(error) if never_left(*error) => false,
            Self::Failure(error) => {
                let mut next = Some(*error);
                while let Some(error) = next {
                    if elapsed(error) {
                        return true;
                    }
                    next = below(error);
                }
                false
            }
        }
    }
}

fn never_left(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "jittered-backoff")]
    if TransportErrors.delivery(error) == Delivery::NotSent {
        return true;
    }
    is_unsent(error)
}

fn elapsed(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref().map(io::Error::kind);
    // The types of tower and reqwest cannot be named here. Nothing but the
    // whole text will do: others end in that of an error that is not theirs.
    io == Some(io::ErrorKind::TimedOut)
        || error.is::<tokio::time::error::Elapsed>()
        || matches!(
            &*error.to_string(),
            "request timed out" | "operation timed out"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_known_by_its_status_or_its_error() {
        let of = |status| Ended::Answer {
            status,
            found: None,
        };
        assert!(of(StatusCode::GATEWAY_TIMEOUT).is_timeout());
        assert!(of(StatusCode::REQUEST_TIMEOUT).is_timeout());
        assert!(!of(StatusCode::BAD_GATEWAY).is_timeout());
        assert!(!of(StatusCode::OK).is_timeout());

        let late = io::Error::from(io::ErrorKind::TimedOut);
        assert!(Ended::Failure(&late).is_timeout());
        assert!(Ended::Failure(&io::Error::other(late)).is_timeout());
        let tower = tower::timeout::error::Elapsed::new();
        assert!(Ended::Failure(&tower).is_timeout());
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(!Ended::Failure(&reset).is_timeout());
    }

    #[test]
    fn what_never_left_did_not_time_out() {
        #[derive(Debug)]
        struct Unsent(&'static str);

        impl std::fmt::Display for Unsent {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }

        impl Error for Unsent {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&crate::error::NotSent)
            }
        }

        assert!(!Ended::Failure(&Unsent("request timed out")).is_timeout());
        let wrapped = io::Error::new(io::ErrorKind::TimedOut, Unsent("the line was full"));
        assert!(!Ended::Failure(&wrapped).is_timeout());
        let other = io::Error::other("the token could not be had: request timed out");
        assert!(!Ended::Failure(&other).is_timeout());
    }
}
