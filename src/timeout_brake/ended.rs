use std::{error::Error, io};

use http::{Response, StatusCode};

use crate::{classify::Classification, error::below};

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
    /// or reqwest.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Answer { status, .. } => matches!(
                *status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT
            ),
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

fn elapsed(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref().map(io::Error::kind);
    // The types of tower and reqwest cannot be named here.
    io == Some(io::ErrorKind::TimedOut)
        || error.is::<tokio::time::error::Elapsed>()
        || error.to_string().ends_with("timed out")
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
}
