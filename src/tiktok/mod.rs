//! What is known of TikTok alone: its codes, its envelope, its endpoints, and
//! the stack of all layers in the right order.

pub mod classifier;
pub mod codes;
pub mod context;
pub mod endpoints;
pub mod errors;
pub mod jobs;
pub mod partial;
pub mod quotas;
pub mod reconcile;
pub mod reports;
#[cfg(feature = "service-builder-ext")]
mod service_builder_ext;
pub mod stack;
pub mod token;

#[cfg(feature = "service-builder-ext")]
pub use self::service_builder_ext::ServiceBuilderExt;
pub use self::{
    classifier::{TikTokErrorClassifier, TikTokErrorClassifierLayer},
    codes::{Api, classify_code},
    context::{TikTokRequestContext, TikTokRequestContextLayer},
    endpoints::Endpoint,
    jobs::TikTokJobs,
    partial::PartialRule,
    quotas::{AccessLevel, TikTokQuotas},
    reconcile::ReadBackByName,
    reports::TikTokReads,
    stack::{TikTok, TikTokLayer},
};
