//! Bodies are sent again byte for byte, or not at all.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use tokio::time::sleep;
use tower::{BoxError, Layer, ServiceExt};
use tower_tiktok::{
    body::ReplayBody, classify::ErrorClass, extensions::RequestContext, tiktok::TikTokLayer,
};

use crate::support::{OK, REFUSED, Script, post};

const MEGABYTE: usize = 1024 * 1024;

/// Sends the bytes in pieces, with pauses in between.
fn streamed(bytes: &Bytes) -> impl Body<Data = Bytes, Error = BoxError> + Send + Unpin + use<> {
    let pieces: Vec<Bytes> = bytes.chunks(60_000).map(Bytes::copy_from_slice).collect();
    let frames = stream::unfold(pieces.into_iter(), |mut pieces| async {
        let piece = pieces.next()?;
        sleep(Duration::from_millis(1)).await;
        Some((Ok::<_, BoxError>(Frame::data(piece)), pieces))
    });
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

/// A form with a video, whose bytes are no text and no boundary.
fn upload() -> Bytes {
    let mut form = Vec::new();
    for (name, value) in [("advertiser_id", "7001"), ("upload_type", "UPLOAD_BY_FILE")] {
        let part = format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        form.extend_from_slice(part.as_bytes());
    }
    form.extend_from_slice(
        b"--frontier\r\nContent-Disposition: form-data; name=\"video_file\"; filename=\"a.mp4\"\r\n\
        Content-Type: video/mp4\r\n\r\n",
    );
    let mut byte = 1_u32;
    form.extend((0..5 * MEGABYTE).map(|_| {
        byte = byte.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (byte >> 24) as u8
    }));
    form.extend_from_slice(b"\r\n--frontier--\r\n");
    form.into()
}

fn upload_request<B>(body: B) -> Request<B> {
    let mut request = post("/file/video/ad/upload/", body);
    let kind = "multipart/form-data; boundary=frontier".parse().unwrap();
    request.headers_mut().insert("content-type", kind);
    request
}

#[tokio::test(start_paused = true)]
async fn an_upload_of_megabytes_is_sent_again_byte_for_byte() {
    let form = upload();
    let server = Script::new([REFUSED, OK]);
    let client = TikTokLayer::builder().build().layer(server.clone());
    let body = ReplayBody::new(streamed(&form), 8 * MEGABYTE);
    let response = client.oneshot(upload_request(body)).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert!(seen.body == form, "the form came changed");
        let context = seen.extensions.get::<RequestContext>().unwrap();
        assert_eq!(context.account().unwrap().as_str(), "7001");
        assert_eq!(context.endpoint(), Some("/file/video/ad/upload/"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_refused_before_it_was_read_is_sent_again_whole() {
    let form = upload();
    let server = Script::new([REFUSED, REFUSED, OK]).hasty();
    let client = TikTokLayer::builder().build().layer(server.clone());
    let body = ReplayBody::new(streamed(&form), 8 * MEGABYTE);
    let response = client.oneshot(upload_request(body)).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::Success);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[..2].iter().all(|seen| seen.body.len() < form.len()));
    assert!(seen[2].body == form, "the form came changed");
}

#[tokio::test(start_paused = true)]
async fn what_outgrows_its_buffer_is_sent_once_and_whole() {
    let form = upload();
    let server = Script::new([REFUSED, OK]);
    let client = TikTokLayer::builder().build().layer(server.clone());
    let body = ReplayBody::new(streamed(&form), MEGABYTE);
    let response = client.oneshot(upload_request(body)).await.unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::RateLimited);
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].body == form, "the form came changed");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_keeps_is_sent_once() {
    let server = Script::new([REFUSED, OK]);
    let client = TikTokLayer::builder().build().layer(server.clone());
    let json = Bytes::from(r#"{"advertiser_id":"7001","campaign_name":"a"}"#);
    let body = streamed(&json).boxed_unsync();
    let response = client
        .oneshot(post("/campaign/create/", body))
        .await
        .unwrap();
    assert_eq!(ErrorClass::of(&response), ErrorClass::RateLimited);
    assert_eq!(server.seen().len(), 1);
    assert_eq!(server.seen()[0].body, json);
}
