#!/usr/bin/env bash
# Four processes share one app through Redis, over real HTTP: nobody is
# suspended, hardly anything is refused, and nearly all of the limit is used.
# `check-shared.sh 20` runs for 20 seconds; the default is a minute.
set -euo pipefail
cd "$(dirname "$0")/.."

# As the tests have built it.
cargo build --quiet --locked --workspace --all-features --example shared_app
. scripts/machine.sh
holds() { awk "BEGIN { exit !($1) }"; }
number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" <<<"$2"; }

seconds=${1:-60}
ours=$("${CARGO_TARGET_DIR:-target}/debug/examples/shared_app" --json --processes 4 --seconds "$seconds")
late=$(lateness) cost=$(cost_of_lateness "$seconds")
echo "$ours"
echo "the machine was late by $late s at worst, which may have cost $cost of the run"
[ "$(number failed "$ours")" = 0 ] || { echo 'a request failed' >&2; exit 1; }
[ "$(number duplicates "$ours")" = 0 ] || { echo 'something was created twice' >&2; exit 1; }
[ "$(number suspensions "$ours")" = 0 ] || { echo 'the app was suspended' >&2; exit 1; }
holds "$(number throttled "$ours") <= 0.01 * $(number attempts "$ours")" ||
    { echo 'more than one in a hundred was refused' >&2; exit 1; }
# A machine that is later than half a deadline loses exchanges: each may cost one
# of the processes a second.
lost=0
! holds "$late >= 0.025" || lost=$(number exchanges_lost "$ours")
holds "$(number limit_used "$ours") >= 0.95 / (1 + $cost) - $lost / (4 * $seconds)" ||
    { echo 'too little of the limit was used' >&2; exit 1; }
holds "$(number fairness_jain "$ours") >= 0.95" || { echo 'a process was left behind' >&2; exit 1; }
holds "$(number exchanges_per_request "$ours") <= 0.2" || { echo 'too many round trips' >&2; exit 1; }
