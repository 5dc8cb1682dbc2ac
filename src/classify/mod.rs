//! Words for what an answer means, shared by all layers.
//!
//! One layer reads the body; every other layer reads the [`Classification`]
//! that it left in the response's extensions. So a classifier for another API
//! is all that another API needs: implement [`Classify`] and give it to
//! `ErrorClassifierLayer`.

mod class;
mod classification;
mod classifier;
mod throttle;

pub use self::{
    class::ErrorClass,
    classification::{ApiCode, Classification},
    classifier::{ByStatus, Classify, NoScan, Scan},
    throttle::{Throttle, ThrottleScope, ThrottleWindow},
};
