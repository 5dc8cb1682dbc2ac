//! The reader of the body cannot tell that somebody looked at it.

use std::{future::poll_fn, pin::Pin};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, SizeHint};
use http_body_util::BodyExt;
use proptest::{collection::vec, prelude::*};
use tower_tiktok::error_classifier::ErrorClassifierLayer;

use crate::{
    api::{MadeUp, layer, send},
    script::{Reset, Script, Size, Step},
};

/// What a reader meets: the size before each frame, and the frame.
#[derive(Debug, PartialEq)]
enum Met {
    Data(Bytes),
    Trailers(HeaderMap),
    Failure(Reset),
    End,
}

impl Met {
    fn len(&self) -> u64 {
        match self {
            Self::Data(data) => data.len() as u64,
            _ => 0,
        }
    }
}

async fn read(mut body: impl Body<Data = Bytes, Error = Reset> + Unpin) -> Vec<(Met, SizeHint)> {
    let mut met = Vec::new();
    loop {
        let hint = body.size_hint();
        let claims_its_end = body.is_end_stream();
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let this = match frame {
            None => Met::End,
            Some(Err(error)) => Met::Failure(error),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => Met::Data(data),
                Err(frame) => Met::Trailers(frame.into_trailers().expect("the only other kind")),
            },
        };
        let is_end = this == Met::End;
        assert!(!claims_its_end || is_end, "said to be over before {this:?}");
        met.push((this, hint));
        if is_end {
            return met;
        }
    }
}

fn body() -> impl Strategy<Value = Script> {
    let piece = prop_oneof![
        3 => prop::sample::select(&[
            "{", "}", r#""code":"#, "0", "17", "18,", ",", r#""message":"slow"#, "\"", " ", "",
            r#"{"code":0,"data":[1,2]}"#, r#"{"data":{"code":1},"code":17}"#, "<html>",
        ][..]).prop_map(|text| Step::Data(Bytes::from_static(text.as_bytes()))),
        1 => vec(any::<u8>(), 0..40).prop_map(|bytes| Step::Data(bytes.into())),
        1 => Just(Step::Later),
    ];
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("17"));
    let last = prop_oneof![
        Just(None),
        Just(Some(Step::Fail)),
        Just(Some(Step::Trailers(trailers))),
    ];
    let size = prop_oneof![
        Just(Size::Exact),
        Just(Size::AtLeast),
        Just(Size::Unknown),
        (0..9_u64).prop_map(Size::AtMost),
    ];
    (vec(piece, 0..12), last, size, any::<bool>()).prop_map(|(steps, last, size, knows)| {
        Script::new(steps.into_iter().chain(last))
            .size(size)
            .knows_its_end(knows)
    })
}

proptest! {
    #[test]
    fn frames_trailers_errors_and_sizes_are_those_of_the_body(
        body in body(),
        limit in 1_usize..400,
        status in prop::sample::select(&[200_u16, 204, 429, 500][..]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (bare, peeked) = runtime.block_on(async {
            let layer = ErrorClassifierLayer::builder(MadeUp::default()).peek_limit(limit).build().unwrap();
            let copy = body.clone();
            let response = send(&layer, move || {
                Response::builder().status(status).body(copy.clone()).unwrap()
            }).await;
            (read(body).await, read(response.into_body()).await)
        });
        let all = bare.iter().map(|(met, _)| met);
        prop_assert!(peeked.iter().map(|(met, _)| met).eq(all), "{:?} for {:?}", peeked, bare);
        let mut left = bare.iter().fold(0, |sum, (met, _)| sum + met.len());
        for ((met, hint), (_, bare)) in peeked.iter().zip(&bare) {
            prop_assert_eq!(hint.upper(), bare.upper());
            // Bytes that are held are sure to come, even if the body did not
            // promise them.
            prop_assert!((bare.lower()..=left).contains(&hint.lower()));
            left -= met.len();
        }
    }
}

#[tokio::test]
async fn a_failure_met_while_peeking_comes_after_the_frames_before_it() {
    let response = send(&layer(), || {
        let data = |text| Step::Data(Bytes::from_static(text));
        Response::new(Script::new([data(b"{\"data\""), data(b":[1"), Step::Fail]))
    })
    .await;
    let mut body = response.into_body();
    for text in ["{\"data\"", ":[1"] {
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), text);
    }
    assert_eq!(body.frame().await.unwrap().unwrap_err(), Reset);
    assert!(body.frame().await.is_none());
    // The script panics when it is polled after its end; so it is not.
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn no_byte_is_copied() {
    let frame = Bytes::from(br#"{"message":"a","code":17,"data":[]}"#.to_vec());
    let sent = frame.clone();
    let response = send(&layer(), move || {
        Response::new(Script::data([sent.clone()]))
    })
    .await;
    let got = response
        .into_body()
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    assert_eq!(got.as_ptr(), frame.as_ptr());
    assert_eq!(got.len(), frame.len());
}

#[tokio::test]
async fn a_size_near_the_end_of_numbers_saturates() {
    let script = Script::data(["{\"data\":1,", "\"code\":0}"]).size(Size::AtMost(u64::MAX));
    let response = send(&layer(), move || Response::new(script.clone())).await;
    let hint: SizeHint = response.body().size_hint();
    assert_eq!((hint.lower(), hint.upper()), (19, None));
}
