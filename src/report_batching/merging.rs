//! One request out of several, and the answers of each out of one.

use std::sync::Arc;

use http::{Request, Response, header, response::Parts};
use http_body::Body;

use super::{Asked, Reads, service::Reading};
use crate::{
    body::{Frames, Replay},
    classify::ErrorClass,
    coalesce::Gathered,
    extensions::RequestContext,
};

/// One request for all that asked, if there are several.
pub(super) fn merged<B: Replay, D: Reads<B>>(
    reads: &D,
    reading: &Reading<B>,
    asked: &[Asked],
) -> Option<Request<B>> {
    if asked.len() < 2 {
        return None;
    }
    let members: Vec<_> = asked
        .iter()
        .map(|asked| Arc::clone(&asked.member))
        .collect();
    let uri = reads.merged(reading.group.as_ref()?, &members)?;
    let own = &reading.request;
    let mut request = Request::new(own.body().try_clone()?);
    *request.method_mut() = own.method().clone();
    *request.uri_mut() = uri;
    *request.version_mut() = own.version();
    *request.headers_mut() = own.headers().clone();
    *request.extensions_mut() = own.extensions().clone();
    // It is nobody's in particular: what is found of it, such as that it may
    // not be asked, does not hold for the one who happened to come first.
    if let Some(context) = request.extensions_mut().get_mut::<RequestContext>() {
        context.forget_account();
    }
    Some(request)
}

/// The answer of each, if all is as expected.
pub(super) fn apart<B, R: Body, D: Reads<B>>(
    reads: &D,
    gathered: Gathered<R>,
    asked: &[Asked],
) -> Option<Vec<(Parts, Frames)>> {
    let Gathered::Whole(head, frames) = gathered else {
        return None;
    };
    let response = Response::from_parts(head, ());
    if ErrorClass::of(&response) != ErrorClass::Success {
        return None;
    }
    let (mut head, ()) = response.into_parts();
    if head.headers.contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    let bodies = reads.split(&head, &frames.joined(), asked)?;
    // What was said of the whole does not hold for the parts.
    for name in [
        header::CONTENT_LENGTH,
        header::ETAG,
        header::TRANSFER_ENCODING,
    ] {
        head.headers.remove(name);
    }
    let is_whole = bodies.len() == asked.len();
    let answers = bodies
        .into_iter()
        .map(|body| (head.clone(), Frames::of(body)));
    is_whole.then(|| answers.collect())
}
