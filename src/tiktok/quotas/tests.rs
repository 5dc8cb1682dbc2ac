use std::time::Duration;

use super::*;
use crate::{
    classify::ThrottleScope,
    extensions::{Operation, RequestContext},
    request_pacing::{InvalidQuota, Quota, Scope, Scopes, Touched},
};

fn at(endpoint: &'static str) -> RequestContext {
    RequestContext::new(Operation::Write)
        .with_account("7001")
        .with_static_endpoint(endpoint)
}

fn seconds(quota: Option<Quota>) -> Option<u32> {
    Some(quota?.windows()[0].requests())
}

#[test]
fn a_request_counts_in_the_app_the_endpoint_and_the_advertiser() {
    let quotas = TikTokQuotas::new(AccessLevel::Premium);
    let create = at("/campaign/create/");
    let all = Touched::none().account_endpoint(&create).endpoint(&create);
    assert_eq!(quotas.touched(Some(&create)), all.app());
    assert_eq!(seconds(quotas.quota(&Scope::app())), Some(30));
    let endpoint = Scope::endpoint("/campaign/create/");
    assert_eq!(seconds(quotas.quota(&endpoint)), Some(30));
    assert_eq!(
        seconds(quotas.quota(&Scope::endpoint("/ad/create/"))),
        Some(10)
    );
    let advertiser = Scope::account_endpoint("7001", "/campaign/create/");
    assert_eq!(seconds(quotas.quota(&advertiser)), Some(20));
}

#[test]
fn an_advertiser_that_cannot_reach_its_limit_is_not_counted() {
    let quotas = TikTokQuotas::new(AccessLevel::Basic);
    let advertiser = Scope::account_endpoint("7001", "/campaign/create/");
    assert_eq!(quotas.quota(&advertiser), None);
    // But a refusal still finds its scope.
    let create = at("/campaign/create/");
    let touched = quotas.touched(Some(&create));
    assert!(format!("{touched:?}").contains("AccountEndpoint"));
}

#[test]
fn events_have_room_of_their_own() {
    let quotas = TikTokQuotas::new(AccessLevel::Ultimate);
    let events = at("/event/track/");
    let apart = Touched::none().account_endpoint(&events).endpoint(&events);
    let apart = apart.field_value("7001");
    assert_eq!(quotas.touched(Some(&events)), apart);
    let endpoint = Scope::endpoint("/event/track/");
    assert_eq!(seconds(quotas.quota(&endpoint)), Some(1_000));
    let pixel = Scope::account_endpoint("7001", "/event/track/");
    assert_eq!(quotas.quota(&pixel), None);
    assert_eq!(quotas.quota(&Scope::field_value("7001")), None);
}

#[test]
fn events_have_room_of_their_own_whatever_is_left_for_the_app() {
    let quotas = TikTokQuotas::builder(AccessLevel::Basic);
    let quotas = quotas.app(Quota::requests_per_minute(300)).build().unwrap();
    let events = at("/pixel/track/");
    let apart = Touched::none().account_endpoint(&events).endpoint(&events);
    let apart = apart.field_value("7001");
    assert_eq!(quotas.touched(Some(&events)), apart);
}

#[test]
fn each_advertiser_is_kept_where_an_endpoint_may_do_more() {
    let fast = Quota::requests_per_second(50);
    let builder = TikTokQuotas::builder(AccessLevel::Basic).endpoint("/ad/get/", fast);
    let scope = Scope::account_endpoint("7001", "/ad/get/");
    let quotas = builder.clone().build().unwrap();
    assert_eq!(seconds(quotas.quota(&scope)), Some(20));
    let five = builder.each_advertiser(Quota::requests_per_second(5));
    let quotas = five.build().unwrap();
    assert_eq!(seconds(quotas.quota(&scope)), Some(5));
    let pixel = Scope::account_endpoint("7001", "/event/track/");
    assert_eq!(quotas.quota(&pixel), None);
}

#[test]
fn the_sandbox_shares_nothing() {
    let quotas = TikTokQuotas::builder(AccessLevel::Sandbox).sharing(Sharing::AppWide);
    let quotas = quotas.build().unwrap();
    let create = at("/ad/create/");
    let apart = Touched::none().account_endpoint(&create).endpoint(&create);
    assert_eq!(quotas.touched(Some(&create)), apart);
    assert_eq!(
        seconds(quotas.quota(&Scope::endpoint("/ad/create/"))),
        Some(1)
    );
}

#[test]
fn sharing_says_where_the_level_counts() {
    let touched = |sharing, endpoint| {
        let quotas = TikTokQuotas::builder(AccessLevel::Basic).sharing(sharing);
        let (quotas, context) = (quotas.build().unwrap(), at(endpoint));
        let touched = quotas.touched(Some(&context));
        let touched = format!("{touched:?}");
        (
            touched.contains("app: true"),
            touched.contains("AppEndpoint"),
        )
    };
    assert_eq!(touched(Sharing::AppWide, "/campaign/get/"), (true, false));
    assert_eq!(touched(Sharing::AppWide, "/ad/create/"), (true, true));
    assert_eq!(
        touched(Sharing::PerEndpoint, "/campaign/get/"),
        (false, true)
    );
    assert_eq!(touched(Sharing::Both, "/campaign/get/"), (true, true));
}

