//! When alerts are raised and cleared, and what they must not touch.

#![expect(clippy::unwrap_used, reason = "what helps a test is test")]

mod causes;
mod harm;
mod scenario;
mod support;
mod tokens;

macro_rules! scenarios {
    ($($name:ident,)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                let file = include_str!(concat!(stringify!($name), ".toml"));
                scenario::check(stringify!($name), file).await;
            }
        )*

        #[test]
        fn no_file_is_forgotten() {
            let known = [$(concat!(stringify!($name), ".toml")),*];
            for entry in std::fs::read_dir("tests/throttle_alert").unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(!name.ends_with(".toml") || known.contains(&&*name), "{name}");
            }
        }
    };
}

scenarios! {
    burst,
    burst_upon_trickle,
    flapping,
    flapping_slowly,
    half,
    outage,
    silence,
    too_few,
    trickle,
    twentieth,
    twentieth_after_good_times,
    twentieth_of_few,
}
