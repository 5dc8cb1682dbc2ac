#!/usr/bin/env bash
# Outside src/tiktok, src/simulator and src/lib.rs no line, of code or prose,
# speaks of TikTok. The crate's own name is all right.
set -euo pipefail
cd "$(dirname "$0")/.."
find src -name '*.rs' -not -path 'src/tiktok/*' -not -path 'src/simulator/*' -not -path src/lib.rs -print0 |
    xargs -0 awk '
        { line = $0; gsub(/tower_tiktok/, "", line) }
        tolower(line) ~ /tiktok|advertiser/ { print FILENAME ":" FNR ": " $0; found = 1 }
        END { if (found) { print "the lines above belong in src/tiktok" > "/dev/stderr"; exit 1 } }'
