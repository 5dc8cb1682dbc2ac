//! A service of your own whose metrics Prometheus can scrape: `GET /metrics`
//! beside the endpoints that it has anyway.
//!
//! `cargo run --features metrics --example metrics` launches a few campaigns and
//! prints what a scrape finds. `-- 127.0.0.1:9464` goes on serving there, under a
//! steady load. `alerts.yml` beside this file has rules for Prometheus, and
//! `dashboard.json` a dashboard for Grafana.

mod exposition;
mod load;
mod service;
#[cfg(test)]
mod tests;

use std::{env, error::Error, time::Duration};

use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::{load::launch, service::Service};

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let (service, simulator) = Service::start().await?;
    let scrape = format!("http://{}/metrics", listener.local_addr()?);
    let router = service.router();
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await });

    launch(&service, 200, 10).await?;
    let text = exposition::scrape(&scrape).await?;
    print!("{text}");
    let attempts: f64 = exposition::samples(&text)
        .into_iter()
        .filter(|(series, _)| series.name == "api_client_attempts_total")
        .map(|(_, value)| value)
        .sum();
    assert_eq!(attempts, simulator.ledger().total.received as f64);

    if address.is_some() {
        eprintln!("scrape {scrape}");
        loop {
            launch(&service, 20, 10).await?;
            sleep(Duration::from_secs(1)).await;
        }
    }
    Ok(())
}
