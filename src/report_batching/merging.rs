//! One request out of several, and the answers of each out of one.

use std::{error::Error, sync::Arc};

use http::{Request, Response, header, response::Parts};
use http_body::Body;

use super::{Asked, Reads, service::Reading};
use crate::{
    body::{Frames, Replay},
    classify::ErrorClass,
    coalesce::{BROKE_OFF, Gathered, Landed, SharedError, is_own},
    error::below,
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

/// What the merged request comes to for each.
pub(super) enum Apart<R: Body> {
    /// The first one's, and those of the others.
    Each(Gathered<R>, Vec<Landed>),
    /// The first one's, and what all the others get: another request now would
    /// fare no better.
    All(Gathered<R>, Landed),
    /// The first one's. The others ask for themselves.
    Own(Gathered<R>),
    /// It was about one of them, or shows nothing: each asks for itself.
    AskAlone,
}

pub(super) fn apart<B, R: Body, D: Reads<B>>(
    reads: &D,
    gathered: Gathered<R>,
    asked: &[Asked],
) -> Apart<R> {
    let (head, frames) = match gathered {
        Gathered::Whole(head, frames) => (head, frames),
        // Each one's is shorter.
        Gathered::Long(_) => return Apart::AskAlone,
        Gathered::Broken(_) => {
            let landed = Landed::failed(BROKE_OFF);
            return Apart::All(gathered, landed);
        }
        Gathered::Failed(error) if is_own(&*error) => {
            return Apart::Own(Gathered::Failed(error));
        }
        Gathered::Failed(error) if is_of_the_merged(&*error) => return Apart::AskAlone,
        Gathered::Failed(error) => {
            let error = Arc::new(error);
            let own = SharedError::new(Arc::clone(&error)).into();
            return Apart::All(Gathered::Failed(own), Landed::Failed(error));
        }
    };
    let response = Response::from_parts(head, ());
    let class = ErrorClass::of(&response);
    let (head, ()) = response.into_parts();
    match class {
        ErrorClass::Success => match each(reads, head, &frames, asked) {
            Some((own, others)) => Apart::Each(own, others),
            None => Apart::AskAlone,
        },
        ErrorClass::PartialSuccess
        | ErrorClass::InvalidRequest
        | ErrorClass::PermissionDenied
        | ErrorClass::Permanent => Apart::AskAlone,
        _ => {
            let landed = Landed::answer(head.clone(), frames.clone());
            Apart::All(Gathered::Whole(head, frames), landed)
        }
    }
}

/// Whether the request failed because of what it is: it bears no account, and
/// so perhaps another token, and asks for more than each of those it is for.
fn is_of_the_merged(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        #[cfg(feature = "token-refresh")]
        if error.is::<crate::token_refresh::TokenStopped>()
            || error.is::<crate::token_refresh::TokenUnavailable>()
        {
            return true;
        }
        #[cfg(feature = "timeout-brake")]
        if error.is::<crate::timeout_brake::TimedOutTooOften>() {
            return true;
        }
        next = below(error);
    }
    false
}

/// The answer of each, if all is as expected.
fn each<B, R: Body, D: Reads<B>>(
    reads: &D,
    mut head: Parts,
    frames: &Frames,
    asked: &[Asked],
) -> Option<(Gathered<R>, Vec<Landed>)> {
    if head.headers.contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    let bodies = reads.split(&head, &frames.joined(), asked)?;
    if bodies.len() != asked.len() {
        return None;
    }
    // What was said of the whole does not hold for the parts.
    for name in [
        header::CONTENT_LENGTH,
        header::ETAG,
        header::TRANSFER_ENCODING,
    ] {
        head.headers.remove(name);
    }
    let mut bodies = bodies.into_iter().map(Frames::of);
    let own = bodies.next()?;
    let others = bodies.map(|body| Landed::answer(head.clone(), body));
    let others = others.collect();
    Some((Gathered::Whole(head, own), others))
}
