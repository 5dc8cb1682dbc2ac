use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::time::sleep;
use tokio_test::{assert_ready_err, task};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::per_account_concurrency::{HeldBody, PerAccountConcurrencyHandle, Release};

use crate::support::*;

async fn respond<B>(
    release: Release,
    body: B,
) -> (Response<HeldBody<B>>, PerAccountConcurrencyHandle)
where
    B: Body + Send + 'static,
{
    let layer = one_each().release(release).build().unwrap();
    let handle = layer.handle();
    let body = Mutex::new(Some(body));
    let inner = Arc::new(move || body.lock().unwrap().take().unwrap());
    let client = layer.layer(service_fn(move |_: Request<String>| {
        let response = Response::new(inner());
        async move { Ok::<_, Infallible>(response) }
    }));
    (client.oneshot(write("a")).await.unwrap(), handle)
}

#[tokio::test]
async fn a_permit_is_given_back_when_the_head_is_there() {
    let (response, handle) = respond(Release::OnHead, "text".to_owned()).await;
    assert!(!held(&handle));
    assert!(!response.body().is_holding());
}

#[tokio::test]
async fn a_permit_can_be_held_to_the_end_of_the_body() {
    let body = frames(vec![data("a"), data("b")]);
    let (response, handle) = respond(Release::OnBodyEnd, body).await;
    let mut body = response.into_body();
    for expected in ["a", "b"] {
        assert!(held(&handle) && body.is_holding());
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), expected);
    }
    assert!(held(&handle));
    assert!(body.frame().await.is_none());
    assert!(!held(&handle));
}

#[tokio::test]
async fn a_body_that_says_that_it_ends_gives_the_permit_back_with_its_last_frame() {
    let (response, handle) = respond(Release::OnBodyEnd, "text".to_owned()).await;
    let mut body = response.into_body();
    assert!(held(&handle));
    assert!(body.frame().await.is_some());
    assert!(!held(&handle));
}

#[tokio::test]
async fn an_empty_body_holds_nothing() {
    let (_response, handle) = respond(Release::OnBodyEnd, String::new()).await;
    assert!(!held(&handle));
}

#[tokio::test]
async fn a_body_that_fails_gives_the_permit_back() {
    let body = frames(vec![data("a"), Err("reset"), data("b")]);
    let (response, handle) = respond(Release::OnBodyEnd, body).await;
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert!(held(&handle));
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "reset");
    assert!(!held(&handle));
}

#[tokio::test]
async fn a_body_that_is_dropped_or_unwrapped_gives_the_permit_back() {
    for take in [drop, |response: Response<HeldBody<Frames>>| {
        assert_eq!(response.into_body().into_inner().frames.len(), 1);
    }] {
        let (response, handle) = respond(Release::OnBodyEnd, frames(vec![data("a")])).await;
        assert!(held(&handle));
        take(response);
        assert!(!held(&handle));
    }
}

#[tokio::test]
async fn a_body_passes_as_it_is() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    for release in [Release::OnHead, Release::OnBodyEnd] {
        let body = frames(vec![
            data("a"),
            data(""),
            Ok(Frame::trailers(trailers.clone())),
        ]);
        let (response, _) = respond(release, body).await;
        let mut body = response.into_body();
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "a"
        );
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            ""
        );
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(last.into_trailers().unwrap(), trailers);
        assert!(body.frame().await.is_none());

        let (response, _) = respond(release, "four".to_owned()).await;
        assert_eq!(response.body().size_hint().exact(), Some(4));
        assert!(!response.body().is_end_stream());
        let (response, _) = respond(release, String::new()).await;
        assert!(response.body().is_end_stream());
    }
}

#[tokio::test]
async fn the_call_ends_before_its_permit_is_given_back() {
    struct Call {
        handle: PerAccountConcurrencyHandle,
        answer: bool,
        ended: Arc<AtomicUsize>,
    }
    impl Future for Call {
        type Output = Result<Response<String>, Infallible>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            if self.answer {
                Poll::Ready(Ok(ok()))
            } else {
                Poll::Pending
            }
        }
    }
    impl Drop for Call {
        fn drop(&mut self) {
            assert!(held(&self.handle));
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
    }
    let layer = one_each().build().unwrap();
    let handle = layer.handle();
    let ended = Arc::new(AtomicUsize::new(0));
    for answer in [true, false] {
        let (handle, ended) = (handle.clone(), ended.clone());
        let client = layer.layer(service_fn(move |_: Request<String>| Call {
            handle: handle.clone(),
            answer,
            ended: ended.clone(),
        }));
        let mut pending = task::spawn(client.oneshot(write("a")));
        assert_eq!(pending.poll().is_ready(), answer);
    }
    assert_eq!(ended.load(Ordering::Relaxed), 2);
    assert!(!held(&handle));
}

#[tokio::test]
async fn a_body_ends_before_the_permit_that_it_holds_is_given_back() {
    let handle: Arc<Mutex<Option<PerAccountConcurrencyHandle>>> = Arc::default();
    let ended = Arc::new(AtomicUsize::new(0));
    let (at_drop, count) = (handle.clone(), ended.clone());
    let body = Frames {
        frames: vec![data("a")],
        on_drop: Box::new(move || {
            let handle = at_drop.lock().unwrap().take().unwrap();
            assert!(held(&handle));
            count.fetch_add(1, Ordering::Relaxed);
        }),
    };
    let (response, held_by) = respond(Release::OnBodyEnd, body).await;
    *handle.lock().unwrap() = Some(held_by.clone());
    drop(response);
    assert_eq!(ended.load(Ordering::Relaxed), 1);
    assert!(!held(&held_by));
}

#[tokio::test]
async fn a_failed_call_gives_the_permit_back() {
    let (client, mut server) = over_mock(one_each());
    let mut pending = start(&client, write("a"));
    received(&mut server).unwrap().1.send_error("reset");
    assert_eq!(assert_ready_err!(pending.poll()).to_string(), "reset");
    assert_eq!(keys(&client), 0);
    server.send_error("broken");
    let error = assert_ready_err!(call(&client, write("a")).poll());
    assert_eq!(error.to_string(), "broken");
    assert_eq!(keys(&client), 0);
}

#[tokio::test]
async fn a_service_that_panics_gives_the_permit_back() {
    let layer = one_each().build().unwrap();
    let handle = layer.handle();
    let in_call = layer.layer(service_fn(|request: Request<String>| {
        assert!(
            request.body().is_empty() && request.headers().len() > 9,
            "in call"
        );
        async { Ok::<_, Infallible>(ok()) }
    }));
    let in_poll = layer.layer(service_fn(|_: Request<String>| async {
        sleep(Duration::ZERO).await;
        if true {
            panic!("in poll")
        }
        Ok::<_, Infallible>(ok())
    }));
    assert!(
        tokio::spawn(in_call.oneshot(write("a")))
            .await
            .unwrap_err()
            .is_panic()
    );
    assert!(
        tokio::spawn(in_poll.oneshot(write("a")))
            .await
            .unwrap_err()
            .is_panic()
    );
    assert_eq!(handle.snapshot().accounts(), []);
}
