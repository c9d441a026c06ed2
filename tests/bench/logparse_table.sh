#!/bin/sh
# Both log parsers at 100, 1,000, 10,000 ... lines, as a markdown table on standard output.
# usage: logparse_table.sh [--full] [--lines=N] [--seed=N] [FOLDER]
#   --lines=N   the largest log (default 1,000,000); --full means 10,000,000: 2.4 GB in TMPDIR
#   --seed=N    which log (default 1)
#   FOLDER      where logparse and loggen are (default: build/tests/workloads/logparse)
# Allocations come from `alloctrap record` in a second run of each, when ALLOCTRAP names that
# program; the times are always those of a run without it.
set -eu
export LC_ALL=C # the figures' decimal point
max=1000000
seed=1
folder=
for argument in "$@"; do
    case $argument in
    --full) max=10000000 ;;
    --lines=*) max=${argument#*=} ;;
    --seed=*) seed=${argument#*=} ;;
    -h | --help)
        sed -n '2,9s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    -*)
        echo "logparse_table.sh: no option '$argument'; --help lists them" >&2
        exit 2
        ;;
    *) folder=$argument ;;
    esac
done
case $max in
'' | *[!0-9]*)
    echo "logparse_table.sh: --lines wants a number, not '$max'" >&2
    exit 2
    ;;
esac
folder=${folder:-$(dirname "$0")/../../build/tests/workloads/logparse}
for program in logparse loggen; do
    if [ ! -x "$folder/$program" ]; then
        echo "logparse_table.sh: no $program in $folder; build it first (ninja -C build)" >&2
        exit 2
    fi
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

grouped() {
    echo "$1" | sed -e :a -e 's/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/;ta'
}

print_head() {
    head="| lines | builder | seconds | lines/s | p50 us | p99 us | max us | peak RSS MiB |"
    rule="|--:|:--|--:|--:|--:|--:|--:|--:|"
    if [ -n "${ALLOCTRAP:-}" ]; then
        head="$head allocations | per line | bytes allocated |"
        rule="$rule--:|--:|--:|"
    fi
    echo "$head"
    echo "$rule"
}

# count_allocations BUILDER LINES: the recorded columns of one row. Counts are exact whatever else is
# left out, so all else is.
count_allocations() {
    "$ALLOCTRAP" record --quiet --on-full=drop --latency=off --free-stacks=off --stacks=none -o "$tmp/run.atrap" -- \
        "$folder/logparse" --builder="$1" "$tmp/log" >/dev/null 2>"$tmp/record.err" || {
        cat "$tmp/record.err" >&2
        exit 1
    }
    "$ALLOCTRAP" report "$tmp/run.atrap" --json --top=1 >"$tmp/report"
    rm -f "$tmp/run.atrap"
    allocations=$(jq .totals.allocations "$tmp/report")
    bytes=$(jq .totals.allocated_bytes "$tmp/report")
    per_line=$(jq ".totals.allocations / $2 * 100 | round / 100" "$tmp/report")
    printf ' %s | %s | %s |' "$(grouped "$allocations")" "$per_line" "$(grouped "$bytes")"
}

# print_row BUILDER LINES
print_row() {
    "$folder/logparse" --builder="$1" --stats=json "$tmp/log" >/dev/null 2>"$tmp/stats"
    jq -r '[.wall_ns / 1e9, .lines_per_second, .batch.p50_ns / 1e3, .batch.p99_ns / 1e3,
            .batch.max_ns / 1e3, .peak_rss_kib / 1024] | @tsv' "$tmp/stats" >"$tmp/row"
    read -r seconds rate p50 p99 longest rss <"$tmp/row"
    printf '| %s | %s | %.3f | %s | %.0f | %.0f | %.0f | %.1f |' "$(grouped "$2")" "$1" \
        "$seconds" "$(grouped "$(printf %.0f "$rate")")" "$p50" "$p99" "$longest" "$rss"
    if [ -n "${ALLOCTRAP:-}" ]; then
        count_allocations "$1" "$2"
    fi
    echo
    jq -r .checksum "$tmp/stats" >"$tmp/checksum.$1"
}

print_head
lines=100
while [ "$lines" -le "$max" ]; do
    "$folder/loggen" --seed="$seed" --lines="$lines" -o "$tmp/log" 2>/dev/null
    print_row concat "$lines"
    print_row pooled "$lines"
    if ! cmp -s "$tmp/checksum.concat" "$tmp/checksum.pooled"; then
        echo "logparse_table.sh: the builders' output differs at $lines lines" >&2
        exit 1
    fi
    lines=$((lines * 10))
done
