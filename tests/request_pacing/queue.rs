use std::{
    convert::Infallible,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};
use tower_tiktok::{
    error::{DeadlineExceeded, is_unsent},
    extensions::{Attempt, Deadline, Operation, Patience, Priority, RequestContext},
    request_pacing::{QueueFull, Quota, Quotas, RequestPacingBuilder, RequestPacingLayer},
};

fn one_a_second() -> RequestPacingBuilder<Quota> {
    RequestPacingLayer::builder(Quota::requests_per_second(1))
}

fn context(account: &str) -> RequestContext {
    RequestContext::new(Operation::Write)
        .with_account(account)
        .with_static_endpoint("/a")
}

fn request(name: &'static str, context: RequestContext) -> Request<&'static str> {
    Request::post("/").extension(context).body(name).unwrap()
}

/// In which order the requests, all there at once, are sent.
async fn order(
    layer: RequestPacingLayer,
    requests: Vec<Request<&'static str>>,
) -> Vec<&'static str> {
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let client = layer.layer(service_fn(move |request: Request<&'static str>| {
        seen.lock().unwrap().push(*request.body());
        async { Ok::<_, Infallible>(Response::new(())) }
    }));
    let calls = requests
        .into_iter()
        .map(|request| client.clone().oneshot(request));
    for answer in futures_util::future::join_all(calls).await {
        answer.unwrap();
    }
    drop(client);
    Arc::into_inner(order).unwrap().into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn accounts_take_turns() {
    let mut requests = vec![request("first", context("0"))];
    for name in ["a1", "a2", "a3", "b1", "b2", "c1"] {
        requests.push(request(name, context(&name[..1])));
    }
    let order = order(one_a_second().build().unwrap(), requests).await;
    assert_eq!(order, ["first", "a1", "b1", "c1", "a2", "b2", "a3"]);
}

