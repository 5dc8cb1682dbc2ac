use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio_test::{assert_pending, task};

use super::*;

fn identity(request: &Request<Full<Bytes>>) -> Option<Identity> {
    Identity::of(request)
}

fn get(url: &str, token: &str) -> Request<Full<Bytes>> {
    let request = Request::get(url).header("access-token", token);
    request.body(Full::default()).unwrap()
}

fn lead(board: &Arc<Board>, identity: &Identity) -> Lead {
    match board.join(identity) {
        Role::Lead(lead) => lead,
        other => panic!("{other:?} does not lead"),
    }
}

fn follow(board: &Arc<Board>, identity: &Identity) -> Follow {
    match board.join(identity) {
        Role::Follow(follow) => follow,
        other => panic!("{other:?} does not follow"),
    }
}

#[test]
fn two_tokens_never_share() {
    let one = identity(&get("/a?b=c", "1"));
    assert!(one.is_some());
    assert_eq!(one, identity(&get("/a?b=c", "1")));
    assert_ne!(one, identity(&get("/a?b=c", "2")));
    assert_ne!(one, identity(&get("/a?b=d", "1")));
    let mut traced = get("/a?b=c", "1");
    traced
        .headers_mut()
        .insert("traceparent", "00-1".parse().unwrap());
    assert_eq!(one, identity(&traced));
}

#[test]
fn a_write_and_a_long_request_have_no_identity() {
    let write = Request::post("/a").body(Full::default()).unwrap();
    assert_eq!(identity(&write), None);
    assert_eq!(
        identity(&get(&format!("/{}", "a".repeat(40_000)), "1")),
        None
    );
    let mut long = get("/a", "1");
    *long.body_mut() = Full::from(vec![0; 40_000]);
    assert_eq!(identity(&long), None);
}

#[test]
fn no_value_of_a_header_is_taken_for_a_name() {
    let with = |pairs: &[(&'static str, &str)]| {
        let mut request = get("/a", "1");
        for (name, value) in pairs {
            let value = value.parse().unwrap();
            request.headers_mut().append(*name, value);
        }
        identity(&request)
    };
    let one = with(&[("x-a", "b"), ("x-a", "x-c"), ("x-a", "d")]);
    assert!(one.is_some());
    assert_ne!(one, with(&[("x-a", "b"), ("x-c", "d")]));
}

#[test]
fn a_body_is_a_part_of_what_is_asked() {
    let with = |body: &'static str| {
        let mut request = get("/a", "1");
        *request.body_mut() = Full::from(body);
        identity(&request)
    };
    assert!(with("x").is_some());
    assert_eq!(with("x"), with("x"));
    assert_ne!(with("x"), with("y"));
}

#[test]
fn a_dropped_leader_leaves_its_place() {
    let board = Arc::new(Board::new(10));
    let identity = identity(&get("/", "1")).unwrap();
    let leader = lead(&board, &identity);
    let mut follower = follow(&board, &identity);
    let mut waits = task::spawn(std::future::poll_fn(move |cx| follower.poll(cx)));
    assert_pending!(waits.poll());
    drop(leader);
    assert!(waits.is_woken());
    assert!(matches!(
        waits.poll(),
        std::task::Poll::Ready(Outcome::AskAnew)
    ));
    let _next = lead(&board, &identity);
    assert_eq!(board.len(), 1);
}

#[test]
fn all_bodies_are_one() {
    let board = Arc::new(Board::new(10));
    let identity = identity(&get("/", "1")).unwrap();
    let leader = lead(&board, &identity);
    let mut followers: Vec<_> = (0..3).map(|_| follow(&board, &identity)).collect();
    let mut frames = crate::body::Frames::default();
    frames.push(http_body::Frame::data(Bytes::from(vec![7; 100])));
    let (head, ()) = Response::new(()).into_parts();
    let own = Gathered::<Full<Bytes>>::Whole(head, frames).share(leader);
    let mut places = vec![place(own)];
    for follower in &mut followers {
        let mut task = task::spawn(std::future::poll_fn(|cx| follower.poll(cx)));
        let std::task::Poll::Ready(Outcome::Landed(landed)) = task.poll() else {
            panic!("the answer is there");
        };
        places.push(place(landed.into_result::<Full<Bytes>>()));
    }
    places.dedup();
    assert_eq!(places.len(), 1);
    assert_eq!(board.len(), 0);
}

type Shared = Result<Response<crate::body::SharedBody<Full<Bytes>>>, crate::error::BoxError>;

fn place(response: Shared) -> *const u8 {
    let mut body = response.unwrap().into_body();
    let mut frame = task::spawn(http_body_util::BodyExt::frame(&mut body));
    let std::task::Poll::Ready(Some(Ok(frame))) = frame.poll() else {
        panic!("the body is there");
    };
    frame.into_data().unwrap().as_ptr()
}

#[test]
fn the_only_one_gets_the_error_itself() {
    let board = Arc::new(Board::new(10));
    let identity = identity(&get("/", "1")).unwrap();
    let failed = || Gathered::<Full<Bytes>>::Failed("oops".into());
    let error = failed().share(lead(&board, &identity)).unwrap_err();
    assert!(!error.is::<SharedError>());

    let leader = lead(&board, &identity);
    let _follower = follow(&board, &identity);
    let error = failed().share(leader).unwrap_err();
    assert_eq!(
        error.downcast_ref::<SharedError>().unwrap().to_string(),
        "the shared call failed: oops"
    );
}

#[test]
fn too_many_calls_are_not_kept_in_mind() {
    let board = Arc::new(Board::new(1));
    let _one = lead(&board, &identity(&get("/1", "1")).unwrap());
    assert!(matches!(
        board.join(&identity(&get("/2", "1")).unwrap()),
        Role::Alone
    ));
}
