use std::sync::Arc;

use tower_layer::Layer;

use super::{TokenRefresh, TokenRefreshBuilder, TokenRefreshHandle, TokenSource, tokens::Tokens};

/// Layer that applies [`TokenRefresh`]. See the [module docs](super).
///
/// All services that one layer, or its clones, make share their tokens.
#[derive(Clone, Debug)]
pub struct TokenRefreshLayer {
    tokens: Arc<Tokens>,
}

impl TokenRefreshLayer {
    /// Tokens are got from this source, and those that expire are refreshed
    /// there.
    pub fn builder(source: impl TokenSource) -> TokenRefreshBuilder {
        TokenRefreshBuilder::new(Arc::new(source))
    }

    pub(super) fn new(tokens: Tokens) -> Self {
        Self {
            tokens: Arc::new(tokens),
        }
    }

    /// Looks at tokens, sets new ones, and ends stops, while requests are under
    /// way.
    #[must_use]
    pub fn handle(&self) -> TokenRefreshHandle {
        TokenRefreshHandle::new(Arc::clone(&self.tokens))
    }
}

impl<S> Layer<S> for TokenRefreshLayer {
    type Service = TokenRefresh<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TokenRefresh::new(inner, Arc::clone(&self.tokens))
    }
}
