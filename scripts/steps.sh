# Sourced by what consists of steps: says each step's name and how long it took,
# and of the one that fails whatever helps, last.
export RUST_BACKTRACE=1
step='' since=0 tests=
say() {
    took
    step=$1 since=$SECONDS
    printf '\n== %s\n' "$step"
}
took() { [ -z "$step" ] || printf -- '-- took %s s: %s\n' $((SECONDS - since)) "$step"; }
# Runs tests, and keeps what they write. They take ten minutes: whatever takes
# longer than forty hangs, and it is said what.
testing() {
    tests=$(mktemp)
    timeout --kill-after=10 "${TESTS_WITHIN:-2400}" "$@" 2>&1 | tee "$tests"
    rm -f "$tests"
    tests=
}
ended() {
    local code=$?
    took
    if [ "$code" != 0 ]; then
        [ -z "$tests" ] || awk -f scripts/failures.awk "$tests" || true
        printf '\n== failed (%s): %s\n' "$code" "$step"
    fi
    rm -f "$tests"
    exit "$code"
}
trap ended EXIT
