//! Release requests as fast as their limits allow, and never faster.
#![expect(dead_code, reason = "what uses it comes next")]

mod hold;
mod queue;
mod quota;
mod share;
mod slab;
mod trips;
mod window;

pub use self::quota::{InvalidQuota, Quota, Span, Window};
