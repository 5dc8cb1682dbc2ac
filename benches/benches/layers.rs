//! Time for one request that nothing delays, layer by layer. For a figure to
//! hold on to, see `overhead`: nanoseconds move with the neighbours.

use std::{fmt::Debug, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Method, Request};
use http_body_util::Full;
use tower::{Service, ServiceExt};
use tower_tiktok_benches::{Echo, four_layers, template, whole_stack};

fn one<S>(criterion: &mut Criterion, name: &str, mut service: S)
where
    S: Service<Request<Full<Bytes>>, Error: Debug>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let template = template(Method::POST);
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            let response = runtime.block_on(async {
                let ready = service.ready().await.expect("always ready");
                ready.call(template.clone()).await.expect("always answers")
            });
            black_box(&response);
        });
    });
}

fn layers(criterion: &mut Criterion) {
    one(criterion, "bare", Echo);
    one(criterion, "four layers", four_layers());
    one(criterion, "whole stack", whole_stack());
}

criterion_group!(benches, layers);
criterion_main!(benches);
