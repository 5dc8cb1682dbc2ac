//! What TikTok says, word for word.

use super::{
    answers::Refusals, backend::Backend, chance::Chance, fault::Fault, limits::Refusal,
    reply::Reply, routes::Route,
};

/// The answer of a fault that keeps the call from being carried out.
pub(super) fn instead(route: &Route, fault: Fault) -> Option<Reply> {
    match fault {
        Fault::ServerError {
            code,
            applied: false,
        } => Some(server_error(code)),
        Fault::Throttle => Some(Reply::error(40_100, "App reaches the QPS limit.")),
        Fault::Maintenance => Some(maintenance()),
        Fault::WriteConflict if route.writes && !route.is_token() => Some(Reply::error(
            40_202,
            "Write or update entity conflict. Retry may resolve this issue.",
        )),
        _ => None,
    }
}

/// The envelope of an answer that was ordered, or else its text.
pub(super) fn answer(fault: Fault) -> Result<Reply, &'static str> {
    match fault {
        Fault::Answer {
            code: Some(code),
            message,
            ..
        } => Ok(Reply::error(code, message)),
        Fault::Answer { message, .. } => Err(message),
        _ => Err(""),
    }
}

pub(super) fn server_error(code: i64) -> Reply {
    let message = match code {
        50_002 => "Error processing request on TikTok side. Please see error message for details.",
        51_010 => "internal service timed out",
        _ => "System error.",
    };
    Reply::error(code, message)
}

pub(super) fn maintenance() -> Reply {
    Reply::error(60_001, "The system is in maintenance.")
}

impl Backend {
    pub(super) fn refusal(&self, refusal: Refusal, chance: &mut Chance) -> Reply {
        let app = &self.settings.app_id;
        let vary = self.answers.vary;
        match refusal {
            Refusal::Second { limit, current } => {
                let code = if vary && chance.once_in(20) {
                    40_016
                } else {
                    40_100
                };
                if self.settings.refusals == Refusals::Vague || vary && chance.once_in(16) {
                    return Reply::error(code, "Too many requests. Please retry in some time.");
                }
                let stop = if self.settings.sandbox { "." } else { "" };
                let text = format!(
                    "App {app} reaches the QPS limit {limit}, current QPS is {current}{stop}"
                );
                Reply::error(code, text)
            }
            // What the real one says to whom it does not shut out is not known.
            Refusal::Penalty | Refusal::Minute { until: None } => {
                Reply::error(40_100, "Too many requests. Please retry in some time.")
            }
            Refusal::Minute { .. } | Refusal::Suspended { .. } | Refusal::Day => Reply::error(
                40_100,
                format!(
                    "Due to too many requests, requests from App {app} are temporarily restricted."
                ),
            ),
            Refusal::Advertiser {
                who,
                limit,
                current,
            } => {
                let who = self.world.advertisers.name(who);
                let text = format!(
                    "Advertiser ({who})'s QPS ({current}) reaches QPS limit {limit} for current path, request is temporarily restricted."
                );
                Reply::error(40_133, text)
            }
            Refusal::Field => {
                Reply::error(40_132, "The request QPS is limited by pixel_code's value.")
            }
        }
    }
}