#[tokio::test(start_paused = true)]
async fn an_account_of_twice_the_weight_has_twice_the_turns() {
    const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();
    let built = one_a_second().weight("a", TWO).build().unwrap();
    let set = one_a_second().build().unwrap();
    set.handle().set_weight("a", TWO);
    for layer in [built, set] {
        let mut requests = vec![request("first", context("0"))];
        for name in ["b"; 6].into_iter().chain(["a"; 6]) {
            requests.push(request(name, context(name)));
        }
        let order = order(layer, requests).await;
        let turns = order[1..7].iter().filter(|name| **name == "a");
        assert_eq!(turns.count(), 4, "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_before_what_came_after_its_first_attempt() {
    let layer = one_a_second().build().unwrap();
    let first_sent = Instant::now();
    sleep(Duration::from_secs(5)).await;
    let mut retry = request("retry", context("a"));
    retry.extensions_mut().insert(Attempt::new(2, first_sent));
    let new = |name| request(name, context("a"));
    let order = order(layer, vec![new("sent"), new("new"), retry]).await;
    assert_eq!(order, ["sent", "retry", "new"]);
}

#[tokio::test(start_paused = true)]
async fn a_higher_priority_goes_first_and_a_lower_one_ages() {
    let layer = one_a_second()
        .ageing(Duration::from_secs(3))
        .build()
        .unwrap();
    let mut requests = vec![request("sent", context("0"))];
    requests.push(request("low", context("l").with_priority(Priority::Low)));
    for _ in 0..5 {
        requests.push(request("high", context("h").with_priority(Priority::High)));
    }
    let order = order(layer, requests).await;
    assert_eq!(
        order,
        ["sent", "high", "high", "low", "high", "high", "high"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_impatient_request_ages_sooner_and_a_patient_one_no_later() {
    let mut requests = vec![request("sent", context("0"))];
    for (name, patience) in [("soon", 2), ("late", 1_000), ("first", 0)] {
        let mut low = request(name, context(name).with_priority(Priority::Low));
        let patience = Patience::of(Duration::from_secs(patience));
        low.extensions_mut().insert(patience);
        requests.push(low);
    }
    for _ in 0..8 {
        requests.push(request("high", context("h").with_priority(Priority::High)));
    }
    let layer = one_a_second().ageing(Duration::from_secs(5)).build();
    let order = order(layer.unwrap(), requests).await;
    let low = ["first", "soon", "late"];
    let at = low.map(|name| order.iter().position(|it| *it == name).unwrap());
    assert_eq!(at, [1, 3, 5], "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn who_never_ages_does_for_little_patience() {
    let mut requests = vec![request("sent", context("0"))];
    let low = request("low", context("l").with_priority(Priority::Low));
    let mut soon = request("soon", context("s").with_priority(Priority::Low));
    soon.extensions_mut().insert(Patience::of(Duration::ZERO));
    requests.extend([low, soon]);
    for _ in 0..4 {
        requests.push(request("high", context("h").with_priority(Priority::High)));
    }
    let layer = one_a_second().ageing(Duration::MAX).build();
    let order = order(layer.unwrap(), requests).await;
    assert_eq!(
        order,
        ["sent", "soon", "high", "high", "high", "high", "low"]
    );
}

/// Those that came before it are not ahead of it.
#[tokio::test(start_paused = true)]
async fn an_impatient_request_is_not_taken_for_the_last() {
    let layer = one_a_second().build().unwrap();
    let client = layer.layer(service_fn(async |_: Request<&'static str>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    let low = || context("a").with_priority(Priority::Low);
    client
        .clone()
        .oneshot(request("sent", low()))
        .await
        .unwrap();
    for _ in 0..20 {
        tokio::spawn(client.clone().oneshot(request("patient", low())));
    }
    sleep(Duration::from_millis(1)).await;
    let mut soon = request("soon", low());
    soon.extensions_mut().insert(Patience::of(Duration::ZERO));
    soon.extensions_mut()
        .insert(Deadline::within(Duration::from_secs(5)));
    let start = Instant::now();
    client.oneshot(soon).await.unwrap();
    assert!(start.elapsed() <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_waits_for_itself_takes_nothing_from_the_others() {
    let quotas = Quotas::none()
        .with_app(Quota::requests_per_second(4))
        .with_each_account_endpoint(Quota::requests_per_second(1));
    let layer = RequestPacingLayer::builder(quotas).build().unwrap();
    let start = Instant::now();
    let names = ["a", "a", "a", "a", "b", "c", "d"];
    let requests = names.map(|name| request(name, context(name))).to_vec();
    let order = order(layer, requests).await;
    assert_eq!(order, ["a", "b", "c", "d", "a", "a", "a"]);
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_too_many_is_turned_away_unsent() {
    let layer = one_a_second().max_queued(1).build().unwrap();
    let client = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    client.clone().oneshot(Request::new(())).await.unwrap();
    let _waits = tokio::spawn(client.clone().oneshot(Request::new(())));
    sleep(Duration::from_millis(1)).await;
    let error = client.clone().oneshot(Request::new(())).await.unwrap_err();
    assert_eq!(error.downcast_ref::<QueueFull>().unwrap().queued(), 1);
    assert!(is_unsent(&*error));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait() {
    let layer = one_a_second().build().unwrap();
    let client = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    // Nobody knows when they go.
    layer.handle().pause();
    let start = Instant::now();
    let calls = (0..4).map(|_| {
        let deadline = Deadline::at(start + Duration::from_millis(1_500));
        let request = Request::builder().extension(deadline).body(()).unwrap();
        client.clone().oneshot(request)
    });
    let answers = futures_util::future::join_all(calls).await;
    let late = answers.iter().filter(|answer| {
        answer
            .as_ref()
            .is_err_and(|error| error.is::<DeadlineExceeded>())
    });
    assert_eq!((late.count(), start.elapsed().as_millis()), (4, 1_500));
    assert_eq!(layer.handle().snapshot().queued(), 0);
}
