use super::{TokenKey, TokenStopped, TokenUnavailable};
use crate::classify::Classification;

/// Something about a token that somebody may want to know, said once.
///
/// Also told through [`tracing`], but for what may not stand in a log: the
/// account, also where it is the token's key, and the text of the source's error,
/// which may hold a secret.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TokenNotice<'a> {
    /// A token is stopped, for all or for one account. A person must act.
    Stopped(&'a TokenStopped),
    /// A stop is over: the server took the token again, a new one was set, or
    /// the stop was cleared.
    Resumed(&'a TokenKey),
    /// The source gave a new token.
    Refreshed(&'a TokenKey),
    /// The source gave none, and will be asked again.
    RefreshFailed(&'a TokenUnavailable),
}

impl TokenNotice<'_> {
    /// `is_account`: the key is one.
    pub(super) fn trace(self, is_account: bool) {
        let name = |key: &'_ TokenKey| (!is_account).then(|| key.as_str().to_owned());
        #[cfg(feature = "metrics")]
        match self {
            Self::Refreshed(_) => crate::metrics::refreshed(true),
            Self::RefreshFailed(_) => crate::metrics::refreshed(false),
            Self::Stopped(_) | Self::Resumed(_) => {}
        }
        match self {
            Self::Stopped(stopped) => {
                let found = stopped.classification();
                tracing::error!(
                    key = name(stopped.key()),
                    url.template = stopped.endpoint(),
                    error.type = found.map_or("refresh", |found| found.class().as_str()),
                    code = found.and_then(Classification::code).map(tracing::field::display),
                    request_id = found.and_then(Classification::request_id),
                    log_id = found.and_then(Classification::log_id),
                    remedy = found.map(Classification::remedy),
                    "a token is stopped"
                );
            }
            Self::Resumed(key) => tracing::info!(key = name(key), "the token goes on"),
            Self::Refreshed(key) => tracing::debug!(key = name(key), "the token was refreshed"),
            Self::RefreshFailed(failed) => {
                tracing::warn!(key = name(failed.key()), "a token could not be refreshed");
            }
        }
    }
}
