use std::{collections::HashMap, time::SystemTime};

use super::{
    Api, CodeRule, MessagePattern, WriteRetry, marketing, message, remedy, siblings, wait, words,
};
use crate::classify::{
    ApiCode, Classification,
    ErrorClass::{Conflict, Permanent, RateLimited, Transient, Unknown},
    ThrottleScope,
};

/// What the codes of one [`Api`] mean, together with what a user has added.
///
/// # Example
/// ```
/// use tower_tiktok::classify::ErrorClass;
/// use tower_tiktok::tiktok::codes::{Api, CodeTable, WriteRetry};
///
/// let table = CodeTable::new(Api::Marketing);
/// let rule = table.rule(&40_202.into()).expect("a known code");
/// assert_eq!(rule.class(), ErrorClass::Conflict);
/// assert_eq!(rule.write_retry(), WriteRetry::Unknown);
/// assert!(table.rule(&40_999.into()).is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct CodeTable {
    api: Api,
    added: HashMap<ApiCode, CodeRule>,
    patterns: Vec<MessagePattern>,
}

/// What was found out about a code.
#[derive(Clone, Copy, Debug)]
pub(in crate::tiktok) enum Found<'a> {
    /// The code, or the message with it, tells.
    Known(&'a CodeRule),
    /// No table has it; this is what its number suggests.
    Guessed(&'a CodeRule),
}

impl<'a> Found<'a> {
    pub(in crate::tiktok) fn rule(self) -> &'a CodeRule {
        match self {
            Self::Known(rule) | Self::Guessed(rule) => rule,
        }
    }
}

/// Official ranges, where nothing else is known: 4xxxx are mistakes of the
/// client, 5xxxx failures of the server. Those below zero were only seen for
/// a client that is shut out.
static CLIENT_RANGE: CodeRule = words::rule(Permanent, remedy::UNKNOWN_CODE)
    .because("the code is not documented; its number is that of a client's mistake");
static SERVER_RANGE: CodeRule = words::rule(Transient, remedy::SERVER)
    .because("the code is not documented; its number is that of a server's failure");
static NO_RANGE: CodeRule =
    words::rule(Unknown, remedy::UNKNOWN_CODE).because("the code is not documented");

