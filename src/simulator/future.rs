use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Buf;
use http::{Response, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::{runtime::Handle, time::Sleep};

use super::{
    backend::Arrival,
    body::{SimBody, SimulatorError},
    call::Call,
    chance::Chance,
    clock::Micros,
    service::Simulator,
};

pin_project! {
    /// Response future for [`Simulator`].
    ///
    /// A request that was read whole is on its way: dropping the future does
    /// not call it back.
    pub struct ResponseFuture<B> {
        simulator: Simulator,
        #[pin]
        state: State<B>,
    }

    impl<B> PinnedDrop for ResponseFuture<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            match this.state.project() {
                StateProj::Travelling { trip } => {
                    if let Some(trip) = trip.take() {
                        trip.goes_on_alone(this.simulator.clone());
                    }
                }
                StateProj::Answering { arrival, .. } => {
                    if let Some(arrival) = arrival.take() {
                        this.simulator.lock().abandoned(&arrival);
                    }
                }
                StateProj::Reading { .. } => {}
            }
        }
    }
}

pin_project! {
    #[project = StateProj]
    enum State<B> {
        Reading { parts: Option<Parts>, #[pin] body: B, read: Vec<u8> },
        Travelling { trip: Option<Trip> },
        Answering { arrival: Option<Arrival>, sleep: Pin<Box<Sleep>> },
    }
}

/// A call between its caller and the limiter.
struct Trip {
    call: Call,
    chance: Chance,
    after: Micros,
    sleep: Pin<Box<Sleep>>,
}

// ===== impl ResponseFuture =====

impl<B> ResponseFuture<B> {
    pub(super) fn new(simulator: Simulator, parts: Parts, body: B) -> Self {
        let state = State::Reading {
            parts: Some(parts),
            body,
            read: Vec::new(),
        };
        Self { simulator, state }
    }
}

impl<B> Future for ResponseFuture<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<Response<SimBody>, SimulatorError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let (arrival, after) = match this.state.as_mut().project() {
                StateProj::Reading { parts, body, read } => {
                    ready!(read_to_end(body, read, cx))?;
                    let parts = parts
                        .take()
                        .expect("`ResponseFuture` polled after completion");
                    let call = Call::read(parts, read);
                    let (chance, before, after) = this.simulator.lock().depart();
                    if before > 0 {
                        let trip = Some(Trip {
                            call,
                            chance,
                            after,
                            sleep: sleep(before),
                        });
                        this.state.set(State::Travelling { trip });
                        continue;
                    }
                    (this.simulator.arrive(call, chance), after)
                }
                StateProj::Travelling { trip } => {
                    let on_its_way = trip
                        .as_mut()
                        .expect("`ResponseFuture` polled after completion");
                    ready!(on_its_way.sleep.as_mut().poll(cx));
                    let Trip {
                        call,
                        chance,
                        after,
                        ..
                    } = trip.take().expect("it was there a line ago");
                    (this.simulator.arrive(call, chance), after)
                }
                StateProj::Answering { arrival, sleep } => {
                    ready!(sleep.as_mut().poll(cx));
                    let arrival = arrival
                        .take()
                        .expect("`ResponseFuture` polled after completion");
                    return Poll::Ready(arrival.heard());
                }
            };
            let back = after.saturating_add(arrival.stall);
            if back == 0 {
                return Poll::Ready(arrival.heard());
            }
            this.state.set(State::Answering {
                arrival: Some(arrival),
                sleep: sleep(back),
            });
        }
    }
}

impl<B> std::fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// ===== impl Trip =====

impl Trip {
    /// The caller has gone; the call comes all the same, when it would have.
    fn goes_on_alone(mut self, simulator: Simulator) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            self.sleep.as_mut().await;
            let arrival = simulator.arrive(self.call, self.chance);
            simulator.lock().abandoned(&arrival);
        });
    }
}

// ===== impl Simulator =====

impl Simulator {
    fn arrive(&self, call: Call, chance: Chance) -> Arrival {
        let mut arrival = self.lock().arrive(&call, chance);
        if let Some(time) = arrival.late.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let (simulator, sleep) = (self.clone(), sleep(time));
            let late = Arrival {
                answer: None,
                stall: 0,
                late: None,
                parties: arrival.parties.clone(),
                tells_of_a_write: false,
            };
            runtime.spawn(async move {
                sleep.await;
                simulator.lock().carry_out_late(&call, late);
            });
        }
        arrival
    }
}

// ===== impl Arrival =====

impl Arrival {
    fn heard(self) -> Result<Response<SimBody>, SimulatorError> {
        let answer = self.answer.ok_or_else(SimulatorError::reset)?;
        Ok(answer.into_response())
    }
}

fn sleep(time: Micros) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep(Duration::from_micros(time)))
}

fn read_to_end<B>(
    mut body: Pin<&mut B>,
    read: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), SimulatorError>>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    while let Some(frame) = ready!(body.as_mut().poll_frame(cx)) {
        let frame = frame.map_err(SimulatorError::request)?;
        if let Ok(mut data) = frame.into_data() {
            while data.has_remaining() {
                let chunk = data.chunk();
                read.extend_from_slice(chunk);
                let length = chunk.len();
                data.advance(length);
            }
        }
    }
    Poll::Ready(Ok(()))
}
