use std::error::Error;

use crate::error::{below, is_unsent};

/// Whether a request that failed without an answer can have reached the
/// server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// The server certainly did not carry it out, and may carry out the next
    /// copy: the connection was refused, or the request still stood in line
    /// when its connection closed. Even a write is sent again.
    NotSent,
    /// A layer decided not to send it; another try would end no better. It is
    /// not sent again, and its error is handed on.
    GivenUp,
    /// It may have been carried out.
    Unknown,
}

/// Tells whether a request that failed can have reached the server.
///
/// The default is [`TransportErrors`]. A closure will do for a client that has
/// errors of its own:
///
/// ```
/// use std::{error::Error, io};
/// use tower_tiktok::jittered_backoff::{
///     ClassifyError, Delivery, JitteredBackoffLayer, TransportErrors,
/// };
///
/// let layer = JitteredBackoffLayer::builder()
///     .classify_error(|error: &(dyn Error + 'static)| {
///         match error.downcast_ref::<io::Error>().map(io::Error::kind) {
///             // This client says so only before it sends.
///             Some(io::ErrorKind::AddrNotAvailable) => Delivery::NotSent,
///             _ => TransportErrors.delivery(error),
///         }
///     })
///     .build();
/// assert!(layer.is_ok());
/// ```
pub trait ClassifyError {
    /// Whether the request that ended in `error` can have reached the server.
    /// If that is not certain, it is [`Delivery::Unknown`].
    fn delivery(&self, error: &(dyn Error + 'static)) -> Delivery;
}

impl<F> ClassifyError for F
where
    F: Fn(&(dyn Error + 'static)) -> Delivery,
{
    fn delivery(&self, error: &(dyn Error + 'static)) -> Delivery {
        self(error)
    }
}

/// Knows the errors of this crate, of the standard library and, with the
/// feature `hyper`, those of hyper, hyper-util and h2, also inside the errors
/// of other clients such as reqwest.
///
/// | error | delivery |
/// |---|---|
/// | one with [`NotSent`](crate::error::NotSent) in its chain | given up |
/// | the connection could not be made | not sent |
/// | with the feature `token-refresh`: there is no token at the moment | not sent |
/// | the request was taken back before it was written (hyper's `is_canceled`, `is_closed`) | not sent |
/// | HTTP/2: `REFUSED_STREAM` from the server | not sent |
/// | HTTP/2: `GOAWAY` from the server | not sent |
/// | anything else: timeouts, resets, a connection closed before the answer | unknown |
///
/// `GOAWAY` proves it because h2 gives this error only to the streams above
/// the last one that the server names, which it did not and will not process
/// (RFC 9113, section 6.8), and to requests that have not been opened yet. A
/// stream that the server may have processed ends in a broken pipe.
///
/// It trusts that a request is sent once. A client inside that follows
/// redirects, or resends on its own, may fail to connect the second time after
/// the first was carried out: switch that off.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransportErrors;

impl ClassifyError for TransportErrors {
    fn delivery(&self, error: &(dyn Error + 'static)) -> Delivery {
        if is_unsent(error) {
            return Delivery::GivenUp;
        }
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(delivery) = known(error) {
                return delivery;
            }
            next = below(error);
        }
        Delivery::Unknown
    }
}

/// What this error says, without those below it.
fn known(error: &(dyn Error + 'static)) -> Option<Delivery> {
    if error.is::<crate::error::OutcomeUnknown>() {
        return Some(Delivery::Unknown);
    }
    // The next copy may find a token, after a wait.
    #[cfg(feature = "token-refresh")]
    if error.is::<crate::token_refresh::TokenUnavailable>() {
        return Some(Delivery::NotSent);
    }
    #[cfg(feature = "hyper")]
    if let Some(delivery) = super::hyper::known(error) {
        return Some(delivery);
    }
    let error = error.downcast_ref::<std::io::Error>()?;
    // Only an attempt to connect is refused; what is connected is reset.
    (error.kind() == std::io::ErrorKind::ConnectionRefused).then_some(Delivery::NotSent)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::{BoxError, DeadlineExceeded, OutcomeUnknown};

    fn delivery(error: impl Into<BoxError>) -> Delivery {
        TransportErrors.delivery(&*error.into())
    }

    #[test]
    fn only_what_is_certain_counts_as_not_sent() {
        use io::ErrorKind as Kind;
        assert_eq!(
            delivery(io::Error::from(Kind::ConnectionRefused)),
            Delivery::NotSent
        );
        for kind in [
            Kind::ConnectionReset,
            Kind::BrokenPipe,
            Kind::TimedOut,
            Kind::HostUnreachable,
            Kind::UnexpectedEof,
        ] {
            assert_eq!(delivery(io::Error::from(kind)), Delivery::Unknown, "{kind}");
        }
        assert_eq!(delivery("words prove nothing"), Delivery::Unknown);
    }

    #[test]
    fn an_error_is_found_inside_others() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(delivery(io::Error::other(refused)), Delivery::NotSent);
    }

    #[test]
    fn a_timeout_proves_nothing() {
        assert_eq!(
            delivery(tower::timeout::error::Elapsed::new()),
            Delivery::Unknown
        );
    }

    #[test]
    fn a_layer_that_gave_up_did_not_send() {
        let late = || DeadlineExceeded::new(None, None);
        assert_eq!(delivery(late()), Delivery::GivenUp);
    }

    #[test]
    fn an_unknown_outcome_stays_unknown() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let unknown = OutcomeUnknown::new(None, Some(refused.into()));
        assert_eq!(delivery(unknown), Delivery::Unknown);
    }
}
