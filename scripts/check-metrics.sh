#!/usr/bin/env bash
# Reads the rules and the dashboard of the metrics example as Prometheus does:
# every query parses, and the rules call somebody when they should. Installs
# promtool where it may.
set -euo pipefail
cd "$(dirname "$0")/../examples/metrics"

if ! command -v promtool >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && apt-get install -qq -y --no-install-recommends prometheus
    else
        echo 'install the Debian package prometheus: its promtool reads the rules' >&2
        exit 1
    fi
fi

promtool check rules alerts.yml
promtool test rules alerts_test.yml

# Each query of the dashboard as a rule, with values for Grafana's variables.
rules=$(mktemp --suffix=.yml)
trap 'rm -f "$rules"' EXIT
{
    printf 'groups:\n  - name: dashboard\n    rules:\n'
    sed -nE 's/^ *"expr": "(.*)",?$/\1/p' dashboard.json |
        sed -e 's/\\"/"/g' -e 's/\$job/.*/g' -e 's/\$__rate_interval/1m/g' -e 's/\$__range/1h/g' |
        awk '{ printf "      - record: dashboard:query:%d\n        expr: |\n          %s\n", NR, $0 }'
} >"$rules"
# Not one is left out, and no variable.
[ "$(grep -c 'record:' "$rules")" = "$(grep -c '"expr":' dashboard.json)" ]
[ "$(grep -cF '$' "$rules")" = 0 ]
promtool check rules "$rules"
