//! A TikTok that enforces its limits, for tests, benches and examples.
//!
//! A client that obeys limits can only be tried against a server that has
//! them. This one counts every call by app, endpoint, advertiser and pixel, in
//! seconds, minutes and days; suspends for five minutes who overruns a minute;
//! sends the texts of the real one; breaks connections and loses answers when
//! told to; and writes down what really happened in a [`Ledger`]. It shares no
//! code with the layers, so a mistake of theirs is not its mistake as well.
//!
//! It is a [`Service`](tower_service::Service) under Tokio's clock, paused or
//! not, and [`Simulator::serve`] puts it on a socket. The same seed and the
//! same requests at the same times get the same answers.
//!
//! # Example
//!
//! ```
//! use http::Request;
//! use tower::ServiceExt;
//! use tower_tiktok::simulator::{Fault, Script, Simulator};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tiktok = Simulator::builder()
//!     // The first campaign is created, and nobody hears of it.
//!     .script(Script::new(Fault::LostAnswer).path("/campaign/create/"))
//!     .build()?;
//!
//! let campaign = r#"{
//!     "advertiser_id": "7", "campaign_name": "spring", "objective_type": "TRAFFIC"
//! }"#;
//! for _ in 0..2 {
//!     let request = Request::post("/open_api/v1.3/campaign/create/")
//!         .header("Access-Token", "any")
//!         .body(campaign.to_owned())?;
//!     let _ = tiktok.clone().oneshot(request).await;
//! }
//!
//! let ledger = tiktok.ledger();
//! assert_eq!(ledger.total.lost_answers, 1);
//! assert_eq!(ledger.total.duplicated, 1); // what a careless retry costs
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//!
//! It takes the place of the client, innermost, below every layer.
//!
//! # What is known of the real one, and what is not
//!
//! Numbers and texts are TikTok's own. Not documented, and so a setting: whether
//! endpoints share the app's budget ([`Sharing`]), how windows run
//! ([`WindowKind`]), whether refused calls count
//! ([`count_refused`](SimulatorBuilder::count_refused)), how many calls an
//! advertiser or a pixel may make. Not simulated: the 500 asynchronous reports
//! an hour for each user, bids, budgets, audiences and reviews.
//!
//! # Cancel safety
//!
//! As with a real server, a request that was sent is carried out whether or
//! not anyone waits for the answer; the [`Ledger`] counts it as `abandoned`.
//!
//! # Clone
//!
//! Clones are one simulator.

mod answers;
mod api;
mod backend;
mod body;
mod build;
mod builder;
mod call;
mod carry;
mod chance;
mod clock;
mod fault;
mod future;
mod latency;
mod ledger;
mod level;
mod limits;
mod memory;
mod multipart;
mod objects;
mod penalty;
mod recorder;
mod reply;
mod routes;
mod script;
mod sent;
mod server;
mod service;
mod tasks;
mod texts;
mod tokens;
mod window;

pub use self::{
    answers::Refusals,
    body::{SimBody, SimulatorError},
    build::InvalidSimulator,
    builder::SimulatorBuilder,
    fault::{Fault, Faults},
    future::ResponseFuture,
    latency::Latency,
    ledger::{Issued, Ledger, Made, Refused, Second, Suspension, Tally},
    level::{Level, Limits, Sharing},
    script::Script,
    server::Server,
    service::Simulator,
    window::WindowKind,
};
