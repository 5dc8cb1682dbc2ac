use std::time::Duration;

use tokio::time::Instant;

use crate::token_refresh::{Secret, TokenKey};

/// What TikTok gave in exchange for a refresh token. To be stored.
#[derive(Clone, Debug)]
pub struct UserGrant {
    pub(super) key: TokenKey,
    pub(super) access_token: Secret,
    pub(super) expires_in: Duration,
    pub(super) received: Instant,
    pub(super) refresh_token: Secret,
    pub(super) refresh_expires_in: Option<Duration>,
    pub(super) open_id: Option<String>,
}

impl UserGrant {
    /// Whose it is, as named to
    /// [`UserTokensBuilder::refresh_token`](super::UserTokensBuilder::refresh_token).
    #[must_use]
    pub fn key(&self) -> &TokenKey {
        &self.key
    }

    /// The new access token.
    #[must_use]
    pub fn access_token(&self) -> &Secret {
        &self.access_token
    }

    /// How long it is good, counted from when it came.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }

    /// The refresh token to use from now on. The one before may be void.
    #[must_use]
    pub fn refresh_token(&self) -> &Secret {
        &self.refresh_token
    }

    /// How long that is good, if TikTok says so.
    #[must_use]
    pub fn refresh_expires_in(&self) -> Option<Duration> {
        self.refresh_expires_in
    }

    /// TikTok's id of the user, if it says so.
    #[must_use]
    pub fn open_id(&self) -> Option<&str> {
        self.open_id.as_deref()
    }
}
