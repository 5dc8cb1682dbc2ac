use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::{
    UserGrant, UserTokensBuilder,
    exchange::{Exchange, sender},
};
use crate::{
    error::BoxError,
    token_refresh::{
        RefreshError, RefreshRequest, Refreshing, Secret, Token, TokenKey, TokenSource,
    },
};

pub(super) type Persisting = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;
pub(super) type Persist = Box<dyn Fn(UserGrant) -> Persisting + Send + Sync>;

/// The tokens of TikTok users, refreshed with refresh tokens that may rotate.
///
/// A refresh token that rotates is void once it was used, so the new one is
/// stored before anything else happens: first TikTok answers, then your
/// callback stores what it gave, then the new access token is used. If storing
/// fails, nothing is used yet, and it is tried again without asking TikTok
/// anew. A process that ends at any point after that finds the newest one
/// stored. What ends while TikTok's answer is on its way may lose it; nothing
/// on this side can help that.
///
/// # Example
/// ```
/// use std::{sync::{Arc, Mutex}, time::Duration};
///
/// use tower::{BoxError, Layer, ServiceExt};
/// use tower_tiktok::tiktok::{TikTokLayer, token::{self, UserGrant, UserTokens}};
/// # use tower_tiktok::simulator::Simulator;
/// # use bytes::Bytes;
/// # use http_body_util::Full;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), BoxError> {
/// # let client = Simulator::builder().tokens([""; 0]).refresh_tokens(["rft.1"]).build()?;
/// // In place of a database.
/// let stored = Arc::new(Mutex::new(None));
/// let database = Arc::clone(&stored);
/// let users = UserTokens::builder(client.clone(), "client-id", "client-secret")
///     .persist(move |grant: UserGrant| {
///         let database = Arc::clone(&database);
///         async move {
///             *database.lock().unwrap() = Some(grant.refresh_token().clone());
///             Ok(())
///         }
///     })
///     .refresh_token("default", "rft.1")
///     .build()?;
/// let client = TikTokLayer::builder()
///     .tokens(token::builder(users).build()?)
///     .build()
///     .layer(client);
///
/// let request = http::Request::get("/open_api/v1.3/user/info/").body(Full::<Bytes>::default())?;
/// let response = client.oneshot(request).await?;
/// assert!(response.status().is_success());
/// assert_ne!(stored.lock().unwrap().as_ref().unwrap().expose(), "rft.1");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct UserTokens {
    shared: Arc<Shared>,
}

struct Shared {
    exchange: Exchange,
    persist: Persist,
    users: Mutex<HashMap<TokenKey, User>>,
}

struct User {
    refresh_token: Secret,
    /// Given by TikTok, and not stored yet.
    unstored: Option<UserGrant>,
}

impl UserTokens {
    /// Tokens that this client gets, for the app with this id and secret.
    ///
    /// The client is one below the layer that bears the tokens, or another one.
    pub fn builder<S, R>(
        client: S,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> UserTokensBuilder
    where
        S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        R: Body<Data = Bytes> + Unpin + Send + 'static,
        R::Error: Into<BoxError> + Send,
    {
        UserTokensBuilder::new(sender(client), client_id.into(), client_secret.into())
    }

    pub(super) fn new(
        exchange: Exchange,
        persist: Persist,
        refresh_tokens: Vec<(TokenKey, Secret)>,
    ) -> Self {
        let tokens = Self {
            shared: Arc::new(Shared {
                exchange,
                persist,
                users: Mutex::default(),
            }),
        };
        for (key, secret) in refresh_tokens {
            tokens.set_refresh_token(key, secret);
        }
        tokens
    }

    /// Sets the refresh token of a user, such as one who has authorised the app
    /// just now.
    pub fn set_refresh_token(&self, key: impl Into<TokenKey>, secret: impl Into<Secret>) {
        let user = User {
            refresh_token: secret.into(),
            unstored: None,
        };
        self.shared.users().insert(key.into(), user);
    }
}

impl Shared {
    fn users(&self) -> MutexGuard<'_, HashMap<TokenKey, User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn refresh(&self, key: TokenKey) -> Result<Token, RefreshError> {
        let known = self.users().get(&key).map(|user| {
            let token = user.refresh_token.clone();
            (token, user.unstored.clone())
        });
        let Some((refresh_token, unstored)) = known else {
            return Err(RefreshError::refused(
                "no refresh token was set; send the user through the authorisation page",
            ));
        };
        let grant = match unstored {
            Some(grant) => grant,
            None => {
                let exchanged = self.exchange.refresh(key.clone(), refresh_token.clone());
                let grant = exchanged.await?;
                // From here on it is not lost, whatever becomes of this future.
                self.note(&key, &refresh_token, |user| {
                    user.unstored = Some(grant.clone())
                });
                grant
            }
        };
        (self.persist)(grant.clone())
            .await
            .map_err(RefreshError::passing)?;
        let expires = grant.received.checked_add(grant.expires_in);
        self.note(&key, &refresh_token, |user| {
            user.refresh_token = grant.refresh_token;
            user.unstored = None;
        });
        let token = Token::new(grant.access_token)?;
        Ok(match expires {
            Some(expires) => token.expires_at(expires),
            None => token,
        })
    }

    /// Unless another refresh token was set meanwhile.
    fn note(&self, key: &TokenKey, before: &Secret, write: impl FnOnce(&mut User)) {
        let mut users = self.users();
        if let Some(user) = users
            .get_mut(key)
            .filter(|user| user.refresh_token == *before)
        {
            write(user);
        }
    }
}

impl TokenSource for UserTokens {
    fn refresh(&self, wanted: RefreshRequest) -> Refreshing {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.refresh(wanted.key().clone()).await })
    }
}

impl fmt::Debug for UserTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokens")
            .field("uri", &self.shared.exchange.uri)
            .finish_non_exhaustive()
    }
}
