use std::collections::HashMap;

use super::{
    call::Call,
    clock::{Micros, SECOND},
    reply::Reply,
};

/// Which tokens are good.
#[derive(Debug)]
pub(super) struct Tokens {
    /// Only tokens that were issued are good; otherwise any that is not empty.
    strict: bool,
    /// How long a refreshed token lives.
    lifetime: Micros,
    access: HashMap<String, State>,
    refresh: HashMap<String, State>,
    issued: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Good { until: Option<Micros> },
    Revoked,
}

impl Tokens {
    pub(super) fn new(strict: bool, lifetime: Micros) -> Self {
        Self {
            strict,
            lifetime,
            access: HashMap::new(),
            refresh: HashMap::new(),
            issued: 0,
        }
    }

    pub(super) fn issue(&mut self, token: &str, until: Option<Micros>) {
        self.access.insert(token.to_owned(), State::Good { until });
    }

    pub(super) fn issue_refresh(&mut self, token: &str, until: Option<Micros>) {
        self.refresh.insert(token.to_owned(), State::Good { until });
    }

    pub(super) fn revoke(&mut self, token: &str) {
        self.access.insert(token.to_owned(), State::Revoked);
    }

    pub(super) fn check(&self, now: Micros, token: Option<&str>) -> Result<(), Reply> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Err(Reply::error(
                40_104,
                "Access token is null, you should set it in http header with key Access-Token.",
            ));
        };
        let wrong = || Reply::error(40_105, "Access token is incorrect or has been revoked.");
        match self.access.get(token) {
            Some(State::Good { until: Some(until) }) if now >= *until => {
                Err(Reply::error(40_102, "The access token has expired."))
            }
            Some(State::Good { .. }) => Ok(()),
            Some(State::Revoked) => Err(wrong()),
            None if self.strict || token.starts_with("Bearer ") => Err(wrong()),
            None => Ok(()),
        }
    }

    /// `oauth2/access_token` and `tt_user/oauth2/token`.
    pub(super) fn exchange(&mut self, now: Micros, tt_user: bool) -> Reply {
        let token = self.fresh("act");
        if !tt_user {
            self.issue(&token, None);
            return Reply::ok(serde_json::json!({
                "access_token": token, "scope": [4], "advertiser_ids": [],
            }));
        }
        self.issue(&token, self.until(now));
        let refresh = self.fresh("rft");
        self.issue_refresh(&refresh, None);
        self.pair(&token, &refresh)
    }

    /// `tt_user/oauth2/refresh_token`. The refresh token rotates.
    pub(super) fn refresh(&mut self, now: Micros, call: &Call) -> Reply {
        if call
            .text("grant_type")
            .is_some_and(|kind| kind != "refresh_token")
        {
            return Reply::error(40_108, "Invalid value for grant_type: it is not supported.");
        }
        let Some(old) = call.text("refresh_token") else {
            return Reply::missing("refresh_token");
        };
        match self.refresh.get(&old) {
            Some(State::Good { until: Some(until) }) if now >= *until => {
                return Reply::error(40_103, "The refresh token has expired.");
            }
            Some(State::Good { .. }) => {}
            None if self.refresh.is_empty() && !self.strict => {}
            _ => return Reply::error(40_107, "Invalid or incorrect refresh token."),
        }
        let (token, refresh) = (self.fresh("act"), self.fresh("rft"));
        self.refresh.insert(old, State::Revoked);
        self.issue(&token, self.until(now));
        self.issue_refresh(&refresh, None);
        self.pair(&token, &refresh)
    }

    fn pair(&self, token: &str, refresh: &str) -> Reply {
        Reply::ok(serde_json::json!({
            "access_token": token,
            "expires_in": self.lifetime / SECOND,
            "refresh_token": refresh,
            "refresh_token_expires_in": 31_536_000,
            "token_type": "Bearer",
            "open_id": "simulated",
        }))
    }

    fn until(&self, now: Micros) -> Option<Micros> {
        Some(now.saturating_add(self.lifetime))
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("{kind}.simulated{:06}", self.issued)
    }
}
