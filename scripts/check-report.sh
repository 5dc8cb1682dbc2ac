#!/usr/bin/env bash
# Opens the report of the main job in a real browser, on a desk and on a phone,
# by day and by night: it must not scroll sideways, not be blank, and ask the
# network for nothing. The pictures are left in target/report. Installs chromium
# where it may.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v chromium >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core
    else
        echo 'install the Debian packages chromium and fonts-dejavu-core: the report is looked at in it' >&2
        exit 1
    fi
fi

out=$PWD/target/report
page=$out/bulk_launch.html
rm -rf "$out"
mkdir -p "$out"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
fail() {
    echo "$1" >&2
    exit 1
}

# As the tests have built it.
cargo build --quiet --locked --workspace --all-features --example bulk_launch
"${CARGO_TARGET_DIR:-target}/debug/examples/bulk_launch" \
    --compare --advertisers 8 --ads 8 --report "$page" 2>"$out/log"
[ -s "$page" ] || fail "there is no report: $(cat "$out/log")"

# Width, height, what to do, and where. No preferences, nothing in the cache.
browse() {
    rm -rf "$profile"
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --hide-scrollbars --allow-file-access-from-files --virtual-time-budget=5000 \
        --user-data-dir="$profile" --window-size="$1,$2" "${@:3}" 2>"$out/browser.log"
}
# A number in a PNG's head.
head_of() { od -An -tu4 --endian=big -j"$1" -N4 "$2" | tr -d ' '; }

# The page itself lets no script run, so another one measures it in a frame.
cat >"$out/measure.html" <<'HTML'
<!DOCTYPE html><title>-</title><iframe style="border:0" src="bulk_launch.html"></iframe>
<script>
    const frame = document.querySelector('iframe');
    frame.width = location.hash.slice(1);
    frame.height = 900;
    frame.onload = () => {
        const page = frame.contentDocument.documentElement;
        document.title = `sideways ${page.scrollWidth} down ${page.scrollHeight} charts ${page.querySelectorAll('svg > title').length}`;
    };
</script>
HTML
# What a page asks for is in the browser's log, beside what the browser itself
# wants: the blank page asks for something, and that must be found.
echo '<!DOCTYPE html><title>blank</title><img alt="" src="http://127.0.0.1:9/asked">' >"$out/blank.html"
asked() { { grep -oE '"network_isolation_key":"file:.*"url":"(https?|wss?|ftp)://[^"]*"' "$1" || true; } | sed 's/.*"url"://'; }

for width in 1280 390; do
    measured=$(browse 1400 1000 --dump-dom "file://$out/measure.html#$width" | sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p')
    read -r _ sideways _ down _ charts <<<"$measured"
    echo "$width wide: $measured"
    [ "${sideways:-0}" = "$width" ] || fail "the page is ${sideways:-not} wide on a screen of $width"
    [ "${charts:-0}" -ge 6 ] || fail 'charts are missing'

    browse "$width" "$down" --screenshot="$out/blank.png" --log-net-log="$out/blank.json" "file://$out/blank.html" >/dev/null
    [[ $(asked "$out/blank.json") == */asked* ]] || fail 'the log of the network tells nothing'
    # As the browser numbers them.
    for scheme in 1:light 0:dark; do
        picture=$out/$width-${scheme#*:}.png
        browse "$width" "$down" --blink-settings="preferredColorScheme=${scheme%:*}" \
            --screenshot="$picture" --log-net-log="$out/net.json" "file://$page" >/dev/null
        [ "$(head_of 16 "$picture")" = "$width" ] && [ "$(head_of 20 "$picture")" = "$down" ] ||
            fail "$picture has not the size of the page"
        # A picture of nothing packs into almost nothing.
        [ "$(stat -c %s "$picture")" -ge $((5 * $(stat -c %s "$out/blank.png"))) ] || fail "$picture is blank"
        [ -z "$(asked "$out/net.json")" ] || fail "the page asked for $(asked "$out/net.json")"
    done
    ! cmp -s "$out/$width-light.png" "$out/$width-dark.png" || fail 'by night it looks as by day'
done
rm -f "$out"/blank.* "$out"/measure.html "$out"/net.json "$out"/browser.log
echo "look: $out/{1280,390}-{light,dark}.png"
