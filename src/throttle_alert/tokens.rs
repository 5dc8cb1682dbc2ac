//! What the tokens of a token layer show.

use super::{AlertKind, AlertScope, Finding, Severity};
use crate::{
    classify::{Classification, ThrottleScope},
    token_refresh::{TokenKey, TokenRefreshHandle, TokenStopped},
};

/// A refresh that failed less often in a row may only have met a bad moment.
const FAILURES: u32 = 3;

pub(super) fn look(tokens: &TokenRefreshHandle) -> Vec<Finding> {
    let now = tokio::time::Instant::now();
    let mut found = Vec::new();
    for token in tokens.troubled() {
        // What is over by the clock is not known to be wrong any more.
        let lasts = |stop: &&TokenStopped| stop.until().is_none_or(|until| now < until);
        found.extend(token.stops.iter().filter(lasts).map(stopped));
        if token.stops.is_empty() && token.failures >= FAILURES {
            found.push(unavailable(&token.key));
        }
    }
    found
}

fn stopped(stop: &TokenStopped) -> Finding {
    let account = stop.account().cloned();
    let endpoint = stop.endpoint().map(Into::into);
    let kind = match (&account, &endpoint) {
        (Some(_), _) => ThrottleScope::AccountEndpoint,
        (None, Some(_)) => ThrottleScope::AppEndpoint,
        (None, None) => ThrottleScope::App,
    };
    let scope = AlertScope::new(kind, account, endpoint).with_token_key(stop.key().as_str());
    let mut finding = Finding::new(AlertKind::TokenRefused, scope);
    if kind != ThrottleScope::App {
        // The token is good for all the rest.
        finding = finding.with_severity(Severity::Warning);
    }
    let found = stop.classification();
    if let Some(id) = found.and_then(Classification::request_id) {
        finding = finding.with_request_id(id);
    }
    match found.map_or("", Classification::remedy) {
        "" => finding,
        remedy => finding.with_remedy(remedy.to_owned()),
    }
}

fn unavailable(key: &TokenKey) -> Finding {
    let scope = AlertScope::app().with_token_key(key.as_str());
    Finding::new(AlertKind::TokenRefused, scope)
        .with_remedy("Look why no new token is to be had: without one nothing is sent.")
}
