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

app=${CARGO_TARGET_DIR:-target}/debug/examples/shared_app

# Without a server, it says what to install. It needs nothing else of the path.
if missing=$(PATH='' "$app" --json --processes 2 --seconds 1 2>&1); then
    echo 'it runs without redis-server' >&2; exit 1
fi
[[ $missing == *'install redis-server'* && $missing == *--redis* ]] ||
    { echo "it does not say what to install: $missing" >&2; exit 1; }

seconds=${1:-60}
ours=$("$app" --json --processes 4 --seconds "$seconds")
late=$(lateness) cost=$(cost_of_lateness "$seconds")
echo "$ours"
echo "the machine was late by $late s at worst, which may have cost $cost of the run"
# All that bulk_launch's line has, and what each process had of it.
fields=$(sed -n '/^pub(crate) struct Summary {/,/^}/s/^ *pub[^ ]* \([a-z0-9_]*\):.*/\1/p' examples/bulk_launch/summary.rs)
[ -n "$fields" ] || { echo 'where are the fields of bulk_launch?' >&2; exit 1; }
for field in $fields processes limit_used exchanges_per_request exchanges_lost; do
    [[ $ours == *"\"$field\":"* ]] || { echo "no field $field" >&2; exit 1; }
done
shares=$(sed -n 's/.*"shares":\[\([0-9.,]*\)\].*/\1/p' <<<"$ours")
awk -F, '{ for (at = 1; at <= NF; at++) sum += $at; exit !(NF == 4 && sum > 0.99 && sum < 1.01) }' <<<"$shares" ||
    { echo "these are no four parts of all: $shares" >&2; exit 1; }
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
