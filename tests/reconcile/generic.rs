//! What any hook may count on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_tiktok::{
    classify::Classification,
    error::OutcomeUnknown,
    extensions::{Deadline, Operation, RequestContext},
    jittered_backoff::JitteredBackoffLayer,
    per_account_concurrency::PerAccountConcurrencyLayer,
    reconcile::{
        Doubt, Finding, InvalidReconcile, NoReconcile, Reconcile, ReconcileLayer, Reconciled,
    },
};

use crate::support::{Server, Step, Witness, Word, secs, write};

async fn ask(
    witness: &Witness,
    server: &Server,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, BoxError> {
    let client = ServiceBuilder::new()
        .layer(witness.layer())
        .layer(JitteredBackoffLayer::default())
        .service(server.clone());
    let (head, body) = client.oneshot(request).await?.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_answered_and_not_sent_again() {
    let (start, server) = (Instant::now(), Server::new([Step::Break]));
    let witness = Witness::new([Word::Yes]);
    let response = ask(&witness, &server, write("a")).await.unwrap();
    assert_eq!(response.body(), "made");
    assert!(response.extensions().get::<Reconciled>().is_some());
    assert_eq!(server.count(), 1);
    // A second for the attempt, and one more.
    assert_eq!(witness.times(start), [2]);
    assert_eq!(witness.asked.lock().unwrap()[0].1, "a");
}

#[tokio::test(start_paused = true)]
async fn a_no_counts_only_when_nothing_can_come_any_more() {
    let start = Instant::now();
    let server = Server::new([Step::Break, Step::Answer(200)]);
    let witness = Witness::new([Word::No]);
    let response = ask(&witness, &server, write("a")).await.unwrap();
    assert_eq!(response.body(), "answer");
    assert!(response.extensions().get::<Reconciled>().is_none());
    assert_eq!(witness.times(start), [2, 61]);
    let seen = server.seen.lock().unwrap();
    assert_eq!(*seen, [("a".into(), None), ("a".into(), Some(2))]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_comes_late_is_seen() {
    let start = Instant::now();
    let server = Server::new([Step::Break]);
    let witness = Witness::new([Word::No, Word::Yes]);
    let response = ask(&witness, &server, write("a")).await.unwrap();
    assert_eq!(response.body(), "made");
    assert_eq!((server.count(), witness.times(start)), (1, vec![2, 61]));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_does_not_speak_for_the_one_before() {
    // "The name is taken": by the first copy, that came later than anybody
    // thought.
    let steps = [Step::Break, Step::Answer(400)];
    let witness = Witness::new([Word::No, Word::No, Word::Yes]);
    let response = ask(&witness, &Server::new(steps), write("a"))
        .await
        .unwrap();
    assert_eq!(response.body(), "made");

    let (server, witness) = (Server::new(steps), Witness::new([Word::No]));
    let error = ask(&witness, &server, write("a")).await.unwrap_err();
    assert!(error.is::<OutcomeUnknown>());
    assert_eq!(server.count(), 2, "and it is not sent a third time");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_tell_stays_unknown() {
    let server = Server::new([Step::Answer(503)]);
    let witness = Witness::new([Word::Unclear]);
    let error = ask(&witness, &server, write("a")).await.unwrap_err();
    let unknown = error.downcast_ref::<OutcomeUnknown>().unwrap();
    assert!(unknown.classification().is_some(), "as it was");
    assert_eq!(
        (server.count(), witness.asked.lock().unwrap().len()),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn asking_may_fail_so_often_and_take_so_long() {
    let server = Server::new([Step::Break]);
    let witness = Witness::new([Word::Fail, Word::Fail, Word::Hang, Word::Yes]);
    assert!(ask(&witness, &server, write("a")).await.is_ok());
    assert_eq!(witness.asked.lock().unwrap().len(), 4);

    for word in [Word::Fail, Word::Hang] {
        let (start, witness) = (Instant::now(), Witness::new([word]));
        let error = ask(&witness, &server, write("a")).await.unwrap_err();
        assert!(error.is::<OutcomeUnknown>());
        assert_eq!(witness.asked.lock().unwrap().len(), 5);
        assert!(start.elapsed() < secs(5 * 15 * 60 + 60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_never_carried_out_is_given_up() {
    let server = Server::new([Step::Break]);
    let witness = Witness::new([Word::No]);
    let error = ask(&witness, &server, write("a")).await.unwrap_err();
    assert!(error.is::<OutcomeUnknown>());
    assert_eq!(server.count(), 4, "once, and three times again");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_doubt_is_handed_on() {
    for (request, step) in [
        (write("a"), Step::Answer(200)),
        (write("a"), Step::Answer(400)),
        (
            Request::get("/").body(Full::default()).unwrap(),
            Step::Answer(200),
        ),
    ] {
        let (witness, server) = (Witness::new([Word::No]), Server::new([step]));
        let response = ask(&witness, &server, request).await.unwrap();
        assert_eq!(response.body(), "answer");
        assert!(witness.asked.lock().unwrap().is_empty());
    }
    // A read may fail for good, and nobody has to ask.
    let (witness, server) = (Witness::new([Word::No]), Server::new([Step::Break]));
    let read = Request::get("/").body(Full::default()).unwrap();
    let error = ask(&witness, &server, read).await.unwrap_err();
    assert_eq!(error.to_string(), "connection reset");
    assert!(witness.asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_nobody_asks() {
    // A copy is sent after a minute, and asked about as well.
    for (left, asked) in [(1, 0), (10, 1), (62, 2), (100, 3)] {
        let start = Instant::now();
        let (witness, server) = (Witness::new([Word::No]), Server::new([Step::Break]));
        let mut request = write("a");
        let deadline = Deadline::within(secs(left));
        request.extensions_mut().insert(deadline);
        let error = ask(&witness, &server, request).await.unwrap_err();
        assert!(error.is::<OutcomeUnknown>());
        assert_eq!(witness.times(start).len(), asked, "{left}");
        assert!(start.elapsed() <= secs(left));
    }
    // A question is cut off there.
    let start = Instant::now();
    let (witness, server) = (Witness::new([Word::Hang]), Server::new([Step::Break]));
    let mut request = write("a");
    request.extensions_mut().insert(Deadline::within(secs(30)));
    let error = ask(&witness, &server, request).await.unwrap_err();
    assert!(error.is::<OutcomeUnknown>());
    assert_eq!(start.elapsed(), secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit_is_not_asked_about() {
    let (witness, server) = (Witness::new([Word::Yes]), Server::new([Step::Break]));
    let layer = ReconcileLayer::builder(witness.hook()).body_limit(3);
    let client = ServiceBuilder::new()
        .layer(layer.build().unwrap())
        .layer(JitteredBackoffLayer::default())
        .service(server);
    assert!(client.clone().oneshot(write("abc")).await.is_ok());
    let error = client.oneshot(write("abcd")).await.unwrap_err();
    assert!(error.is::<OutcomeUnknown>());
    assert_eq!(witness.asked.lock().unwrap().len(), 1);
}

/// Reads back through the service, and covers one endpoint only.
#[derive(Clone, Debug, Default)]
struct ReadBack(Arc<AtomicUsize>);

impl<S> Reconcile<S, Full<Bytes>> for ReadBack
where
    S: tower::Service<Request<Full<Bytes>>> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Finding, BoxError>> + Send>>;

    fn covers(&self, context: Option<&RequestContext>) -> bool {
        context.is_some_and(|context| context.endpoint() == Some("/order/create/"))
    }

    fn doubts(&self, _: &Classification) -> bool {
        false
    }

    fn did_it_happen(&self, doubt: Doubt, service: S) -> Self::Future {
        let (head, _) = doubt.request().clone().into_parts();
        let mut request = Request::new(Full::default());
        let context = head.extensions.get::<RequestContext>().unwrap();
        let account = context.account().unwrap().clone();
        let context = RequestContext::new(Operation::Write).with_account(account);
        request.extensions_mut().insert(context);
        let asked = self.0.clone();
        Box::pin(async move {
            service.oneshot(request).await.map_err(Into::into)?;
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(Finding::Happened(Response::default()))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_asks_finds_the_permits_free() {
    // One write at a time for the account, and what asks writes.
    let server = Server::new([Step::Break, Step::Answer(200)]);
    let hook = ReadBack::default();
    let permits = PerAccountConcurrencyLayer::builder().max_writes(1);
    let client = ServiceBuilder::new()
        .layer(ReconcileLayer::new(hook.clone()))
        .layer(JitteredBackoffLayer::default())
        .layer(permits.build().unwrap())
        .service(server.clone());
    let mut request = write("a");
    let context = RequestContext::new(Operation::Write)
        .with_account("7")
        .with_endpoint("/order/create/");
    request.extensions_mut().insert(context);
    let response = tokio::time::timeout(secs(10), client.clone().oneshot(request)).await;
    assert!(response.expect("no deadlock").is_ok());
    assert_eq!((server.count(), hook.0.load(Ordering::SeqCst)), (2, 1));

    // What the hook does not cover is not asked about.
    let server = Server::new([Step::Break]);
    let client = ServiceBuilder::new()
        .layer(ReconcileLayer::new(hook.clone()))
        .layer(JitteredBackoffLayer::default())
        .service(server);
    assert!(client.oneshot(write("a")).await.is_err());
    assert_eq!(hook.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_hook_a_doubt_stays() {
    let client = ServiceBuilder::new()
        .layer(ReconcileLayer::<NoReconcile>::default())
        .layer(JitteredBackoffLayer::default())
        .service(Server::new([Step::Break]));
    let error = client.oneshot(write("a")).await.unwrap_err();
    assert!(error.is::<OutcomeUnknown>());
}

#[test]
fn wrong_settings_are_told_at_build() {
    let builder = || ReconcileLayer::builder(NoReconcile);
    let error = builder().attempts(0).build().unwrap_err();
    assert_eq!(error, InvalidReconcile::NoAttempts);
    let error = builder().ask_timeout(secs(0)).build().unwrap_err();
    assert_eq!(error, InvalidReconcile::ZeroAskTimeout);
}

#[tokio::test(start_paused = true)]
async fn no_setting_that_is_valid_panics() {
    for time in [secs(0), std::time::Duration::MAX] {
        for ask_after in [secs(0), secs(1)] {
            let (witness, server) = (Witness::new([Word::No]), Server::new([Step::Break]));
            let layer = ReconcileLayer::builder(witness.hook())
                .ask_after(ask_after)
                .settle(time)
                .ask_timeout(std::time::Duration::MAX)
                .attempts(u32::MAX)
                .max_resends(1)
                .body_limit(usize::MAX)
                .build()
                .unwrap();
            let client = layer.layer(JitteredBackoffLayer::default().layer(server.clone()));
            let mut request = write("a");
            // Or it would be waited for to the end of time.
            request
                .extensions_mut()
                .insert(Deadline::within(secs(1_000)));
            let error = client.oneshot(request).await.unwrap_err();
            assert!(error.is::<OutcomeUnknown>());
            let sent = if time.is_zero() { 2 } else { 1 };
            assert_eq!(server.count(), sent);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_token_is_shown() {
    let (shown, server) = (
        Arc::new(std::sync::Mutex::new(String::new())),
        Server::new([Step::Break]),
    );
    let saw = shown.clone();
    let layer = ReconcileLayer::new(move |doubt: Doubt| {
        *saw.lock().unwrap() = format!("{doubt:?}");
        async { Ok(Finding::Happened(Response::new(Bytes::from("hush")))) }
    });
    let mut client = layer.layer(JitteredBackoffLayer::default().layer(server));
    let mut request = write("hush");
    let token = http::HeaderValue::from_static("hush");
    request.headers_mut().insert("access-token", token);
    let call = client.ready().await.unwrap().call(request);
    assert!(!format!("{call:?}").contains("hush"));
    let response = call.await.unwrap();
    assert!(!format!("{response:?}").contains("hush"));
    let shown = shown.lock().unwrap();
    assert!(shown.contains("POST") && !shown.contains("hush"), "{shown}");
}
