use super::{CodeRule, as_read, text::contains};
use crate::classify::ApiCode;

/// A text that decides what an answer means, given to a classifier by its
/// user.
///
/// # Example
/// ```
/// use tower_tiktok::classify::ErrorClass;
/// use tower_tiktok::tiktok::codes::MessagePattern;
///
/// // "budget is too low" is one of many things that 40002 stands for.
/// let pattern = MessagePattern::new("budget is too low", ErrorClass::Permanent).for_codes([40_002]);
/// assert_eq!(pattern.text(), "budget is too low");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePattern {
    text: Box<str>,
    codes: Vec<ApiCode>,
    rule: CodeRule,
}

impl MessagePattern {
    /// Any answer that is no success and whose message contains `text`. The
    /// case of ASCII letters does not matter.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>, rule: impl Into<CodeRule>) -> Self {
        Self {
            text: text.into(),
            codes: Vec::new(),
            rule: rule.into(),
        }
    }

    /// Only with one of these codes. The default is any code, or none.
    #[must_use]
    pub fn for_codes<T: Into<ApiCode>>(mut self, codes: impl IntoIterator<Item = T>) -> Self {
        self.codes = codes.into_iter().map(|code| as_read(code.into())).collect();
        self
    }

    /// The text that is looked for.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the answer means then.
    #[must_use]
    pub fn rule(&self) -> &CodeRule {
        &self.rule
    }

    pub(super) fn holds(&self, code: Option<&ApiCode>, message: &str) -> bool {
        let code_fits = self.codes.is_empty() || code.is_some_and(|code| self.codes.contains(code));
        code_fits && contains(message, &self.text)
    }
}
