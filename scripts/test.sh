#!/usr/bin/env bash
# Runs everything that can fail: all tests, the examples, the main job and the
# bounds of the benchmark. Installs what is missing. What failed is said last.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

say 'redis-server and openssl: the tests of the shared state start their own'
for tool in redis-server openssl; do
    command -v "$tool" >/dev/null && continue
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && apt-get install -qq -y "$tool"
    else
        echo "install the Debian package $tool: without it tests fail" >&2
    fi
done

# Each run tries the same cases, so that it says the same of the same code;
# scripts/soak.sh tries others. Those in real time mostly sleep: more of them at
# once than there are cores.
export PROPTEST_RNG_SEED=1
say 'tests: units, properties, contracts, scenarios, loopback, documentation'
RUST_TEST_THREADS=8 testing cargo test --workspace --all-features --locked --no-fail-fast

say 'the generic layers stand alone'
testing cargo test --lib --no-default-features --locked \
    --features error-classifier,retry-after-header,jittered-backoff,reconcile,per-account-concurrency,request-pacing,token-refresh,poll-pacing,report-batching,timeout-brake,throttle-alert,shared-state

say 'examples: each ends in an assertion'
cargo build --workspace --all-features --locked --examples
for example in hyper_client reqwest_client axum_service custom_classifier metrics; do
    "${CARGO_TARGET_DIR:-target}/debug/examples/$example"
done

say 'its rules and its dashboard, as Prometheus reads them'
scripts/check-metrics.sh

say 'a day at full rate, in paused time'
cargo bench --locked -p tower-tiktok-benches \
    --no-default-features --features metrics --bench day

say 'the main job: nothing failed, nothing twice'
scripts/check-launch.sh

say 'its report in a browser, as wide as a desk and as a phone'
scripts/check-report.sh

say 'four processes on one app, through a real Redis'
scripts/check-shared.sh

say 'the cost of the happy path, and of being seen: fails when it gets worse'
if ! command -v valgrind >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && apt-get install -qq -y valgrind
    else
        echo 'valgrind is not installed: allocations are checked, instructions are not'
    fi
fi
cargo bench --locked -p tower-tiktok-benches \
    --no-default-features --features metrics --bench overhead -- --check
