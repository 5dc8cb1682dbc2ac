//! TikTok's jobs: what it makes in the background, and how often to ask for it.
//!
//! [`TikTokJobs`] tells [poll pacing](crate::poll_pacing) which request asks
//! after which job, and which needs something that may not be there yet.
//!
//! | job | asked after at | first asked after | then at least | source |
//! |---|---|---|---|---|
//! | asynchronous report | `report/task/check`, `…/download` | 10 s | 1 s | none is documented |
//! | comments, blocked words, change log | `…/task/check`, `…/task/download` | 10 s | 1 s | none is documented |
//! | copy of a campaign | `campaign/copy/task/check` | 60 s | 8 s | "Create an asynchronous campaign copy task": after about a minute |
//! | upload of a video | `file/video/ad/search`, `…/info` for one video | 30 s | 4 s | "Upload a video": 30 seconds to five minutes |
//! | repair of a video | `video/fix/task/get` | 30 s | 4 s | as for an upload |
//!
//! The waits grow with the job's age, five minutes at most (one for videos), so
//! that the end of a job that takes longer than its first wait is noticed late by
//! a fifth of its own time at worst, as long as its beginning is known
//! ([`JobBegan`](crate::poll_pacing::JobBegan); `poll_until` knows it) and the
//! app's quota has room for the polls.
//!
//! An ad, or a change of one, that refers to a video which is still being
//! transcoded gets code 40901 or 2200006. Nothing was done then, so it is sent
//! again, after some 5 seconds and then seldomer, until the video is there. So is
//! a download that gets 40201.
//!
//! A task that failed is told of under code 0. [`Task`] and [`Upload`] know
//! the words, and follow one job to its end with
//! [`poll_until`](crate::poll_pacing::poll_until).
//!
//! # Example
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt};
//! use tower_tiktok::{
//!     poll_pacing::poll_until,
//!     tiktok::{TikTokLayer, jobs::Upload},
//! };
//! # use tower_tiktok::simulator::Simulator;
//! # use http_body_util::BodyExt;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let tiktok = Simulator::builder().build()?;
//! let client = TikTokLayer::builder().build().layer(tiktok);
//!
//! let upload = Request::post("/open_api/v1.3/file/video/ad/upload/")
//!     .header("access-token", "secret")
//!     .header("content-type", "application/json")
//!     .body(Full::from(r#"{
//!         "advertiser_id": "7001", "upload_type": "UPLOAD_BY_URL",
//!         "file_name": "spring.mp4", "video_url": "https://example.com/spring.mp4"
//!     }"#))?;
//! let answer = client.clone().oneshot(upload).await?.into_body();
//! let answer = answer.collect().await?.to_bytes();
//!
//! // TikTok has given the video an id, and now looks at it.
//! if let Some(video) = Upload::unfinished(&answer) {
//!     let upload = Upload::new("7001", video, |path| {
//!         let request = Request::get(path).header("access-token", "secret");
//!         request.body(Full::<Bytes>::default()).expect("a good request")
//!     });
//!     let found = poll_until(client, upload).finish().await?;
//!     assert!(found.starts_with(b"{"));
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod spacing;
mod table;
mod task;
mod upload;

pub use self::{
    table::TikTokJobs,
    task::{Task, TaskState},
    upload::Upload,
};
