use super::rule::PartialRule;

/// The rules that a classifier goes by.
#[derive(Clone, Debug)]
pub(in crate::tiktok) struct PartialRules {
    rules: Vec<PartialRule>,
    /// A bit for each length of an endpoint's path: nearly all requests go
    /// elsewhere, and most of these are known by that alone.
    lengths: u64,
}

impl PartialRules {
    /// The user's rules, and those of TikTok's table for all other endpoints.
    pub(in crate::tiktok) fn with(own: Vec<PartialRule>) -> Self {
        let mut rules = own;
        let count = rules.len();
        for known in PartialRule::all() {
            let own = &rules[..count];
            if !own.iter().any(|own| own.endpoint() == known.endpoint()) {
                rules.push(*known);
            }
        }
        let bits = rules.iter().map(|rule| bit(rule.endpoint()));
        let lengths = bits.fold(0, |lengths, bit| lengths | bit);
        Self { rules, lengths }
    }

    /// The number of the rule for this endpoint.
    #[inline]
    pub(in crate::tiktok) fn find(&self, endpoint: &str) -> Option<u16> {
        if self.lengths & bit(endpoint) == 0 {
            return None;
        }
        self.search(endpoint)
    }

    fn search(&self, endpoint: &str) -> Option<u16> {
        let mut rules = self.rules.iter();
        let number = rules.position(|rule| rule.endpoint() == endpoint)?;
        u16::try_from(number).ok()
    }

    pub(in crate::tiktok) fn get(&self, number: u16) -> Option<&PartialRule> {
        self.rules.get(usize::from(number))
    }
}

impl Default for PartialRules {
    fn default() -> Self {
        Self::with(Vec::new())
    }
}

#[inline]
fn bit(endpoint: &str) -> u64 {
    1 << endpoint.len().min(63)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::tiktok::Endpoint;

    #[test]
    fn every_rule_is_for_an_endpoint_of_the_table() {
        let known = |path| Endpoint::all().iter().any(|one| one.path() == path);
        for rule in PartialRule::all() {
            assert!(known(rule.endpoint()), "{rule:?}");
            assert!(!rule.fields().is_empty() || rule.header().is_some());
            // Panics if it is not in lower case.
            rule.header().map(HeaderName::from_static);
        }
    }

    #[test]
    fn each_endpoint_finds_its_own_rule_and_no_other() {
        let rules = PartialRules::default();
        for endpoint in Endpoint::all() {
            let found = rules.find(endpoint.path()).and_then(|at| rules.get(at));
            let all = PartialRule::all();
            let wanted = all.iter().find(|rule| rule.endpoint() == endpoint.path());
            assert_eq!(found, wanted);
        }
        assert_eq!(rules.find(""), None);
        assert_eq!(rules.find(&"x".repeat(1_000)), None);
    }

    #[test]
    fn a_rule_of_the_users_own_outranks_the_table() {
        let own = PartialRule::new("/rf/order/cancel/", &["data.left"]);
        let rules = PartialRules::with(vec![own]);
        let found = rules.find("/rf/order/cancel/").and_then(|at| rules.get(at));
        assert_eq!(found, Some(&own));
        assert!(rules.find("/adgroup/status/update/").is_some());
    }
}
