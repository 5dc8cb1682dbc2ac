//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use tower_tiktok::tiktok::AccessLevel;

/// Launches campaigns, ad groups, videos and ads for many advertisers at once.
///
/// Without `--base-url` it starts the simulator on loopback and talks to it
/// over real HTTP. The figures then come from the simulator's own ledger.
#[derive(Clone, Debug, Parser)]
#[command(name = "bulk_launch")]
pub(crate) struct Args {
    /// How many advertiser accounts to launch for.
    #[arg(long, default_value_t = 20, value_parser = at_least_one)]
    pub(crate) advertisers: usize,

    /// How many ads to create for each advertiser.
    #[arg(long, default_value_t = 14, value_parser = at_least_one)]
    pub(crate) ads: usize,

    /// How many requests are worked on at once.
    #[arg(long, default_value_t = 16, value_parser = at_least_one)]
    pub(crate) workers: usize,

    /// The app's access level: basic, advanced, premium, ultimate, sandbox, or
    /// limits of your own as QPS/QPM/QPD.
    #[arg(long, default_value = "ultimate")]
    pub(crate) level: AccessLevel,

    /// What goes wrong at the simulator, besides the limits.
    #[arg(long, value_enum, default_value_t = FaultMix::Mixed)]
    pub(crate) faults: FaultMix,

    /// Same seed, same faults; when they strike still depends on the timing.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Who sends the requests.
    #[arg(long, value_enum, default_value_t = Client::Stack)]
    pub(crate) client: Client,

    /// Run every client, each against a fresh simulator, and print a table.
    #[arg(long, conflicts_with_all = ["base_url", "client"])]
    pub(crate) compare: bool,

    /// Print one line of JSON at the end.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write what happened as a page of HTML with charts.
    #[arg(
        long,
        value_name = "PATH",
        num_args = 0..=1,
        default_missing_value = "target/bulk_launch.html"
    )]
    pub(crate) report: Option<PathBuf>,

    /// Talk to this server instead, such as `https://sandbox-ads.tiktok.com`.
    /// It creates real campaigns there.
    #[arg(long, requires = "advertiser_ids")]
    pub(crate) base_url: Option<http::Uri>,

    /// The environment variable that holds the access token for `--base-url`.
    #[arg(long, default_value = "TIKTOK_ACCESS_TOKEN")]
    pub(crate) token_env: String,

    /// The advertiser ids to use with `--base-url`, separated by commas.
    #[arg(long, value_delimiter = ',', requires = "base_url")]
    pub(crate) advertiser_ids: Vec<String>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("want a whole number from 1".into()),
        Ok(number) => Ok(number),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FaultMix {
    /// Nothing but the limits.
    None,
    /// Answers lost, server errors before and after the write, resets, stalls.
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// The layers of this crate.
    Stack,
    /// Sends again at once, up to five times.
    Naive,
    /// tower's own retry: 1, 2, 4, 8 s with jitter.
    Tower,
}

impl Client {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Naive => "naive",
            Self::Tower => "tower",
        }
    }
}
