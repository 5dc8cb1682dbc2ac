//! What it costs to find `code` in a body, by the size of the body and by
//! where the code stands in it.

use std::{hint::black_box, ops::ControlFlow};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::Value;
use tower_tiktok::body::JsonFields;

const SIZES: [usize; 3] = [100, 60_000, 10_000_000];

/// A body of about `size` bytes, most of them `data`.
fn body(size: usize, code_first: bool) -> Vec<u8> {
    let rows = r#"{"id":"1784000000000001","name":"a \"name\""},"#.repeat(size / 45);
    let data = format!(r#""data":{{"list":[{}]}}"#, rows.trim_end_matches(','));
    let code = r#""code":0,"message":"OK""#;
    match code_first {
        true => format!("{{{code},{data}}}").into(),
        false => format!("{{{data},{code}}}").into(),
    }
}

fn find_code(body: &[u8]) -> Option<i64> {
    let mut code = None;
    let mut fields = JsonFields::new(&["code"]);
    let _ = fields.push(body, |_, value| {
        code = serde_json::from_slice(value).ok();
        ControlFlow::Break(())
    });
    code
}

fn peek(criterion: &mut Criterion) {
    for (order, code_first) in [("code first", true), ("code last", false)] {
        let mut group = criterion.benchmark_group(order);
        for size in SIZES {
            let body = body(size, code_first);
            assert_eq!(find_code(&body), Some(0));
            group.bench_with_input(BenchmarkId::new("peek", size), &body, |bencher, body| {
                bencher.iter(|| find_code(black_box(body)));
            });
            if size < 1_000_000 {
                group.bench_with_input(
                    BenchmarkId::new("serde_json::Value", size),
                    &body,
                    |bencher, body| {
                        bencher.iter(|| {
                            let value: Value =
                                serde_json::from_slice(black_box(body)).expect("JSON");
                            value["code"].as_i64()
                        });
                    },
                );
            }
        }
        group.finish();
    }
}

criterion_group!(benches, peek);
criterion_main!(benches);
