//! What the whole stack does for its users, told by files.
//!
//! Each file beside this one sets up a server, a client and work, and says in
//! which ranges the outcome has to be. A new claim is a new file.

mod client;
mod file;
mod measure;
mod run;
mod server;
mod wire;
mod work;

macro_rules! scenarios {
    ($($name:ident,)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                let file = include_str!(concat!(stringify!($name), ".toml"));
                run::check(stringify!($name), file).await;
            }
        )*

        #[test]
        fn no_file_is_forgotten() {
            let known = [$(concat!(stringify!($name), ".toml")),*];
            for entry in std::fs::read_dir("tests/scenarios").unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(!name.ends_with(".toml") || known.contains(&&*name), "{name}");
            }
        }
    };
}

scenarios! {
    advertiser_limit,
    careless_rules_duplicate,
    cut_bodies,
    dead_server,
    dead_server_without_a_budget,
    deadline,
    edge_throttle,
    expired_token,
    full_queue,
    gzip,
    hot_account,
    hot_account_without_permits,
    html_errors,
    idempotent_creates,
    idempotent_creates_behind_a_queue,
    idempotent_creates_behind_a_short_queue,
    maintenance,
    many_faults,
    midnight,
    midnight_is_near,
    midnight_unsaid,
    mixed_faults,
    paced_advertisers,
    paced_burst,
    paced_day,
    paced_day_with_deadline,
    paced_deadline,
    paced_edge,
    paced_endpoint,
    paced_idempotent_creates,
    paced_many_faults,
    paced_minute,
    paced_mixed_faults,
    paced_sliding_windows,
    qps_storm,
    qps_storm_at_once,
    qps_storm_by_default,
    qps_storm_without_pacing,
    resets,
    revoked_token,
    sandbox,
    shared_app,
    sliding_windows,
    suspended_endpoint,
    suspension,
    tower_retry_duplicates,
    transcoding,
    unknown_advertiser_limit,
}
