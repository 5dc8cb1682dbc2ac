//! Where a part may fail under a code that says success.
//!
//! `{"code": 0, "message": "OK"}` is not always the whole truth: some
//! endpoints carry out what they can and list the rest in `data`, and a report
//! that was cut short says so in a header. Whoever takes that for a success
//! believes in ad groups that were never paused. The
//! [classifier](super::classifier) looks for it where TikTok's pages say that
//! it can happen, and at every answer with the code 20001. What it finds is
//! [`PartialSuccess`](crate::classify::ErrorClass::PartialSuccess), with the
//! items and the reasons in a [`PartialFailure`] extension. All other answers
//! are read no further than their code.
//!
//! | endpoint | sign of a failure |
//! |---|---|
//! | `/adgroup/status/update/`, sent with `allow_partial_success` | `data.error_list` |
//! | `/bc/advertiser/disable/` | `data.failed_infos` |
//! | `/campaign/copy/task/create/` | `data.adgroup_error_list`; an empty `data.task_id`: no task was made |
//! | `/creative/asset/delete/` | `data.failed_video_ids`, `data.failed_image_ids` |
//! | `/creative/asset/share/` | `data.failed_infos` |
//! | `/report/integrated/get/` | the header `X-Tt-Ads-Throttle`: rows were left out |
//! | `/rf/order/cancel/` | `data.fail_adgroup_ids` |
//! | `/tto/tcm/campaign/create/`, `/tto/tcm/campaign/update/` | `data.failed_handle_names` |
//!
//! The table is [`PartialRule::all`], made from the pages of the endpoints. An
//! endpoint is known by the
//! [`RequestContext`](crate::extensions::RequestContext) of its request, so
//! [`TikTokRequestContextLayer`](super::TikTokRequestContextLayer) belongs
//! outside. A sign beyond the classifier's peek limit is not seen. How a task
//! ends that was started well is for whoever polls it.
//!
//! # Example
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     body::Peeked, classify::ErrorClass, extensions::PartialFailure,
//!     tiktok::{TikTokErrorClassifierLayer, TikTokLayer, partial::PartialRule},
//! };
//!
//! async fn api(_: Request<Peeked<Full<Bytes>>>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     Ok(Response::new(Full::from(r#"{"code": 0, "message": "OK", "data": {
//!         "adgroup_ids": ["17"], "status": "DISABLE",
//!         "error_list": [{"adgroup_id": "18", "error_message": "The ad group was deleted."}]
//!     }}"#)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! // An endpoint that the table does not have, and you know.
//! let mine = PartialRule::new("/my/bulk/update/", &["data.rejected"]);
//! let classifier = TikTokErrorClassifierLayer::builder().partial(mine).build()?;
//! let mut client = ServiceBuilder::new()
//!     .layer(TikTokLayer::builder().classifier(classifier).build())
//!     .service_fn(api);
//!
//! let pause = Request::post("/open_api/v1.3/adgroup/status/update/")
//!     .body(Full::from(r#"{"advertiser_id": "7001", "adgroup_ids": ["17", "18"],
//!         "operation_status": "DISABLE", "allow_partial_success": true}"#))?;
//! let response = client.ready().await?.call(pause).await?;
//! assert_eq!(ErrorClass::of(&response), ErrorClass::PartialSuccess);
//!
//! // Just these are worth another request, once the reason is gone.
//! let failed = response.extensions().get::<PartialFailure>().expect("a part failed");
//! assert_eq!(failed.failed_ids().collect::<Vec<_>>(), ["18"]);
//! assert_eq!(failed.items()[0].reason(), Some("The ad group was deleted."));
//! # Ok(())
//! # }
//! ```
//!
//! [`PartialFailure`]: crate::extensions::PartialFailure

mod items;
mod look;
mod rule;
mod rules;

pub use self::rule::PartialRule;
pub(super) use self::{look::Look, rules::PartialRules};
