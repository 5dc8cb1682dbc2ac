use http::Request;
use serde_json::Value;

use super::spacing::{COPY, TASK, VIDEO};
use crate::{
    extensions::RequestContext,
    poll_pacing::{Job, Jobs, Spacing},
    tiktok::{context::query::pairs, endpoints::find::relative},
};

/// Longer ids are none.
const MAX_ID: usize = 64;

/// Knows the requests that wait for one of TikTok's jobs. See the
/// [module docs](super).
#[derive(Clone, Copy, Debug, Default)]
pub struct TikTokJobs(());

impl TikTokJobs {
    /// TikTok's jobs.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<B> Jobs<B> for TikTokJobs {
    fn job_of(&self, request: &Request<B>) -> Option<Job> {
        let context = request.extensions().get::<RequestContext>();
        let endpoint = context.and_then(RequestContext::endpoint);
        let path = endpoint.unwrap_or_else(|| relative(request.uri().path()));
        let asked = Asked::at(path.strip_suffix('/').unwrap_or(path))?;
        let query = request.uri().query().unwrap_or_default();
        let (kind, id, spacing) = match asked {
            Asked::Needs => return Some(Job::needed(VIDEO)),
            Asked::Task(kind, spacing) => (kind, param(query, "task_id")?, spacing),
            Asked::Videos => ("video", only_one(&param(query, "video_ids")?)?, VIDEO),
            Asked::Search => {
                let filters = param(query, "filtering")?;
                let filters: Value = serde_json::from_str(&filters).ok()?;
                let ids = filters.get("video_ids")?.to_string();
                ("video search", only_one(&ids)?, VIDEO)
            }
        };
        let is_id = !id.is_empty() && id.len() <= MAX_ID;
        is_id.then(|| Job::polled(format!("{kind} {id}"), spacing))
    }
}

/// What is asked at an endpoint.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Task(&'static str, Spacing),
    Videos,
    Search,
    /// A write that may refer to a video.
    Needs,
}

impl Asked {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/report/task/check" => Self::Task("report", TASK),
            "/report/task/download" => Self::Task("report file", TASK),
            "/comment/task/check" => Self::Task("comments", TASK),
            "/comment/task/download" => Self::Task("comments file", TASK),
            "/blockedword/task/check" => Self::Task("blocked words", TASK),
            "/blockedword/task/download" => Self::Task("blocked words file", TASK),
            "/changelog/task/check" => Self::Task("change log", TASK),
            "/changelog/task/download" => Self::Task("change log file", TASK),
            "/campaign/copy/task/check" => Self::Task("campaign copy", COPY),
            "/video/fix/task/get" => Self::Task("video fix", VIDEO),
            "/file/video/ad/info" => Self::Videos,
            "/file/video/ad/search" => Self::Search,
            "/ad/create"
            | "/ad/update"
            | "/ad/aco/create"
            | "/ad/aco/update"
            | "/campaign/spc/create"
            | "/campaign/spc/update"
            | "/creative/portfolio/create"
            | "/smart_plus/ad/create"
            | "/smart_plus/ad/update" => Self::Needs,
            _ => return None,
        })
    }
}

fn param(query: &str, name: &str) -> Option<String> {
    let mut pairs = pairs(query).filter(|(found, _)| found == name);
    pairs.next().map(|(_, value)| value)
}

/// The one id of a list. Who asks for several at once makes a list of them.
fn only_one(ids: &str) -> Option<String> {
    let ids: Vec<Value> = serde_json::from_str(ids).ok()?;
    match &ids[..] {
        [Value::String(id)] => Some(id.clone()),
        [Value::Number(id)] => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tiktok::Endpoint;

    fn job(method: &str, path: &str) -> Option<Job> {
        let request = Request::builder().method(method);
        TikTokJobs::new().job_of(&request.uri(path).body(()).unwrap())
    }

    fn key(path: &str) -> Option<String> {
        let job = job("GET", &format!("/open_api/v1.3{path}"))?;
        Some(job.key()?.as_str().to_owned())
    }

    #[test]
    fn a_poll_is_known_for_the_job_that_it_asks_after() {
        for (path, expected) in [
            (
                "/report/task/check/?task_id=17&advertiser_id=1",
                Some("report 17"),
            ),
            (
                "/report/task/check?advertiser_id=1&task_id=%317",
                Some("report 17"),
            ),
            ("/report/task/download/?task_id=17", Some("report file 17")),
            (
                "/campaign/copy/task/check/?task_id=17",
                Some("campaign copy 17"),
            ),
            (
                "/file/video/ad/info/?video_ids=%5B%22v1%22%5D",
                Some("video v1"),
            ),
            (
                "/file/video/ad/info/?video_ids=%5B%22v1%22,%22v2%22%5D",
                None,
            ),
            (
                "/file/video/ad/search/?filtering=%7B%22video_ids%22%3A%5B%22v1%22%5D%7D",
                Some("video search v1"),
            ),
            ("/file/video/ad/search/?filtering=%7B%7D", None),
            ("/report/task/check/?task_id=", None),
            ("/report/task/check/", None),
            ("/campaign/get/?task_id=17", None),
        ] {
            assert_eq!(key(path).as_deref(), expected, "{path}");
        }
        let long = "9".repeat(65);
        assert_eq!(key(&format!("/report/task/check/?task_id={long}")), None);
    }

    #[test]
    fn an_ad_needs_its_video() {
        let needed = job("POST", "/open_api/v1.3/ad/create/").unwrap();
        assert_eq!(needed.key(), None);
        assert!(job("POST", "/open_api/v1.3/adgroup/create/").is_none());
    }

    #[test]
    fn every_task_that_can_be_asked_after_is_known() {
        for endpoint in Endpoint::all() {
            let path = endpoint.path();
            let asks = ["/task/check/", "/task/download/", "/task/get/"];
            if asks.iter().any(|end| path.ends_with(end)) {
                assert!(key(&format!("{path}?task_id=17")).is_some(), "{path}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_query_ends(query in "(task_id|video_ids|filtering|[=&%\\[\\]{}\":,a-f0-9]){0,60}") {
            for path in ["/report/task/check/", "/file/video/ad/info/", "/file/video/ad/search/"] {
                if let Ok(uri) = format!("{path}?{query}").parse::<http::Uri>() {
                    let request = Request::get(uri).body(()).unwrap();
                    let job = TikTokJobs::new().job_of(&request);
                    prop_assert!(job.is_none_or(|job| job.key().is_some()));
                }
            }
        }
    }
}
