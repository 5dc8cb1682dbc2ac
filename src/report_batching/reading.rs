use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower_service::Service;

use super::{
    Asked, Reads,
    crews::{Captain, Place},
    merging::{Apart, apart, merged},
    saved::{Saved, saved},
    service::{Batching, Reading},
};
use crate::{
    body::{Replay, SharedBody},
    coalesce::{Follow, Gather, Gathered, Identity, Landed, Lead, Outcome, Role},
    error::{BoxError, DeadlineExceeded},
    extensions::Deadline,
    oneshot::Oneshot,
    send_by::SendBy,
};

pin_project! {
    /// One read: made, shared, or merged.
    pub(super) struct ReadFuture<S, B, R, D>
    where
        S: Service<Request<B>>,
    {
        inner: S,
        // Given away with the call.
        reading: Option<Reading<B>>,
        lead: Option<Lead>,
        captain: Option<Captain>,
        asked: Vec<Asked>,
        batching: Arc<Batching<D>>,
        send_by: SendBy,
        #[pin]
        stage: Stage<S, B, R>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<S, B, R>
    where
        S: Service<Request<B>>,
    {
        New,
        // Another asks the same.
        Following { follow: Follow },
        // Others may want to share the request.
        Lingering { #[pin] linger: Sleep },
        // Another asks for this and more.
        Aboard { follow: Follow },
        Merged { #[pin] call: Gather<Oneshot<S, B>, R> },
        Alone,
        Called { #[pin] call: Gather<Oneshot<S, B>, R>, identity: Option<Identity> },
    }
}

impl<S, B, R, D> ReadFuture<S, B, R, D>
where
    S: Service<Request<B>>,
{
    pub(super) fn new(inner: S, reading: Reading<B>, batching: Arc<Batching<D>>) -> Self {
        let until = Deadline::to_send(reading.request.extensions());
        Self {
            inner,
            reading: Some(reading),
            lead: None,
            captain: None,
            asked: Vec::new(),
            batching,
            send_by: SendBy::new(until),
            stage: Stage::New,
        }
    }
}

impl<S, B, R, D> Future for ReadFuture<S, B, R, D>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Replay,
    R: Body<Data = Bytes>,
    D: Reads<B>,
{
    type Output = Result<Response<SharedBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let limits = this.batching.shared.limits;
        loop {
            let next = match this.stage.as_mut().project() {
                StageProj::New => {
                    let reading = this.reading.as_ref().expect("a read begins once");
                    let lane = this.batching.lane(&reading.request);
                    match lane.board.join(&reading.identity) {
                        Role::Follow(follow) => Stage::Following { follow },
                        Role::Alone => Stage::Alone,
                        Role::Lead(lead) => {
                            *this.lead = Some(lead);
                            let max = this.batching.shared.reads.max_members();
                            let max = max.min(limits.max_members);
                            // Whoever must go sooner cannot wait for others.
                            let is_hasty = Deadline::to_send(reading.request.extensions())
                                .is_some_and(|until| {
                                    let left = until.saturating_duration_since(Instant::now());
                                    left <= limits.linger
                                });
                            match &reading.part {
                                None => Stage::Alone,
                                Some(_) if is_hasty || max < 2 => Stage::Alone,
                                Some((group, asked)) => {
                                    match lane.crews.join(group, asked.clone(), max) {
                                        Place::Alone => Stage::Alone,
                                        Place::Sailor(follow) => Stage::Aboard { follow },
                                        Place::Captain(captain) => {
                                            *this.captain = Some(captain);
                                            Stage::Lingering {
                                                linger: sleep(limits.linger),
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                StageProj::Following { follow } => match follow.poll(cx) {
                    Poll::Ready(Outcome::Landed(landed)) => {
                        count(Saved::Shared, &landed);
                        return Poll::Ready(landed.into_result());
                    }
                    Poll::Ready(Outcome::AskAnew) => Stage::New,
                    Poll::Ready(Outcome::AskAlone) => {
                        // Its answer is too long to be kept.
                        if let Some(reading) = this.reading {
                            reading.is_kept = false;
                        }
                        Stage::Alone
                    }
                    Poll::Pending => return late(this.send_by, cx),
                },
                StageProj::Lingering { linger } => {
                    let captain = this.captain.as_ref().expect("only a captain lingers");
                    if captain.poll_full(cx).is_pending() {
                        ready!(linger.poll(cx));
                    }
                    *this.asked = captain.cast_off();
                    let reading = this.reading.as_ref().expect("it is not sent yet");
                    match merged(&this.batching.shared.reads, reading, this.asked) {
                        Some(request) => {
                            let send = Oneshot::new(this.inner.clone(), request);
                            Stage::Merged {
                                call: Gather::new(send, limits.max_shared_bytes),
                            }
                        }
                        None => {
                            *this.captain = None;
                            Stage::Alone
                        }
                    }
                }
                StageProj::Aboard { follow } => match follow.poll(cx) {
                    Poll::Ready(Outcome::Landed(landed)) => {
                        count(Saved::Merged, &landed);
                        let reading = this.reading.take().expect("it is not sent");
                        if reading.is_kept {
                            this.batching.keep(&reading.identity, &landed);
                        }
                        if let Some(lead) = this.lead.take() {
                            lead.land(Outcome::Landed(landed.clone()));
                        }
                        return Poll::Ready(landed.into_result());
                    }
                    Poll::Ready(Outcome::AskAnew | Outcome::AskAlone) => Stage::Alone,
                    Poll::Pending => return late(this.send_by, cx),
                },
                StageProj::Merged { call } => {
                    let gathered = ready!(call.poll(cx));
                    let captain = this.captain.take().expect("a captain asks for all");
                    let reading = match apart(&this.batching.shared.reads, gathered, this.asked) {
                        // Dropped, the captain tells the others to do the same.
                        Apart::AskAlone => None,
                        Apart::Own(own) => Some((own, false)),
                        Apart::Each(own, others) => {
                            captain.land(others);
                            Some((own, true))
                        }
                        Apart::All(own, landed) => {
                            captain.land(vec![landed; this.asked.len() - 1]);
                            Some((own, false))
                        }
                    };
                    match reading {
                        Some((own, is_good)) => {
                            let reading = this.reading.take().expect("it is not sent alone");
                            let is_kept = reading.is_kept && is_good;
                            let identity = is_kept.then_some(reading.identity);
                            return Poll::Ready(end(own, identity, this.lead, this.batching));
                        }
                        None => Stage::Alone,
                    }
                }
                StageProj::Alone => {
                    let reading = this.reading.take().expect("a read is sent once");
                    let send = Oneshot::new(this.inner.clone(), reading.request);
                    let max_bytes = match (&this.lead, reading.is_kept) {
                        // Nobody else is to have it, so it is handed on as it comes.
                        (None, false) => 0,
                        _ => limits.max_shared_bytes,
                    };
                    Stage::Called {
                        call: Gather::new(send, max_bytes),
                        identity: reading.is_kept.then_some(reading.identity),
                    }
                }
                StageProj::Called { call, identity } => {
                    let gathered = ready!(call.poll(cx));
                    let identity = identity.take();
                    return Poll::Ready(end(gathered, identity, this.lead, this.batching));
                }
            };
            this.stage.set(next);
        }
    }
}

/// Keeps and shares what a call came to.
fn end<R: Body, D>(
    gathered: Gathered<R>,
    identity: Option<Identity>,
    lead: &mut Option<Lead>,
    batching: &Batching<D>,
) -> Result<Response<SharedBody<R>>, BoxError> {
    if let (Some(identity), Gathered::Whole(head, frames)) = (identity, &gathered) {
        let landed = Landed::answer(head.clone(), frames.clone());
        batching.keep(&identity, &landed);
    }
    match lead.take() {
        Some(lead) => gathered.share(lead),
        None => gathered.keep(),
    }
}

/// Counts a read that has its answer from another's call.
fn count(by: Saved, landed: &Landed) {
    if matches!(landed, Landed::Answer(_)) {
        saved(by);
    }
}

/// Whoever waits for another's answer waits no longer than its deadline.
fn late<T>(send_by: &mut SendBy, cx: &mut Context<'_>) -> Poll<Result<T, BoxError>> {
    ready!(send_by.poll(cx));
    Poll::Ready(Err(DeadlineExceeded::new(None, None).into()))
}
