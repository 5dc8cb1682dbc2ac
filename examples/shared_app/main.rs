//! Several processes on one app, which share its limits through Redis, over
//! real HTTP.
//!
//! `cargo run --release --features redis,simulator --example shared_app --
//! --processes 4` starts all that it needs; `--help` tells the rest.

mod args;
mod fleet;
#[path = "../bulk_launch/level.rs"]
mod level;
mod member;
mod redis;
mod summary;

use std::error::Error;

use clap::Parser as _;

use crate::args::Args;

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let args = Args::parse();
    if let (Some(member), Some(base)) = (args.member, &args.base_url) {
        return member::run(&args, member, base).await;
    }
    let summary = fleet::run(&args).await?;
    match args.json {
        true => println!("{}", serde_json::to_string(&summary)?),
        false => println!("{summary}"),
    }
    Ok(())
}
