use std::borrow::Cow;

use crate::classify::{ErrorClass, ThrottleScope, ThrottleWindow};

/// Whether a write that got this answer may be sent again as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WriteRetry {
    /// It was turned away before anything was done.
    Safe,
    /// It was carried out, or may have been, or would fail again.
    Unsafe,
    /// Nobody knows. Treated as [`Unsafe`](Self::Unsafe).
    Unknown,
}

/// What one code means.
///
/// # Example
/// ```
/// use tower_tiktok::classify::{ErrorClass, ThrottleScope};
/// use tower_tiktok::tiktok::codes::{CodeRule, WriteRetry};
///
/// let rule = CodeRule::new(ErrorClass::RateLimited)
///     .with_scope(ThrottleScope::AppEndpoint)
///     .with_write_retry(WriteRetry::Safe)
///     .with_remedy("Ask for a higher limit.");
/// assert_eq!(rule.class(), ErrorClass::RateLimited);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRule {
    class: ErrorClass,
    pub(super) write_retry: WriteRetry,
    scope: ThrottleScope,
    window: ThrottleWindow,
    cause: &'static str,
    remedy: Cow<'static, str>,
}

impl CodeRule {
    /// A rule that knows the class only: nobody knows whether a write may be
    /// sent again, and whom a limit counts.
    #[must_use]
    pub const fn new(class: ErrorClass) -> Self {
        Self::with_all(class, WriteRetry::Unknown, Cow::Borrowed(""))
    }

    pub(super) const fn with_all(
        class: ErrorClass,
        write_retry: WriteRetry,
        remedy: Cow<'static, str>,
    ) -> Self {
        Self {
            class,
            write_retry,
            scope: ThrottleScope::Unknown,
            window: ThrottleWindow::Unknown,
            cause: "",
            remedy,
        }
    }

    pub(super) const fn because(mut self, cause: &'static str) -> Self {
        self.cause = cause;
        self
    }

    /// Sets whether a write may be sent again. The default is
    /// [`WriteRetry::Unknown`]; a wrong [`WriteRetry::Safe`] makes duplicates.
    #[must_use]
    pub const fn with_write_retry(mut self, write_retry: WriteRetry) -> Self {
        self.write_retry = write_retry;
        self
    }

    /// Sets whom the limit counts, for [`ErrorClass::RateLimited`].
    #[must_use]
    pub const fn with_scope(mut self, scope: ThrottleScope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets over which time the limit counts where the message does not say,
    /// for [`ErrorClass::RateLimited`].
    #[must_use]
    pub const fn with_window(mut self, window: ThrottleWindow) -> Self {
        self.window = window;
        self
    }

    /// Sets the sentence that tells a person what to do.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// What the code means.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// Whether a write may be sent again.
    #[must_use]
    pub fn write_retry(&self) -> WriteRetry {
        self.write_retry
    }

    /// Whom the limit counts.
    #[must_use]
    pub fn scope(&self) -> ThrottleScope {
        self.scope
    }

    /// Over which time the limit counts where the message does not say.
    #[must_use]
    pub fn window(&self) -> ThrottleWindow {
        self.window
    }

    /// Why the code is given, in a few words. Empty for a success, and for a
    /// rule that a user made.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        self.cause
    }

    /// One sentence that tells a person what to do.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    pub(super) fn remedy_cow(&self) -> Cow<'static, str> {
        self.remedy.clone()
    }
}

impl From<ErrorClass> for CodeRule {
    fn from(class: ErrorClass) -> Self {
        Self::new(class)
    }
}
