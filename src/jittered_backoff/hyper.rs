use std::error::Error;

use hyper_util::client::legacy;

use super::Delivery;

/// What an error of hyper, hyper-util or h2 says, without those below it.
///
/// Read in hyper 1.12, hyper-util 0.1.21 and h2 0.4.20; pinned over real
/// sockets in `tests/jittered_backoff/`.
pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Delivery> {
    if let Some(error) = error.downcast_ref::<legacy::Error>() {
        // Made where a connection is checked out, never after the request
        // was given to one.
        return error.is_connect().then_some(Delivery::NotSent);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        // The request's own body failed half-way, or the task that drove it
        // is gone. What lies below, if anything, tells of another connection.
        if error.is_user() {
            return Some(Delivery::Unknown);
        }
        // The request was still in the queue to its connection.
        return (error.is_canceled() || error.is_closed()).then_some(Delivery::NotSent);
    }
    let error = error.downcast_ref::<h2::Error>()?;
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    // NOTE: there is a hole of nanoseconds. hyper asks whether a connection
    // may take one more request just after it has given it one; if a GOAWAY
    // arrives on another thread in between, that request gets its error, too.
    // Its stream is then reset before any of its body was given out, so the
    // server cannot have had all of it; unless it has no body.
    (error.is_remote() && (refused || error.is_go_away())).then_some(Delivery::NotSent)
}