#[test]
fn an_endpoint_may_be_given_by_any_of_its_names() {
    for path in ["/ad/create/", "ad/create", "/open_api/v1.3/ad/create/"] {
        let quotas = TikTokQuotas::builder(AccessLevel::Basic)
            .endpoint(path, Quota::requests_per_second(2))
            .build()
            .unwrap();
        let quota = quotas.quota(&Scope::endpoint("/ad/create/"));
        assert_eq!(quota, Some(Quota::requests_per_second(2)), "{path}");
    }
}

#[test]
fn an_advertiser_orders_so_many_reports_in_an_hour() {
    let hour = Quota::requests_in_any(500, Duration::from_secs(3_600));
    for level in [
        AccessLevel::Basic,
        AccessLevel::Sandbox,
        AccessLevel::Ultimate,
    ] {
        let scope = Scope::account_endpoint("7001", "/report/task/create/");
        assert_eq!(TikTokQuotas::new(level).quota(&scope), Some(hour.clone()));
    }
}

#[test]
fn quotas_that_admit_nothing_are_an_error() {
    let none = || Quota::requests_per_second(0);
    let builder = || TikTokQuotas::builder(AccessLevel::Basic);
    for builder in [
        builder().app(none()),
        builder().endpoint("/ad/create/", none()),
        builder().each_advertiser(none()),
        builder().each_advertiser_at("/ad/create/", none()),
        builder().each_pixel(none()),
    ] {
        assert_eq!(builder.build().unwrap_err(), InvalidQuota::NoRequests);
    }
}

#[test]
fn every_level_is_sound() {
    for level in [
        "basic", "advanced", "premium", "ultimate", "sandbox", "1/1/1",
    ] {
        let quotas = TikTokQuotas::new(level.parse().unwrap());
        let own = quotas.endpoints.values();
        let own = own.flat_map(|own| [&own.quota, &own.each_advertiser]);
        for quota in own.flatten().chain([&quotas.app]) {
            assert_eq!(quota.validate(), Ok(()), "{level}");
        }
    }
}

#[test]
fn an_unknown_request_counts_in_the_app() {
    for level in [AccessLevel::Basic, AccessLevel::Sandbox] {
        let quotas = TikTokQuotas::new(level);
        let touched = Touched::none().app();
        assert_eq!(quotas.touched(None), touched);
        let context = RequestContext::new(Operation::Read);
        assert_eq!(quotas.touched(Some(&context)), touched);
        assert!(quotas.quota(&Scope::app()).is_some());
    }
    assert_eq!(Scope::app().throttle_scope(), ThrottleScope::App);
}

/// What TikTok's page says was typed twice, here and for the simulator.
#[cfg(feature = "simulator")]
#[test]
fn every_figure_is_as_the_simulator_has_it() {
    use std::collections::BTreeSet;

    use crate::{simulator::Level, tiktok::endpoints::Endpoint};

    let quota = |second, minute, day| {
        let narrow = |figure: u64| u32::try_from(figure).unwrap();
        Quota::requests_per_second(narrow(second))
            .and_requests_per_minute(narrow(minute))
            .and_requests_per_day_utc(narrow(day))
    };
    let own = table::own(AccessLevel::Basic).map(|(path, _)| path);
    let paths: BTreeSet<_> = Endpoint::all()
        .iter()
        .map(Endpoint::path)
        .chain(own)
        .collect();
    let mut own = 0;
    for (level, simulated) in [
        (AccessLevel::Basic, Level::Basic),
        (AccessLevel::Advanced, Level::Advanced),
        (AccessLevel::Premium, Level::Premium),
        (AccessLevel::Ultimate, Level::Ultimate),
        (AccessLevel::Sandbox, Level::Sandbox),
    ] {
        let (quotas, limits) = (TikTokQuotas::new(level), simulated.limits());
        let whole = quota(limits.per_second(), limits.per_minute(), limits.per_day());
        assert_eq!(quotas.quota(&Scope::app()), Some(whole.clone()), "{level}");
        for &path in &paths {
            let limits = simulated.endpoint_limits(path);
            let expected = limits.map_or(whole.clone(), |it| {
                own += 1;
                quota(it.per_second(), it.per_minute(), it.per_day())
            });
            let found = quotas.quota(&Scope::endpoint(path));
            assert_eq!(found, Some(expected.clone()), "{level} {path}");
            let told = level.endpoint_limits(path).map(Quota::from);
            assert_eq!(told, limits.map(|_| expected), "{level} {path}");
        }
    }
    // Nineteen endpoints, at each level but the sandbox.
    assert_eq!(own, 4 * 19);
}
