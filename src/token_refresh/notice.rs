use super::{TokenKey, TokenStopped, TokenUnavailable};

/// Something about a token that somebody may want to know, said once.
///
/// Also told through [`tracing`], so a hook is for alerts and metrics.
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
    pub(super) fn trace(self) {
        #[cfg(feature = "metrics")]
        match self {
            Self::Refreshed(_) => crate::metrics::refreshed(true),
            Self::RefreshFailed(_) => crate::metrics::refreshed(false),
            Self::Stopped(_) | Self::Resumed(_) => {}
        }
        match self {
            Self::Stopped(stopped) => {
                tracing::error!(
                    key = stopped.key().as_str(),
                    account = stopped.account().map(AsRef::<str>::as_ref),
                    endpoint = stopped.endpoint(),
                    "{stopped}"
                );
            }
            Self::Resumed(key) => tracing::info!(key = key.as_str(), "the token goes on"),
            Self::Refreshed(key) => tracing::debug!(key = key.as_str(), "the token was refreshed"),
            Self::RefreshFailed(failed) => {
                tracing::warn!(key = failed.key().as_str(), "{failed}");
            }
        }
    }
}
