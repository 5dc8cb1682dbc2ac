//! The command line.

use clap::Parser;
use tower_tiktok::tiktok::AccessLevel;

/// Creates campaigns from several processes that share one app's limits.
///
/// It starts the simulator on loopback, and itself so many times. The processes
/// know of each other by a Redis server only. The figures are those of the
/// simulator's own ledger.
#[derive(Clone, Debug, Parser)]
#[command(name = "shared_app")]
pub(crate) struct Args {
    /// How many processes use the app.
    #[arg(long, default_value_t = 4, value_parser = at_least_one)]
    pub(crate) processes: usize,

    /// How many requests each of them works on at once.
    #[arg(long, default_value_t = 16, value_parser = at_least_one)]
    pub(crate) workers: usize,

    /// How many seconds the work takes at the full rate.
    #[arg(long, default_value_t = 20, value_parser = at_least_one)]
    pub(crate) seconds: usize,

    /// How many advertiser accounts the campaigns are for.
    #[arg(long, default_value_t = 50, value_parser = at_least_one)]
    pub(crate) advertisers: usize,

    /// The app's access level: basic, advanced, premium, ultimate, sandbox, or
    /// limits of your own as QPS/QPM/QPD.
    #[arg(long, default_value = "ultimate")]
    pub(crate) level: AccessLevel,

    /// The server through which they share, such as `redis://127.0.0.1:6379`.
    /// Without it, one is started on a free port.
    #[arg(long, env = "SHARED_APP_REDIS", hide_env_values = true)]
    pub(crate) redis: Option<String>,

    /// Each process has all of the limits for itself, to see what comes of it.
    #[arg(long, conflicts_with = "redis")]
    pub(crate) alone: bool,

    /// Print one line of JSON at the end.
    #[arg(long)]
    pub(crate) json: bool,

    /// Be one of the processes: this one, at this server. It reads what else it
    /// needs from its input.
    #[arg(long, hide = true, requires = "base_url")]
    pub(crate) member: Option<usize>,

    #[arg(long, hide = true)]
    pub(crate) base_url: Option<String>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("want a whole number from 1".into()),
        Ok(number) => Ok(number),
    }
}
