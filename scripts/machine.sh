# Sourced: watches how late this machine is, while what takes real time runs.
# What is late each time that a window lets it go on uses less of the window.
beats=$(mktemp)
(
    exec {never}<> <(:)
    while true; do
        before=${EPOCHREALTIME/[.,]/}
        read -rt 0.005 -u "$never" || true
        echo $((${EPOCHREALTIME/[.,]/} - before - 5000))
    done >>"$beats"
) &
watcher=$!
trap 'kill "$watcher" 2>/dev/null || true; rm -f "$beats"' EXIT
# By what part of a second it was late at worst; each is, by 10 ms now and then.
lateness() { awk '$1 > 10000 && $1 > worst { worst = $1 } END { print worst / 1000000 }' "$beats"; }
# What part of a run of so many seconds that may have cost, at most: each window
# of a second begins and ends late, or all that was late and the worst of it once
# more is lost, whichever is less.
cost_of_lateness() {
    awk -v run="$1" '$1 > 10000 { sum += $1; if ($1 > worst) worst = $1 }
        END { all = 2 * (sum + worst) / 1000000 / run; each = 2 * worst / 1000000; print all < each ? all : each }' "$beats"
}
