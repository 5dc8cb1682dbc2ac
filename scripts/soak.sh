#!/usr/bin/env bash
# Tries the laws (property tests) on other cases than scripts/test.sh does: new
# ones each time, and so many for each law (`soak.sh 20000`; the default is 5000).
# What fails is written to proptest-regressions, and tried first from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh
# As long as it takes.
export TESTS_WITHIN=0

unset PROPTEST_RNG_SEED
export PROPTEST_CASES=${1:-5000}
say "laws, $PROPTEST_CASES cases each"
testing cargo test --all-features --locked --no-fail-fast --lib \
    --test retry_after_header --test tiktok_classifier --test error_classifier
