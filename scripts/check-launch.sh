#!/usr/bin/env bash
# Runs the main job and looks at its last line: with our layers nothing fails
# and nothing is created twice; tower's own retry, on the same faults, does one
# or the other.
set -euo pipefail
cd "$(dirname "$0")/.."

launch() { cargo run --quiet --release --locked --example bulk_launch -- --json "$@"; }
number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" <<<"$2"; }

ours=$(launch)
echo "$ours"
[ "$(number failed "$ours")" = 0 ] || { echo 'a request failed' >&2; exit 1; }
[ "$(number duplicates "$ours")" = 0 ] || { echo 'something was created twice' >&2; exit 1; }
[ "$(number suspensions "$ours")" = 0 ] || { echo 'the app was suspended' >&2; exit 1; }

theirs=$(launch --client tower)
echo "$theirs"
if [ "$(number failed "$theirs")" = 0 ] && [ "$(number duplicates "$theirs")" = 0 ]; then
    echo 'the faults harm nobody: the run shows nothing' >&2
    exit 1
fi
