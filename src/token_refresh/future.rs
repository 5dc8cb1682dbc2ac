use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use super::{
    TokenKey, TooManyTokens,
    flight::Landing,
    recall::Recall,
    ring::Reaction,
    slot::{Grant, Pass},
    tokens::Tokens,
};
use crate::{
    body::Replay,
    classify::{Classification, ErrorClass},
    error::{BoxError, DeadlineExceeded},
    extensions::RequestContext,
    send_by::SendBy,
};

pin_project! {
    /// Response future for [`TokenRefresh`](super::TokenRefresh).
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        mode: Mode<S, B>,
    }
}

pin_project! {
    #[project = ModeProj]
    enum Mode<S, B>
    where
        S: Service<Request<B>>,
    {
        Off { #[pin] call: S::Future },
        // Boxed: it is large, and of no use to those who have it off.
        On { trial: Pin<Box<Trial<S, B>>> },
    }
}

pin_project! {
    /// A request that bears a token, tried twice at most.
    struct Trial<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future>,
        service: S,
        // The request to send, or the copy for a second try.
        request: Option<Request<B>>,
        // `None`: it needs no token.
        passage: Option<Passage>,
        pass: Option<Pass>,
        is_probe: bool,
        is_resent: bool,
        recall: Option<Recall>,
        send_by: SendBy,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Asking,
        // No readiness and no response is held here.
        Waiting { landing: Landing },
        Readying,
        Called { #[pin] call: F },
        Done,
    }
}

/// Whose token a request needs, and from whom.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) tokens: Arc<Tokens>,
    pub(super) key: TokenKey,
    pub(super) context: Option<RequestContext>,
    /// What waits inside is called back when its token is stopped.
    pub(super) recalls: bool,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    #[inline]
    pub(super) fn off(call: S::Future) -> Self {
        Self {
            mode: Mode::Off { call },
        }
    }

    pub(super) fn new(
        service: S,
        request: Request<B>,
        passage: Option<Passage>,
        send_by: Option<Instant>,
    ) -> Self {
        let trial = Box::pin(Trial {
            state: match passage {
                Some(_) => State::Asking,
                None => State::Readying,
            },
            service,
            request: Some(request),
            passage,
            pass: None,
            is_probe: false,
            is_resent: false,
            recall: None,
            send_by: SendBy::new(send_by),
        });
        Self {
            mode: Mode::On { trial },
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Replay,
{
    type Output = Result<Response<R>, BoxError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().mode.project() {
            ModeProj::Off { call } => call.poll(cx).map_err(Into::into),
            ModeProj::On { trial } => trial.as_mut().poll(cx),
        }
    }
}

impl<S, B, R> Future for Trial<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Replay,
{
    type Output = Result<Response<R>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Asking => match ask(this.passage, this.pass, this.is_probe, this.recall)
                {
                    Ok(None) => State::Readying,
                    Ok(Some(landing)) => State::Waiting { landing },
                    Err(error) => {
                        this.state.set(State::Done);
                        return Poll::Ready(Err(error));
                    }
                },
                StateProj::Waiting { landing } => {
                    let failure = match landing.poll(cx) {
                        Poll::Ready(failure) => failure.map(BoxError::from),
                        Poll::Pending => {
                            ready!(this.send_by.poll(cx));
                            Some(DeadlineExceeded::new(None, None).into())
                        }
                    };
                    if let Some(failure) = failure {
                        this.state.set(State::Done);
                        return Poll::Ready(Err(failure));
                    }
                    State::Asking
                }
                StateProj::Readying => {
                    let ready = match this.service.poll_ready(cx) {
                        Poll::Ready(ready) => ready.map_err(Into::into),
                        Poll::Pending => {
                            ready!(this.send_by.poll(cx));
                            Err(DeadlineExceeded::new(None, None).into())
                        }
                    };
                    let ready = ready.and_then(|()| match this.send_by.has_passed() {
                        true => Err(DeadlineExceeded::new(None, None).into()),
                        false => Ok(()),
                    });
                    if let Err(error) = ready {
                        this.state.set(State::Done);
                        return Poll::Ready(Err(error));
                    }
                    let mut request = this.request.take().expect("there is a request to send");
                    if let (Some(passage), Some(pass)) = (&*this.passage, &*this.pass) {
                        if !*this.is_resent {
                            *this.request = copy(&request);
                        }
                        let name = passage.tokens.config.header.clone();
                        request.headers_mut().insert(name, pass.header.clone());
                    }
                    if let Some(recall) = this.recall {
                        recall.follow(&mut request);
                    }
                    let call = this.service.call(request);
                    State::Called { call }
                }
                StateProj::Called { call } => {
                    let result = match (call.poll(cx), &*this.passage, &mut *this.recall) {
                        (Poll::Ready(result), ..) => result.map_err(Into::into),
                        (Poll::Pending, Some(passage), Some(recall)) => {
                            Err(ready!(recall.poll(passage, cx)).into())
                        }
                        (Poll::Pending, ..) => return Poll::Pending,
                    };
                    let resends = match (&result, &*this.passage, &*this.pass) {
                        (Ok(response), Some(passage), Some(pass)) => {
                            passage.judge(response, pass, *this.is_probe)
                        }
                        _ => false,
                    };
                    if !resends || this.request.is_none() {
                        this.state.set(State::Done);
                        return Poll::Ready(result);
                    }
                    *this.is_resent = true;
                    State::Asking
                }
                StateProj::Done => panic!("polled after it was ready"),
            };
            // A response that is not handed on goes here, before any wait.
            this.state.set(next);
        }
    }
}

