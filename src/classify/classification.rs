use std::{borrow::Cow, fmt};

use super::{ErrorClass, Throttle};

/// The code an API gave: a number or a word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiCode {
    /// A number, such as `40100`.
    Number(i64),
    /// A word, such as `rate_limit_exceeded`.
    Text(Box<str>),
}

impl ApiCode {
    /// The number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

impl fmt::Display for ApiCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<i64> for ApiCode {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for ApiCode {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// What an answer says about sending the same request again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resend {
    /// Nothing was done: any request may be sent again.
    Refused,
    /// It is up to the class and the operation.
    Open,
    /// A second copy cannot fare better.
    Final,
}

/// What an answer means, found by the layer that reads the body and left in
/// the response's extensions for all the others.
///
/// A success that the HTTP status already tells leaves none; see
/// [`ErrorClass::of`].
///
/// # Example
/// ```
/// use tower_tiktok::classify::{Classification, ErrorClass};
///
/// let found = Classification::new(ErrorClass::RateLimited)
///     .with_code(40_100)
///     .with_refused(true);
/// assert_eq!(found.code().and_then(|code| code.as_number()), Some(40_100));
/// assert!(found.is_refused());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    class: ErrorClass,
    resend: Resend,
    code: Option<ApiCode>,
    message: Option<Box<str>>,
    request_id: Option<Box<str>>,
    log_id: Option<Box<str>>,
    throttle: Option<Throttle>,
    cause: &'static str,
    remedy: Cow<'static, str>,
}

impl Classification {
    /// A classification that knows its class only.
    #[must_use]
    pub fn new(class: ErrorClass) -> Self {
        Self {
            class,
            resend: Resend::Open,
            code: None,
            message: None,
            request_id: None,
            log_id: None,
            throttle: None,
            cause: "",
            remedy: Cow::Borrowed(""),
        }
    }

    /// Sets the API's code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<ApiCode>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets the API's message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Box<str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets the request id that the body gave.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Sets the log id that a header gave.
    #[must_use]
    pub fn with_log_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.log_id = Some(id.into());
        self
    }

    /// Sets what is known of the limit that was reached.
    #[must_use]
    pub fn with_throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = Some(throttle);
        self
    }

    /// Says that the request was turned away before anything was done, so
    /// that even a write may be sent again. The default is `false`.
    #[must_use]
    pub fn with_refused(mut self, refused: bool) -> Self {
        self.resend = if refused {
            Resend::Refused
        } else {
            Resend::Open
        };
        self
    }

    /// Says that a second copy of the request cannot fare better, such as one
    /// that asks for a name that is taken. It is not sent again, whatever its
    /// class, and takes back [`with_refused`](Self::with_refused). The
    /// default is `false`.
    #[must_use]
    pub fn with_final(mut self, is_final: bool) -> Self {
        self.resend = if is_final {
            Resend::Final
        } else {
            Resend::Open
        };
        self
    }

    /// Sets the few words that tell a person why it is so.
    #[must_use]
    pub fn with_cause(mut self, cause: &'static str) -> Self {
        self.cause = cause;
        self
    }

    /// Sets the sentence that tells a person what to do.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// What the answer means.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// Whether the request was turned away before anything was done.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.resend == Resend::Refused
    }

    /// Whether a second copy of the request cannot fare better.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.resend == Resend::Final
    }

    /// The API's code, if the body gave one.
    #[must_use]
    pub fn code(&self) -> Option<&ApiCode> {
        self.code.as_ref()
    }

    /// The API's message, if the body gave one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The request id that the body gave.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The log id that a header gave.
    #[must_use]
    pub fn log_id(&self) -> Option<&str> {
        self.log_id.as_deref()
    }

    /// What is known of the limit, for [`ErrorClass::RateLimited`].
    #[must_use]
    pub fn throttle(&self) -> Option<&Throttle> {
        self.throttle.as_ref()
    }

    /// A few words that tell a person why it is so, such as what a code stands
    /// for. Empty if nothing is known.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        self.cause
    }

    /// One sentence that tells a person what to do. Empty if nothing is known.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.class)?;
        if let Some(code) = &self.code {
            write!(f, " (code {code})")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " [request id {id}]")?;
        }
        Ok(())
    }
}