impl CodeTable {
    /// The table of an API, as this crate knows it.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self {
            api,
            ..Self::default()
        }
    }

    pub(in crate::tiktok) fn with_all(
        api: Api,
        added: HashMap<ApiCode, CodeRule>,
        patterns: Vec<MessagePattern>,
    ) -> Self {
        Self {
            api,
            added,
            patterns,
        }
    }

    /// The API whose codes these are.
    #[must_use]
    pub fn api(&self) -> Api {
        self.api
    }

    /// What a code means whatever the message says. `None` if it is not known.
    #[must_use]
    pub fn rule(&self, code: &ApiCode) -> Option<&CodeRule> {
        self.added.get(code).or_else(|| self.built_in(code))
    }

    /// What an answer with this code and this message means. `now` is the
    /// server's time; a limit per day is waited out until its midnight.
    #[must_use]
    pub fn classify(&self, code: &ApiCode, message: &str, now: SystemTime) -> Classification {
        self.verdict(self.find(code, message).rule(), message, now)
            .with_code(code.clone())
    }

    /// What a code with this message means: a user's patterns first, then a
    /// user's codes, then what this crate knows of the message, then of the
    /// code.
    pub(in crate::tiktok) fn find(&self, code: &ApiCode, message: &str) -> Found<'_> {
        if let Some(rule) = self.pattern(Some(code), message) {
            return Found::Known(rule);
        }
        if let Some(rule) = self.added.get(code) {
            return Found::Known(rule);
        }
        let alone = self.built_in(code);
        let number = code.as_number().filter(|_| self.api.is_marketing());
        if let (Some(number), Some(alone)) = (number, alone)
            && let Some(rule) = message::refine(number, alone, message)
        {
            return Found::Known(rule);
        }
        if let Some(rule) = message::limit(number, alone, message) {
            return Found::Known(rule);
        }
        match (alone, number) {
            (Some(rule), _) => Found::Known(rule),
            (None, Some(40_000..=49_999 | ..0)) => Found::Guessed(&CLIENT_RANGE),
            (None, Some(50_000..=59_999)) => Found::Guessed(&SERVER_RANGE),
            (None, _) => Found::Guessed(&NO_RANGE),
        }
    }

    /// The user's rule for this message, if there is one.
    pub(in crate::tiktok) fn pattern(
        &self,
        code: Option<&ApiCode>,
        message: &str,
    ) -> Option<&CodeRule> {
        self.patterns
            .iter()
            .find(|pattern| pattern.holds(code, message))
            .map(MessagePattern::rule)
    }

    /// A rule, said of one answer.
    pub(in crate::tiktok) fn verdict(
        &self,
        rule: &CodeRule,
        message: &str,
        now: SystemTime,
    ) -> Classification {
        let mut verdict = Classification::new(rule.class())
            .with_refused(rule.write_retry() == WriteRetry::Safe)
            .with_cause(rule.cause())
            .with_remedy(rule.remedy_cow());
        if !message.is_empty() {
            verdict = verdict.with_message(message);
        }
        // It exists already, or the copy was recognised: one more fares no better.
        if rule.class() == Conflict && rule.write_retry() == WriteRetry::Unsafe {
            verdict = verdict.with_final(true);
        }
        if rule.class() == RateLimited {
            let scope = match rule.scope() {
                ThrottleScope::Unknown => message::scope(message),
                scope => scope,
            };
            let window = message::window(message, rule.window());
            let throttle = wait::throttle(self.api, scope, window, now);
            verdict = verdict.with_throttle(throttle.with_limit(message::number(message)));
        }
        verdict
    }

    fn built_in(&self, code: &ApiCode) -> Option<&'static CodeRule> {
        match (self.api, code) {
            (Api::Marketing | Api::Events, ApiCode::Number(code)) => {
                look_up(marketing::CODES, |known| known.cmp(code))
            }
            (Api::Shop, ApiCode::Number(code)) => look_up(siblings::SHOP, |known| known.cmp(code)),
            (Api::OpenV2, ApiCode::Text(code)) => {
                look_up(siblings::OPEN_V2, |known| (*known).cmp(code))
            }
            _ => None,
        }
    }
}

fn look_up<K>(
    codes: &'static [(K, CodeRule)],
    order: impl Fn(&K) -> std::cmp::Ordering,
) -> Option<&'static CodeRule> {
    let at = codes.binary_search_by(|(code, _)| order(code)).ok()?;
    Some(&codes[at].1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tables_are_sorted_and_no_code_is_in_them_twice() {
        assert!(marketing::CODES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(siblings::SHOP.is_sorted_by(|a, b| a.0 < b.0));
        assert!(siblings::OPEN_V2.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn everything_but_a_success_has_a_cause_and_a_remedy() {
        let numbers = marketing::CODES
            .iter()
            .chain(siblings::SHOP)
            .map(|(_, rule)| rule);
        for rule in numbers.chain(siblings::OPEN_V2.iter().map(|(_, rule)| rule)) {
            let remedy = rule.remedy();
            assert_eq!(rule.class().is_success(), remedy.is_empty(), "{rule:?}");
            assert!(remedy.is_empty() || remedy.ends_with('.'), "{rule:?}");
            assert_eq!(rule.cause().is_empty(), remedy.is_empty(), "{rule:?}");
        }
    }

    #[test]
    fn the_marketing_table_has_the_official_codes_and_one_more() {
        assert_eq!(marketing::CODES.len(), 172 + 1);
    }

    proptest! {
        #[test]
        fn an_unknown_code_is_never_refused(code: i64, message in ".{0,40}|.*(token|too many requests|QPS limit).*") {
            for api in [Api::Marketing, Api::Events, Api::OpenV2, Api::Shop] {
                let table = CodeTable::new(api);
                let code = ApiCode::Number(code);
                prop_assume!(table.rule(&code).is_none());
                let found = table.classify(&code, &message, SystemTime::UNIX_EPOCH);
                prop_assert!(!found.is_refused());
                prop_assert!(!found.class().is_success());
            }
        }
    }
}
