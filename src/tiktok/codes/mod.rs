//! What TikTok's codes mean, as tables one can read aloud.
//!
//! A code is a number that says less than one would like. 40100 is a rate
//! limit in the official documentation and an invalid token in the guides;
//! 40002 stands for a misspelt field, for a missing permission and for an
//! audience that is not ready. So a line of the table says what a code means,
//! whether a write that got it may be sent again, and what a person should
//! do; and a second table says which messages change that.
//!
//! Three decisions are not TikTok's. 40113 (the app is blocked, absent, or not
//! the app of the token) is a missing permission here, because one must act on
//! the app and not on the token. 40103 and 40115 (the refresh token, or the
//! timestamp of an authorisation, has expired) count as an expired token, but
//! no refresh cures them: they come from the endpoints that give out tokens,
//! and their remedy is to authorise again. 40002 about an audience that is
//! being updated is not ready, but only reads are sent again for it.
//!
//! A write is called safe to send again only for codes that say that nothing
//! was done, and that are known: never for a code that is not in the table,
//! and never for what only a message tells.
//!
//! The [reference](mod@reference) lists them all.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use tower_tiktok::classify::{ErrorClass, ThrottleWindow};
//! use tower_tiktok::tiktok::codes::classify_code;
//!
//! let found = classify_code(40_100, "App 7 reaches the QPS limit 10, current QPS is 11");
//! assert_eq!(found.class(), ErrorClass::RateLimited);
//! assert!(found.is_refused());
//!
//! let throttle = found.throttle().expect("a limit");
//! assert_eq!(throttle.window(), ThrottleWindow::Second);
//! assert_eq!(throttle.wait(0), Some(Duration::from_secs(1)));
//!
//! let found = classify_code(40_100, "Access token is invalid.");
//! assert_eq!(found.class(), ErrorClass::TokenInvalid);
//! ```

mod api;
mod marketing;
mod message;
mod pattern;
pub mod reference;
pub(in crate::tiktok) mod remedy;
mod rule;
mod siblings;
mod table;
mod text;
mod wait;
mod words;

pub use self::{
    api::Api,
    pattern::MessagePattern,
    rule::{CodeRule, WriteRetry},
    table::CodeTable,
};
pub(in crate::tiktok) use self::{
    message::limit_in_text,
    table::Found,
    text::{contains, cut},
    wait::throttle_by_status,
};

use crate::classify::{ApiCode, Classification};

/// What a code of the Marketing API with this message means. A limit per day
/// is waited out until midnight by this machine's clock.
#[must_use]
pub fn classify_code(code: impl Into<ApiCode>, message: &str) -> Classification {
    let code = as_read(code.into());
    CodeTable::new(Api::Marketing).classify(&code, message, crate::wall_clock::now())
}

/// The code as it is read from a body, where "40100" is a number, too.
pub(in crate::tiktok) fn as_read(code: ApiCode) -> ApiCode {
    match code {
        ApiCode::Text(text) => match text.trim().parse() {
            Ok(number) => ApiCode::Number(number),
            Err(_) => ApiCode::Text(text),
        },
        number @ ApiCode::Number(_) => number,
    }
}
