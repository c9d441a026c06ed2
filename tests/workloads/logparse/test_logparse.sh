#!/bin/sh
# Both parsers on whole logs: same bytes, one valid line of JSON for each line, honest exits.
# usage: test_logparse.sh LOGPARSE LOGGEN FOLDER-OF-LOGS
set -eu
logparse=$1
loggen=$2
logs=$3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# expect_status STATUS COMMAND...: standard error is in $tmp/err.
expect_status() {
    want=$1
    shift
    got=0
    "$@" >"$tmp/out" 2>"$tmp/err" || got=$?
    [ "$got" -eq "$want" ] || fail "exit $got, not $want: $* ($(head -c 300 "$tmp/err"))"
}

expect_message() {
    grep -qFe "$1" "$tmp/err" || fail "no '$1' in: $(head -c 300 "$tmp/err")"
    [ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "more than one line: $(head -c 300 "$tmp/err")"
}

stat_of() {
    jq -r "$2" "$tmp/$1.stats"
}

# check_log FILE: everything that must hold for any log.
check_log() {
    lines=$(LC_ALL=C grep -ac '' "$1" || true) # counts a last line without newline, as wc does not
    for builder in concat pooled; do
        "$logparse" --builder=$builder --stats=json "$1" >"$tmp/$builder.json" 2>"$tmp/$builder.stats" ||
            fail "$builder ends with $? on $1"
        [ "$(stat_of $builder .lines)" -eq "$lines" ] || fail "$1: $builder lost lines"
        [ "$(stat_of $builder .bytes_in)" -eq "$(wc -c <"$1")" ] || fail "$1: bytes in"
        [ "$(stat_of $builder .bytes_out)" -eq "$(wc -c <"$tmp/$builder.json")" ] || fail "$1: bytes out"
    done
    cmp "$tmp/concat.json" "$tmp/pooled.json" || fail "$1: the builders differ"
    [ "$(stat_of concat .checksum)" = "$(stat_of pooled .checksum)" ] || fail "$1: checksums differ"
    python3 - "$tmp/pooled.json" "$lines" "$(stat_of pooled .malformed)" <<'PY' || fail "$1: JSON"
import json, sys
rows = [json.loads(row) for row in open(sys.argv[1], "rb").read().decode("utf-8").split("\n")[:-1]]
assert len(rows) == int(sys.argv[2]), "%d lines out" % len(rows)
assert all(isinstance(row, dict) and row for row in rows)
assert sum("malformed" in row for row in rows) == int(sys.argv[3]), "malformed lines are kept"
PY
}

seen=0
for log in "$logs"/*.log; do
    check_log "$log"
    seen=$((seen + 1))
done
[ "$seen" -ge 4 ] || fail "only $seen logs in $logs"
check_log "$logs/apache_error.log"
[ "$(stat_of pooled .defects.open_bracket)" -eq 1 ] || fail "the cut stamp is malformed"
check_log "$logs/openssh.log"
grep -q 'caf\\u00e9' "$tmp/pooled.json" || fail "the odd byte is kept"

"$loggen" --seed=3 --lines=20000 --malformed=50 -o "$tmp/generated.log" 2>"$tmp/gen.err"
check_log "$tmp/generated.log"
grep -q "20000 lines, $(stat_of pooled .malformed) of them malformed" "$tmp/gen.err" ||
    fail "generator and parser count other malformed lines: $(cat "$tmp/gen.err")"
[ "$(stat_of pooled .batch.batches)" -eq 200 ] || fail "one time for each 100 lines"
"$loggen" --seed=3 --lines=20000 --malformed=50 2>/dev/null | cmp - "$tmp/generated.log" ||
    fail "the same seed makes another log"
expect_status 0 "$logparse" --builder=concat --check "$tmp/generated.log"
cmp "$tmp/out" "$tmp/pooled.json" || fail "--check changes the output"

# A line beyond the reader's buffer, with an odd byte in it, between two others.
{
    echo first
    head -c 9000001 /dev/zero | tr '\0' 'a'
    printf '\303\251\351"\nlast'
} >"$tmp/long.log"
check_log "$tmp/long.log"
[ "$(stat_of pooled .defects.too_long)" -eq 1 ] || fail "the long line is counted"
python3 - "$tmp/pooled.json" <<'PY' || fail "the long line is not kept as it was"
import json, sys
row = json.loads(open(sys.argv[1], encoding="utf-8").read().split("\n")[1])
assert row["raw"] == "a" * 9000001 + "\u00e9\u00e9\"", row["raw"][-9:]
PY
: >"$tmp/empty.log"
check_log "$tmp/empty.log"

"$logparse" --builder=pooled - <"$logs/linux.log" >"$tmp/stdin.json" 2>/dev/null
"$logparse" --builder=concat <"$logs/linux.log" 2>"$tmp/text" | cmp - "$tmp/stdin.json" || fail "standard input"
grep -q '^time for 100 lines, in us: p50 .* p99.9 .* max ' "$tmp/text" || fail "text statistics"

expect_status 2 "$logparse" "$logs/linux.log"
expect_message '--builder=concat or --builder=pooled'
expect_status 2 "$logparse" --builder=fast
expect_message "no builder 'fast'"
expect_status 2 "$logparse" --builder=pooled a b
expect_message "'b' is one too many"
expect_status 1 "$logparse" --builder=pooled "$tmp/none.log"
expect_message "cannot open $tmp/none.log: No such file"
expect_status 1 "$logparse" --builder=pooled "$tmp"
expect_message "cannot read $tmp: Is a directory"
expect_status 1 sh -c "exec '$logparse' --builder=pooled '$tmp/generated.log' >/dev/full"
expect_message 'cannot write the output: No space left'
expect_status 1 sh -c "exec '$loggen' >/dev/full"
expect_message 'cannot write standard output: No space left'
expect_status 1 "$loggen" -o "$tmp/none/x.log"
expect_message "cannot write $tmp/none/x.log"
expect_status 2 "$loggen" --lines=-5
expect_message "'-5' is not a number"
expect_status 2 "$loggen" --malformed=1001
expect_message "'1001' is not a number from 0 to 1000"
expect_status 2 "$loggen" file.log
expect_message "'file.log' is one argument too many"

# Readers that leave early: no message, whether SIGPIPE kills us or is ignored.
for handler in - ''; do
    sh -c "trap $([ -n "$handler" ] && echo "$handler" || echo "''") PIPE; exec '$loggen' --lines=100000" 2>"$tmp/err" | head -n 1 >/dev/null
    [ ! -s "$tmp/err" ] || fail "loggen | head says: $(cat "$tmp/err")"
done

# Out of memory is an answer, not a crash. (Sanitizers need address space; their build skips it.)
if sh -c "ulimit -v 12000; exec '$logparse' --builder=pooled '$logs/linux.log'" >/dev/null 2>&1; then
    head -c 4000000 /dev/zero | tr '\0' 'b' >"$tmp/wide.log"
    for builder in concat pooled; do
        expect_status 1 sh -c "ulimit -v 12000; exec '$logparse' --builder=$builder '$tmp/wide.log'"
        expect_message "line 1: out of memory"
    done
fi
echo "ok: $seen logs, 20000 generated lines"
