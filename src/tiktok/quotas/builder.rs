use std::time::Duration;

use hashbrown::HashMap;
use smol_str::SmolStr;

use super::{
    AccessLevel, Sharing, TikTokQuotas,
    scopes::Own,
    table::{self, ADVERTISER_A_SECOND, EVENTS, REPORTS, REPORTS_AN_HOUR},
};
use crate::{
    request_pacing::{InvalidQuota, Quota, Span},
    tiktok::endpoints::find,
};

const SECOND: Span = Span::Any(Duration::from_secs(1));
const HOUR: Duration = Duration::from_secs(3_600);

/// Builds [`TikTokQuotas`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TikTokQuotasBuilder {
    level: AccessLevel,
    sharing: Sharing,
    app: Quota,
    endpoints: HashMap<SmolStr, Own>,
    each_advertiser: Option<Quota>,
    each_pixel: Option<Quota>,
}

impl TikTokQuotasBuilder {
    pub(super) fn new(level: AccessLevel) -> Self {
        let mut endpoints = HashMap::<SmolStr, Own>::new();
        for (path, limits) in table::own(level) {
            endpoints
                .entry(SmolStr::new_static(path))
                .or_default()
                .quota = Some(limits.into());
        }
        for path in EVENTS {
            endpoints
                .entry(SmolStr::new_static(path))
                .or_default()
                .events = true;
        }
        let reports = endpoints.entry(SmolStr::new_static(REPORTS)).or_default();
        reports.each_advertiser = Some(Quota::requests_in_any(REPORTS_AN_HOUR, HOUR));
        Self {
            level,
            sharing: Sharing::default(),
            app: level.limits().into(),
            endpoints,
            each_advertiser: Some(each_advertiser()),
            each_pixel: None,
        }
    }

    /// Where the limits of the level are counted. The default is
    /// [`Sharing::Both`]. The sandbox counts each endpoint apart whatever is
    /// said here.
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// What the app as a whole may do, and each endpoint that has no quota of
    /// its own. The default is what the level admits. Less leaves room for
    /// others who use the same app; more is refused, and costs a suspension.
    pub fn app(mut self, quota: Quota) -> Self {
        self.app = quota;
        self
    }

    /// What the app may do at one endpoint, in place of what TikTok's pages
    /// say. An endpoint that may do more in a second than the app as a whole
    /// does not count in it.
    ///
    /// The path is the template, `/ad/create/`, with or without
    /// `/open_api/v1.3` in front.
    pub fn endpoint(mut self, path: impl AsRef<str>, quota: Quota) -> Self {
        self.own(path.as_ref()).quota = Some(quota);
        self
    }

    /// What each advertiser may do at each endpoint. The default is 20
    /// requests a second, which processes that share their limits do not share,
    /// and which do not count where the app itself admits no more. Less keeps a
    /// busy advertiser back although TikTok might not; more may cost some
    /// refusals, and no suspension.
    pub fn each_advertiser(mut self, quota: Quota) -> Self {
        self.each_advertiser = Some(quota);
        self
    }

    /// What each advertiser may do at one endpoint.
    pub fn each_advertiser_at(mut self, path: impl AsRef<str>, quota: Quota) -> Self {
        self.own(path.as_ref()).each_advertiser = Some(quota);
        self
    }

    /// What may be reported for each pixel. The default is as much as comes,
    /// until a refusal closes the pixel for a while.
    pub fn each_pixel(mut self, quota: Quota) -> Self {
        self.each_pixel = Some(quota);
        self
    }

    /// The quotas.
    ///
    /// # Errors
    /// When a quota admits nothing, or its time makes no sense.
    pub fn build(self) -> Result<TikTokQuotas, InvalidQuota> {
        let single = [&self.each_advertiser, &self.each_pixel];
        let own = self.endpoints.values();
        let own = own.flat_map(|own| [&own.quota, &own.each_advertiser]);
        single
            .into_iter()
            .chain(own)
            .flatten()
            .chain([&self.app])
            .try_for_each(Quota::validate)?;
        Ok(self.whole())
    }

    /// As it is, when it is known to be sound.
    pub(super) fn whole(mut self) -> TikTokQuotas {
        let app = per_second(&self.app);
        for own in self.endpoints.values_mut() {
            let most = own.quota.as_ref().and_then(per_second);
            let is_more = most.is_some_and(|most| app.is_some_and(|app| most > app));
            own.apart = own.events || is_more;
        }
        let sandbox = self.level == AccessLevel::Sandbox;
        let per_endpoint = sandbox || self.sharing != Sharing::AppWide;
        // What no advertiser can reach need not be counted.
        let any_apart = self.endpoints.values().any(|own| own.apart && !own.events);
        let narrower = |quota: &Quota| match (per_second(quota), app) {
            (Some(own), Some(app)) => any_apart || own < app || quota.windows().len() > 1,
            _ => true,
        };
        TikTokQuotas {
            app_wide: !sandbox && self.sharing != Sharing::PerEndpoint,
            per_endpoint,
            each_advertiser: self.each_advertiser.filter(narrower),
            each_pixel: self.each_pixel,
            app: self.app,
            endpoints: self.endpoints,
        }
    }

    fn own(&mut self, path: &str) -> &mut Own {
        let name = find::label(find::relative(path));
        self.endpoints.entry(SmolStr::new(name)).or_default()
    }
}

/// What is guessed as long as nobody knows better.
pub(super) fn each_advertiser() -> Quota {
    Quota::requests_per_second(ADVERTISER_A_SECOND)
}

fn per_second(quota: &Quota) -> Option<u32> {
    let windows = quota.windows().iter();
    let seconds = windows.filter(|window| window.span() == SECOND);
    seconds.map(|window| window.requests()).min()
}
