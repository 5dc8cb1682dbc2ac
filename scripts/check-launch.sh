#!/usr/bin/env bash
# Runs the main job and looks at its last line: with our layers nothing fails,
# nothing is created twice, hardly anything is refused, and it takes hardly
# longer than it must; tower's own retry, on the same faults, fails or creates
# twice.
set -euo pipefail
cd "$(dirname "$0")/.."

# As the tests have built it.
cargo build --quiet --locked --workspace --all-features --example bulk_launch
. scripts/machine.sh
launch() { "${CARGO_TARGET_DIR:-target}/debug/examples/bulk_launch" --json "$@"; }
holds() { awk "BEGIN { exit !($1) }"; }
number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" <<<"$2"; }

ours=$(launch)
cost=$(cost_of_lateness "$(number elapsed_s "$ours")")
echo "$ours"
echo "the machine was late by $(lateness) s at worst, which may have cost $cost of the run"
[ "$(number failed "$ours")" = 0 ] || { echo 'a request failed' >&2; exit 1; }
[ "$(number duplicates "$ours")" = 0 ] || { echo 'something was created twice' >&2; exit 1; }
[ "$(number suspensions "$ours")" = 0 ] || { echo 'the app was suspended' >&2; exit 1; }
holds "$(number makespan_ratio "$ours") <= 1.10 * (1 + $cost)" || { echo 'it took too long' >&2; exit 1; }
holds "$(number throttled "$ours") <= 0.01 * $(number attempts "$ours")" ||
    { echo 'more than one in a hundred was refused' >&2; exit 1; }
holds "$(number fairness_jain "$ours") >= 0.98" || { echo 'somebody was left behind' >&2; exit 1; }

theirs=$(launch --client tower)
echo "$theirs"
if [ "$(number failed "$theirs")" = 0 ] && [ "$(number duplicates "$theirs")" = 0 ]; then
    echo 'the faults harm nobody: the run shows nothing' >&2
    exit 1
fi
