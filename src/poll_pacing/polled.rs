use bytes::Bytes;
use http::{Request, response::Parts};

use super::Spacing;
use crate::error::BoxError;

/// A job that can be asked after: how to ask, and what the answers mean.
pub trait PolledJob {
    /// The body of the requests.
    type Body;
    /// What is known of a job that is not over.
    type State;
    /// What a job comes to.
    type Output;

    /// How often it may be asked after.
    fn spacing(&self) -> Spacing;

    /// A request that asks after it.
    fn request(&self) -> Request<Self::Body>;

    /// What a successful answer says.
    ///
    /// # Errors
    /// If it cannot be understood. Then nobody asks again.
    fn read(
        &mut self,
        head: &Parts,
        body: &Bytes,
    ) -> Result<Step<Self::State, Self::Output>, BoxError>;
}

/// What one answer says of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<P, T> {
    /// It is still being done.
    Running(P),
    /// It is done.
    Done(T),
    /// It failed, or was given up; asking again changes nothing.
    Failed {
        /// The server's word for the state, such as `FAILED`.
        state: String,
        /// What else the server says.
        message: String,
    },
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<P, T> {
    /// It is still being done.
    Running(P),
    /// It is done. Nothing follows.
    Done(T),
}
