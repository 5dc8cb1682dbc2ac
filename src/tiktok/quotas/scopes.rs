use hashbrown::HashMap;
use smol_str::SmolStr;

use super::{AccessLevel, TikTokQuotasBuilder, builder::each_advertiser};
use crate::{
    classify::ThrottleScope,
    extensions::RequestContext,
    request_pacing::{Quota, Scope, Scopes, Touched},
};

/// Where the limits of an access level are counted. TikTok's pages say both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sharing {
    /// All endpoints together share them. An endpoint that has a limit of its
    /// own keeps that, too.
    AppWide,
    /// Each endpoint has them for itself. If that is wrong, the app is
    /// suspended as soon as two endpoints are busy.
    PerEndpoint,
    /// Both, which is never too much. Against a server that counts each
    /// endpoint apart it is slower than need be once several are busy.
    #[default]
    Both,
}

/// What TikTok admits to an app, by its access level. See the
/// [module docs](super).
#[derive(Clone, Debug)]
pub struct TikTokQuotas {
    pub(super) app: Quota,
    /// Whether the app as a whole, and each endpoint, is counted.
    pub(super) app_wide: bool,
    pub(super) per_endpoint: bool,
    pub(super) endpoints: HashMap<SmolStr, Own>,
    pub(super) each_advertiser: Option<Quota>,
    pub(super) each_pixel: Option<Quota>,
}

/// What differs for one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    pub(super) quota: Option<Quota>,
    /// Of each advertiser.
    pub(super) each_advertiser: Option<Quota>,
    /// It has room of its own, or may do more than the whole app, so it cannot
    /// count in it.
    pub(super) apart: bool,
    /// The account is a pixel, which is counted wherever it is used.
    pub(super) events: bool,
}

impl TikTokQuotas {
    /// What this level admits, everything at its default.
    #[must_use]
    pub fn new(level: AccessLevel) -> Self {
        TikTokQuotasBuilder::new(level).whole()
    }

    /// Starts with what this level admits.
    pub fn builder(level: AccessLevel) -> TikTokQuotasBuilder {
        TikTokQuotasBuilder::new(level)
    }

    fn own(&self, scope: &Scope) -> Option<&Own> {
        self.endpoints.get(scope.name()?)
    }
}

impl From<AccessLevel> for TikTokQuotas {
    fn from(level: AccessLevel) -> Self {
        Self::new(level)
    }
}

impl Scopes for TikTokQuotas {
    fn touched<'a>(&'a self, context: Option<&'a RequestContext>) -> Touched<'a> {
        let Some((context, name)) =
            context.and_then(|context| Some((context, context.endpoint()?)))
        else {
            // It counts somewhere, and only this is left.
            return Touched::none().app();
        };
        let own = self.endpoints.get(name);
        let mut touched = Touched::none().account_endpoint(context);
        if self.per_endpoint || own.is_some_and(|own| own.quota.is_some()) {
            touched = touched.endpoint(context);
        }
        if self.app_wide && own.is_none_or(|own| !own.apart) {
            touched = touched.app();
        }
        if own.is_some_and(|own| own.events)
            && let Some(pixel) = context.account()
        {
            touched = touched.field_value(pixel.as_str());
        }
        touched
    }

    fn quota(&self, scope: &Scope) -> Option<Quota> {
        match scope.throttle_scope() {
            ThrottleScope::AppEndpoint => {
                let own = self.own(scope).and_then(|own| own.quota.as_ref());
                own.or(self.per_endpoint.then_some(&self.app)).cloned()
            }
            ThrottleScope::AccountEndpoint => {
                let own = self.own(scope);
                let all = self.each_advertiser.as_ref();
                let all = all.filter(|_| own.is_none_or(|own| !own.events));
                own.and_then(|own| own.each_advertiser.as_ref())
                    .or(all)
                    .cloned()
            }
            ThrottleScope::FieldValue => self.each_pixel.clone(),
            _ => Some(self.app.clone()),
        }
    }

    /// All but the guess of what an advertiser may do in a second. It is so much
    /// that it seldom matters, and to share it would cost a round trip for each
    /// advertiser that a process turns to.
    fn is_shared(&self, scope: &Scope) -> bool {
        scope.throttle_scope() != ThrottleScope::AccountEndpoint
            || self.quota(scope) != Some(each_advertiser())
    }
}
