//! Find out by its name whether a campaign or an ad group was created.
//!
//! Creating a campaign is not idempotent, but for ten seconds and with a
//! `request_id`. So a create whose answer was lost stays in doubt, until
//! somebody looks whether the object is there. [`ReadBackByName`] does: it is a
//! hook for the generic [`reconcile`](crate::reconcile) layer, which says when
//! it asks and what follows.
//!
//! | create | is looked for by | answers |
//! |---|---|---|
//! | `/campaign/create/` | `/campaign/get/`, its `campaign_name` | the row of the campaign |
//! | `/adgroup/create/` | `/adgroup/get/`, its `adgroup_name` in its `campaign_id` | the row of the ad group |
//!
//! What it sends goes through the same stack, after the create has given back
//! all that it held: it is paced, counted and sent again like any other read,
//! with the headers of the create, its account and its priority. The answer
//! that it makes up is that of a create, `{"code": 0, .., "data": {..}}` with
//! the object's own fields, marked as [`Reconciled`](crate::reconcile::Reconciled).
//!
//! # How it knows its own
//!
//! A name proves little: with a `request_id` it may be given twice, and an
//! object of last year may bear it. So what bears the name is weighed by the
//! time at which it was created, on the clock of the server: its `Date` header
//! is the measure, not our own clock.
//!
//! | what bears the name | finding |
//! |---|---|
//! | nothing | not created |
//! | only what was created more than a minute before it was sent | not created |
//! | just one that was created since | created, and this is it |
//! | more than one of these | cannot tell |
//! | one that was created just before it was sent, or nobody knows when | cannot tell |
//! | a name that differs in case or white space alone | cannot tell: the server may have changed it |
//! | more than two thousand names that contain it | cannot tell |
//!
//! A create with the answer 40050, "duplicated requests", is looked for as
//! well: an earlier copy of it came through, and this is how the caller gets
//! the id. It is never sent again.
//!
//! # What remains uncertain
//!
//! No page says how late a create may be carried out, or when a read shows it;
//! see [`reconcile`](crate::reconcile#what-remains-uncertain) for what
//! follows. Whoever creates two objects of one name at the same time, in this
//! process or in another, may be told of one for the other. So **give each
//! object a name of its own**: a name with the job's id in it is enough.
//!
//! # Example
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::{BodyExt, Full};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tiktok::{
//!     reconcile::{ReconcileLayer, Reconciled},
//!     simulator::{Fault, Script, Simulator},
//!     tiktok::{TikTokLayer, reconcile::ReadBackByName},
//! };
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let tiktok = Simulator::builder()
//!     // The campaign is created, and nobody hears of it.
//!     .script(Script::new(Fault::LostAnswer).path("/campaign/create/"))
//!     .build()?;
//! let client = ServiceBuilder::new()
//!     .layer(
//!         TikTokLayer::builder()
//!             .reconcile(ReconcileLayer::new(ReadBackByName::new()))
//!             .build(),
//!     )
//!     .service(tiktok.clone());
//!
//! let create = Request::post("/open_api/v1.3/campaign/create/")
//!     .header("access-token", "secret")
//!     .body(Full::<Bytes>::from(
//!         r#"{"advertiser_id": "7001", "campaign_name": "spring 4711", "objective_type": "TRAFFIC"}"#,
//!     ))?;
//! let response = client.oneshot(create).await?;
//! assert!(response.extensions().get::<Reconciled>().is_some());
//! let body = response.into_body().collect().await?.to_bytes();
//! assert!(std::str::from_utf8(&body)?.contains(r#""campaign_id":"#));
//! assert_eq!((tiktok.ledger().total.created, tiktok.ledger().total.duplicated), (1, 0));
//! # Ok(())
//! # }
//! ```

mod answer;
mod hook;
mod object;
mod rows;
mod time;

pub use self::hook::ReadBackByName;
