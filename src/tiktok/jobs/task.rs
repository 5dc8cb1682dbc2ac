use std::fmt;

use bytes::Bytes;
use http::{Request, response::Parts};

use super::{
    answer::{MakeRequest, data, path, text},
    spacing::{COPY, TASK},
};
use crate::{
    error::BoxError,
    poll_pacing::{PolledJob, Spacing, Step},
};

/// A task of TikTok's, to be followed with
/// [`poll_until`](crate::poll_pacing::poll_until) to its last answer, as it
/// came. See the [module docs](super).
///
/// What is made is downloaded after that. A copy that is done may be so in
/// part only: that is in the answer.
pub struct Task<B> {
    endpoint: &'static str,
    spacing: Spacing,
    account: String,
    id: String,
    request: MakeRequest<B>,
}

/// How far a task has come that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It has not begun.
    Queued,
    /// It is being done.
    Running,
    /// Something that TikTok does not document.
    Other(String),
}

impl<B> Task<B> {
    /// An asynchronous report. `request` makes a `GET` of a path and query
    /// that begins with `/open_api/`: it adds the host and the token. The
    /// advertiser is one of those that the task was created for.
    #[must_use]
    pub fn report(
        advertiser: impl Into<String>,
        task: impl Into<String>,
        request: impl Fn(&str) -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        Self::at("/report/task/check/", TASK, advertiser, task, request)
    }

    /// A copy of a campaign. For `request` see [`report`](Self::report).
    #[must_use]
    pub fn campaign_copy(
        advertiser: impl Into<String>,
        task: impl Into<String>,
        request: impl Fn(&str) -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        Self::at(
            "/campaign/copy/task/check/",
            COPY,
            advertiser,
            task,
            request,
        )
    }

    /// An export of comments. For `request` see [`report`](Self::report).
    #[must_use]
    pub fn comments(
        advertiser: impl Into<String>,
        task: impl Into<String>,
        request: impl Fn(&str) -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        Self::at("/comment/task/check/", TASK, advertiser, task, request)
    }

    /// An export of blocked words. For `request` see [`report`](Self::report).
    #[must_use]
    pub fn blocked_words(
        advertiser: impl Into<String>,
        task: impl Into<String>,
        request: impl Fn(&str) -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        Self::at("/blockedword/task/check/", TASK, advertiser, task, request)
    }

    /// An export of the change log. For `request` see
    /// [`report`](Self::report).
    #[must_use]
    pub fn change_log(
        advertiser: impl Into<String>,
        task: impl Into<String>,
        request: impl Fn(&str) -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        Self::at("/changelog/task/check/", TASK, advertiser, task, request)
    }

    fn at(
        endpoint: &'static str,
        spacing: Spacing,
        account: impl Into<String>,
        id: impl Into<String>,
        request: impl Fn(&str) -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        Self {
            endpoint,
            spacing,
            account: account.into(),
            id: id.into(),
            request: Box::new(request),
        }
    }
}

impl<B> PolledJob for Task<B> {
    type Body = B;
    type State = TaskState;
    type Output = Bytes;

    fn spacing(&self) -> Spacing {
        self.spacing
    }

    fn request(&self) -> Request<B> {
        let params = [("advertiser_id", &*self.account), ("task_id", &*self.id)];
        (self.request)(&path(self.endpoint, &params))
    }

    fn read(&mut self, _: &Parts, body: &Bytes) -> Result<Step<TaskState, Bytes>, BoxError> {
        let data = data(body)?;
        // The copy of a campaign has a name of its own for it.
        let state = match text(&data, "status") {
            state if state.is_empty() => text(&data, "task_status"),
            state => state,
        };
        Ok(match &*state {
            "" => return Err("the answer tells no status".into()),
            "QUEUING" | "QUEUED" | "PENDING" => Step::Running(TaskState::Queued),
            "PROCESSING" | "RUNNING" => Step::Running(TaskState::Running),
            "SUCCESS" | "COMPLETED" => Step::Done(body.clone()),
            // Under code 0, all of them.
            "FAILED" | "FAILURE" | "FAIL" | "CANCELED" | "CANCELLED" => Step::Failed {
                message: text(&data, "message"),
                state,
            },
            _ => Step::Running(TaskState::Other(state)),
        })
    }
}

impl<B> fmt::Debug for Task<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("endpoint", &self.endpoint)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Result<Step<TaskState, Bytes>, BoxError> {
        let mut task = Task::report("1", "17", |path| Request::get(path).body(()).unwrap());
        let (head, ()) = http::Response::new(()).into_parts();
        task.read(&head, &Bytes::from(body))
    }

    #[test]
    fn a_failure_under_code_0_is_a_failure() {
        for state in ["FAILED", "CANCELED", "FAILURE"] {
            let body = format!(
                r#"{{"message":"OK","code":0,"data":{{"status":"{state}","message":"why"}}}}"#
            );
            let step = read(Box::leak(body.into_boxed_str())).unwrap();
            let (state, message) = (state.to_owned(), "why".to_owned());
            assert_eq!(step, Step::Failed { state, message });
        }
    }

    #[test]
    fn a_state_is_read_whatever_the_order_and_case_of_keys() {
        let queued = read(r#"{"Data":{"Status":"QUEUING"},"Code":0}"#).unwrap();
        assert_eq!(queued, Step::Running(TaskState::Queued));
        let running = read(r#"{"data":{"task_status":"RUNNING"},"code":0}"#).unwrap();
        assert_eq!(running, Step::Running(TaskState::Running));
        let other = read(r#"{"data":{"status":"RESTING"},"code":0}"#).unwrap();
        assert_eq!(other, Step::Running(TaskState::Other("RESTING".to_owned())));
    }

    #[test]
    fn an_answer_without_a_state_is_no_answer() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"data":{}}"#,
            r#"{"code":40001,"message":"no"}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }

    #[test]
    fn an_id_is_written_so_that_it_stays_one() {
        let task = Task::report("1", "1&2 3", |path| Request::get(path).body(()).unwrap());
        let uri = task.request().uri().to_string();
        assert_eq!(
            uri,
            "/open_api/v1.3/report/task/check/?advertiser_id=1&task_id=1%262%203"
        );
    }
}