/// `Some`: there is none yet, and that is to be waited for.
fn ask(
    passage: &Option<Passage>,
    pass: &mut Option<Pass>,
    is_probe: &mut bool,
    recall: &mut Option<Recall>,
) -> Result<Option<Landing>, BoxError> {
    let passage = passage.as_ref().expect("who asks needs a token");
    *recall = passage.recalls.then(|| Recall::new(passage));
    let context = passage.context.as_ref();
    let granted = passage.tokens.ask(&passage.key, context, *is_probe);
    let (grant, probes) = granted.ok_or_else(TooManyTokens::new)?;
    *is_probe = probes;
    if probes {
        // It is to show whether the stop is over.
        *recall = None;
    }
    match grant {
        Grant::Pass(granted) => {
            *pass = Some(granted);
            Ok(None)
        }
        Grant::Wait(landing) => Ok(Some(landing)),
        Grant::Refused(failure) => Err(failure.into()),
    }
}

impl Passage {
    /// Whether to send the request once more, with another token.
    fn judge<R>(&self, response: &Response<R>, pass: &Pass, is_probe: bool) -> bool {
        let class = ErrorClass::of(response);
        if class.is_success() && !is_probe {
            return false;
        }
        let found = match response.extensions().get::<Classification>() {
            Some(found) => Cow::Borrowed(found),
            None => Cow::Owned(Classification::new(class)),
        };
        let context = self.context.as_ref();
        let reaction = self
            .tokens
            .judge(&self.key, pass.generation, context, &found);
        if is_probe && reaction == Reaction::Good {
            self.tokens.passed(&self.key, context, class);
        }
        reaction == Reaction::Resend
    }
}

/// The request once more. `None`: its body can be sent once only.
fn copy<B: Replay>(request: &Request<B>) -> Option<Request<B>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.mode {
            Mode::Off { .. } => "Off",
            Mode::On { trial } => trial.state.name(),
        };
        f.debug_struct("ResponseFuture")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}

impl<F> State<F> {
    fn name(&self) -> &'static str {
        match self {
            Self::Asking => "Asking",
            Self::Waiting { .. } => "Waiting",
            Self::Readying => "Readying",
            Self::Called { .. } => "Called",
            Self::Done => "Done",
        }
    }
}
