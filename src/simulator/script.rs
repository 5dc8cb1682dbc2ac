use super::fault::{Fault, Stage};

/// A [`Fault`] that is forced on certain requests.
///
/// ```
/// use tower_tiktok::simulator::{Fault, Script, Simulator};
///
/// // The third and the fourth ad are created, and nobody hears of it.
/// let script = Script::new(Fault::LostAnswer).path("/ad/create/").skip(2).times(2);
/// let simulator = Simulator::builder().script(script).build().unwrap();
/// # assert_eq!(simulator.ledger().total.received, 0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    fault: Fault,
    path: Option<String>,
    advertiser: Option<String>,
    skip: u64,
    times: u64,
}

// ===== impl Script =====

impl Script {
    /// Forces the fault on the next request.
    #[must_use]
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            path: None,
            advertiser: None,
            skip: 0,
            times: 1,
        }
    }

    /// Only requests of this endpoint, as in `/campaign/create/`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(format!("/{}/", path.into().trim_matches('/')));
        self
    }

    /// Only requests for this advertiser.
    #[must_use]
    pub fn advertiser(mut self, id: impl Into<String>) -> Self {
        self.advertiser = Some(id.into());
        self
    }

    /// Lets so many requests that match go by first. Default: none.
    #[must_use]
    pub const fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Strikes so often, then is used up. Default: once.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    fn matches(&self, path: &str, advertisers: &[String]) -> bool {
        self.path.as_deref().is_none_or(|only| only == path)
            && self
                .advertiser
                .as_ref()
                .is_none_or(|only| advertisers.contains(only))
    }
}

/// The scripts that are not used up.
#[derive(Debug, Default)]
pub(super) struct Scripts(pub(super) Vec<Script>);

impl Scripts {
    /// The first script for the request. Others that match count it too.
    pub(super) fn next(&mut self, stage: Stage, path: &str, who: &[String]) -> Option<Fault> {
        let mut forced = None;
        for script in &mut self.0 {
            if script.fault.stage() != stage || !script.matches(path, who) {
                continue;
            }
            if script.skip > 0 {
                script.skip -= 1;
            } else if forced.is_none() && script.times > 0 {
                script.times -= 1;
                forced = Some(script.fault);
            }
        }
        if forced.is_some() {
            self.0.retain(|script| script.times > 0);
        }
        forced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_strikes_the_requests_it_names() {
        let script = Script::new(Fault::Reset).path("ad/get").skip(1).times(2);
        let mut scripts = Scripts(vec![script]);
        let mut hit = |path| scripts.next(Stage::Edge, path, &[]).is_some();
        assert!(!hit("/ad/get/"));
        assert!(!hit("/campaign/get/"));
        assert!(hit("/ad/get/"));
        assert!(hit("/ad/get/"));
        assert!(!hit("/ad/get/"));
    }
}
