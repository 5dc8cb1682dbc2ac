use std::{collections::HashMap, error::Error, fmt, time::Duration};

use http::HeaderName;

use super::{TikTokClassify, TikTokErrorClassifierLayer};
use crate::{
    classify::{ApiCode, ErrorClass},
    error_classifier::{ErrorClassifierLayer, InvalidErrorClassifier},
    tiktok::{
        codes::{Api, CodeRule, CodeTable, MessagePattern, WriteRetry, as_read},
        endpoints::find,
        partial::{PartialRule, PartialRules},
    },
};

/// Builds a [`TikTokErrorClassifierLayer`].
#[derive(Clone, Debug, Default)]
pub struct TikTokErrorClassifierBuilder {
    api: Api,
    codes: Vec<(ApiCode, CodeRule)>,
    patterns: Vec<MessagePattern>,
    partial: Vec<PartialRule>,
    peek_limit: Option<usize>,
    peek_timeout: Option<Duration>,
}

impl TikTokErrorClassifierBuilder {
    /// Sets which API answers. The default is [`Api::Marketing`].
    #[must_use]
    pub fn api(mut self, api: Api) -> Self {
        self.api = api;
        self
    }

    /// Says what a code means, whether it is in the table or not. The code is
    /// a number, or a word of the v2 API; a class alone will do for a rule.
    ///
    /// Its message changes nothing about it any more, but for the window of a
    /// limit. Writes are sent again only if the rule says
    /// [`WriteRetry::Safe`].
    #[must_use]
    pub fn code(mut self, code: impl Into<ApiCode>, rule: impl Into<CodeRule>) -> Self {
        self.codes.push((as_read(code.into()), rule.into()));
        self
    }

    /// Says what a message means. Patterns outrank codes, and the first one
    /// given that fits is taken.
    #[must_use]
    pub fn message_pattern(mut self, pattern: MessagePattern) -> Self {
        self.patterns.push(pattern);
        self
    }

    /// Says how an endpoint tells that a part failed, under the code of a
    /// success. It takes the place of the rule that the [table] has for this
    /// endpoint.
    ///
    /// [table]: crate::tiktok::partial
    #[must_use]
    pub fn partial(mut self, rule: PartialRule) -> Self {
        self.partial.push(rule);
        self
    }

    /// Sets how many bytes of a body are looked at, at most. The default is
    /// 64 KiB.
    ///
    /// With a smaller limit, a code after much data is missed, and the answer
    /// goes by its status; with a larger one, such answers hold more memory.
    #[must_use]
    pub fn peek_limit(mut self, bytes: usize) -> Self {
        self.peek_limit = Some(bytes);
        self
    }

    /// Sets how long a body is awaited, from the first time it has nothing
    /// ready. The default is 10 seconds.
    ///
    /// With a smaller timeout, slow answers go by their status; with a larger
    /// one, a stalled body keeps its caller waiting.
    #[must_use]
    pub fn peek_timeout(mut self, timeout: Duration) -> Self {
        self.peek_timeout = Some(timeout);
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    /// If a code was given twice, or is the one that means success; if a
    /// success may be sent again as a write; if a pattern has no text; if two
    /// rules are for one endpoint, or one is for what is no path; or if the
    /// limit or the timeout is zero.
    pub fn build(self) -> Result<TikTokErrorClassifierLayer, InvalidTikTokErrorClassifier> {
        let patterned = self.patterns.iter().map(MessagePattern::rule);
        let rules = self.codes.iter().map(|(_, rule)| rule);
        if rules.chain(patterned).any(resends_a_success) {
            return Err(InvalidTikTokErrorClassifier::ResentSuccess);
        }
        if self
            .patterns
            .iter()
            .any(|pattern| pattern.text().is_empty())
        {
            return Err(InvalidTikTokErrorClassifier::EmptyPattern);
        }
        let mut codes = HashMap::with_capacity(self.codes.len());
        for (code, rule) in self.codes {
            if is_success(&code) {
                return Err(InvalidTikTokErrorClassifier::SuccessCode(code));
            }
            if codes.insert(code.clone(), rule).is_some() {
                return Err(InvalidTikTokErrorClassifier::DuplicateCode(code));
            }
        }
        for (number, rule) in self.partial.iter().enumerate() {
            let endpoint = rule.endpoint();
            let names_header = rule.header().is_none_or(is_header_name);
            if !find::is_template(endpoint) || !names_header {
                return Err(InvalidTikTokErrorClassifier::PartialRule(endpoint));
            }
            let earlier = &self.partial[..number];
            if earlier.iter().any(|other| other.endpoint() == endpoint) {
                return Err(InvalidTikTokErrorClassifier::DuplicatePartialRule(endpoint));
            }
        }
        let table = CodeTable::with_all(self.api, codes, self.patterns);
        let classify = TikTokClassify::new(table).with_partial(PartialRules::with(self.partial));
        let mut layer = ErrorClassifierLayer::builder(classify);
        if let Some(limit) = self.peek_limit {
            layer = layer.peek_limit(limit);
        }
        if let Some(timeout) = self.peek_timeout {
            layer = layer.peek_timeout(timeout);
        }
        match layer.build() {
            Ok(inner) => Ok(TikTokErrorClassifierLayer { inner }),
            Err(error) => Err(InvalidTikTokErrorClassifier::Peek(error)),
        }
    }
}

/// NOTE: a scan stops at these, before a table is asked.
fn is_success(code: &ApiCode) -> bool {
    *code == ApiCode::Number(0) || *code == ApiCode::from("ok")
}

fn is_header_name(name: &str) -> bool {
    name.parse::<HeaderName>().is_ok()
}

/// A success was carried out, so sending it again makes a duplicate.
fn resends_a_success(rule: &CodeRule) -> bool {
    matches!(
        rule.class(),
        ErrorClass::Success | ErrorClass::PartialSuccess
    ) && rule.write_retry() == WriteRetry::Safe
}

/// The settings of a [`TikTokErrorClassifierLayer`] make no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTikTokErrorClassifier {
    /// Two rules for one code.
    DuplicateCode(ApiCode),
    /// A rule for the code that means success.
    SuccessCode(ApiCode),
    /// A write that succeeded would be sent again.
    ResentSuccess,
    /// A pattern without a text would fit every message.
    EmptyPattern,
    /// A rule for partial failures whose endpoint is not `/a/b/`, or whose
    /// header is none.
    PartialRule(&'static str),
    /// Two rules for partial failures at one endpoint.
    DuplicatePartialRule(&'static str),
    /// The bounds of the peek make no sense.
    Peek(InvalidErrorClassifier),
}

impl fmt::Display for InvalidTikTokErrorClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateCode(code) => write!(f, "two rules for code {code}"),
            Self::SuccessCode(code) => write!(f, "a rule for code {code}, which means success"),
            Self::ResentSuccess => f.write_str("a success is called safe to send again"),
            Self::EmptyPattern => f.write_str("a message pattern has no text"),
            Self::PartialRule(endpoint) => write!(
                f,
                "the rule for partial failures at {endpoint:?} names no endpoint or no header"
            ),
            Self::DuplicatePartialRule(endpoint) => {
                write!(f, "two rules for partial failures at {endpoint}")
            }
            Self::Peek(_) => f.write_str("the bounds of the peek make no sense"),
        }
    }
}

impl Error for InvalidTikTokErrorClassifier {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Peek(error) => Some(error),
            _ => None,
        }
    }
}
