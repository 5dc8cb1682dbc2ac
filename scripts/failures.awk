# Reads what `cargo test` wrote, and prints each failed test with what it said:
# how that began and how it ended, where a property names its least case.
function show(  line) {
    if (test == "") return
    print "\n---- " test " (" target ")"
    for (line = 1; line <= count; line++)
        if (line <= 20 || line > count - 60) print said[line]
        else if (line == 21) print "[" count - 80 " lines are left out]"
    test = ""
}
/^ +Running |^ +Doc-tests / { target = $0; gsub(/^ +Running | +\(.*/, "", target); sub(/^ +/, "", target) }
/^test .* has been running for over/ { running[$2] = target }
/^test .* \.\.\. / { delete running[$2] }
/^failures:$|^test result:/ { show() }
/^---- .* stdout ----$/ { show(); test = $0; gsub(/^---- | stdout ----$/, "", test); count = 0; next }
# Of a backtrace only our own lines.
test != "" && /^ +[0-9]+: |^ +at \/|^stack backtrace:|^note: / { next }
test != "" { said[++count] = $0; next }
/^error|^Caused by:|process didn't exit successfully|^    `-p / { print }
END { for (test in running) print test " (" running[test] ") did not end" }
