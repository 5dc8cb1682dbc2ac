use std::fmt;

use bytes::Bytes;
use http::{Request, response::Parts};
use serde_json::{Value, json};

use super::{
    answer::{MakeRequest, data, field, path, text},
    spacing::VIDEO,
};
use crate::{
    error::BoxError,
    poll_pacing::{PolledJob, Spacing, Step},
};

/// A video that was uploaded and cannot be used yet, to be followed with
/// [`poll_until`](crate::poll_pacing::poll_until) to the answer that has it.
/// See the [module docs](super).
pub struct Upload<B> {
    account: String,
    video: String,
    request: MakeRequest<B>,
}

impl<B> Upload<B> {
    /// The video with this id. `request` makes a `GET` of a path and query
    /// that begins with `/open_api/`: it adds the host and the token.
    #[must_use]
    pub fn new(
        advertiser: impl Into<String>,
        video: impl Into<String>,
        request: impl Fn(&str) -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        Self {
            account: advertiser.into(),
            video: video.into(),
            request: Box::new(request),
        }
    }
}

impl Upload<()> {
    /// The id of the video, if the answer to its upload has nothing else: then
    /// TikTok still looks at it.
    #[must_use]
    pub fn unfinished(answer: &Bytes) -> Option<String> {
        let data = data(answer).ok()?;
        // An array with one object, "for compatibility reasons".
        let video = data.as_array().map_or(Some(&data), |list| list.first())?;
        let id = text(video, "video_id");
        let has_more = |value: &Value| !value.is_null() && value.as_str() != Some("");
        let fields = video.as_object()?.iter();
        let is_alone = fields
            .filter(|(key, _)| !key.eq_ignore_ascii_case("video_id"))
            .all(|(_, value)| !has_more(value));
        (is_alone && !id.is_empty()).then_some(id)
    }
}

impl<B> PolledJob for Upload<B> {
    type Body = B;
    type State = ();
    type Output = Bytes;

    fn spacing(&self) -> Spacing {
        VIDEO
    }

    fn request(&self) -> Request<B> {
        let filters = json!({ "video_ids": [self.video] }).to_string();
        let params = [("advertiser_id", &*self.account), ("filtering", &*filters)];
        (self.request)(&path("/file/video/ad/search/", &params))
    }

    /// What cannot be used is left out of the list.
    fn read(&mut self, _: &Parts, body: &Bytes) -> Result<Step<(), Bytes>, BoxError> {
        let data = data(body)?;
        let list = field(&data, "list").and_then(Value::as_array);
        let list = list.ok_or("the answer has no list")?;
        let is_there = list
            .iter()
            .any(|video| text(video, "video_id") == self.video);
        Ok(if is_there {
            Step::Done(body.clone())
        } else {
            Step::Running(())
        })
    }
}

impl<B> fmt::Debug for Upload<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("video", &self.video)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_unfinished_if_there_is_only_an_id() {
        for (answer, id) in [
            (r#"{"code":0,"data":[{"video_id":"v1"}]}"#, Some("v1")),
            (
                r#"{"code":0,"data":{"video_id":"v1","url":""}}"#,
                Some("v1"),
            ),
            (r#"{"code":0,"data":[{"video_id":"v1","width":540}]}"#, None),
            (r#"{"code":0,"data":[{"video_id":""}]}"#, None),
            (r#"{"code":40911,"message":"no","data":{}}"#, None),
            (r#"{"code":0,"data":[]}"#, None),
            ("not json", None),
        ] {
            let found = Upload::unfinished(&Bytes::from(answer));
            assert_eq!(found.as_deref(), id, "{answer}");
        }
    }

    #[test]
    fn a_video_is_there_once_it_is_in_the_list() {
        let mut upload = Upload::new("1", "v1", |path| Request::get(path).body(()).unwrap());
        let (head, ()) = http::Response::new(()).into_parts();
        let mut read = |body: &'static str| upload.read(&head, &Bytes::from(body)).unwrap();
        let none = read(r#"{"code":0,"data":{"list":[]}}"#);
        assert_eq!(none, Step::Running(()));
        let other = read(r#"{"code":0,"data":{"list":[{"video_id":"v2"}]}}"#);
        assert_eq!(other, Step::Running(()));
        let there = read(r#"{"code":0,"data":{"list":[{"video_id":"v1"}]}}"#);
        assert!(matches!(there, Step::Done(_)));
    }
}
