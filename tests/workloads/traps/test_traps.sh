#!/bin/sh
# Each trap and its fix print the same line, and differ in what valgrind counts as they should.
# usage: test_traps.sh TRAPS
set -eu
traps=$1
# One of them leaks on purpose; under valgrind the others are shown not to.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# count NAME WAY: sets allocs, frees, bytes and callocs.
count() {
    valgrind --trace-malloc=yes "$traps" "$1" "--$2" --n=200 2>"$tmp/valgrind" >/dev/null ||
        fail "$1 --$2 under valgrind"
    grep -q 'ERROR SUMMARY: 0 errors' "$tmp/valgrind" || fail "$1 --$2: memory errors"
    summary=$(grep 'total heap usage' "$tmp/valgrind" | tr -d ,)
    allocs=$(echo "$summary" | sed 's/.*usage: \([0-9]*\) allocs.*/\1/')
    frees=$(echo "$summary" | sed 's/.* \([0-9]*\) frees.*/\1/')
    bytes=$(echo "$summary" | sed 's/.* \([0-9]*\) bytes.*/\1/')
    callocs=$(grep -c -- '-- calloc(' "$tmp/valgrind" || true)
}

# expect WHAT NAIVE FIXED: exact numbers, for n = 200.
expect() {
    [ "$2" -eq "$4" ] && [ "$3" -eq "$5" ] || fail "$name: $1: naive $2, fixed $3, not $4 and $5"
}

names=$("$traps" --list | awk '{ print $1 }')
[ "$(echo "$names" | wc -l)" -eq 10 ] || fail "ten traps, not: $names"
for name in $names; do
    for n in 1 200 1009; do
        naive=$("$traps" "$name" --naive --n=$n)
        [ "$("$traps" "$name" --fixed --n=$n)" = "$naive" ] || fail "$name: other results, n=$n"
        [ "${naive%=*}" = "$name n=$n result" ] || fail "$name prints: $naive"
    done
    [ "$("$traps" "$name" --naive)" = "$("$traps" "$name" --fixed)" ] || fail "$name: other results"
    [ "$("$traps" "$name" --naive --n=200)" != "$("$traps" "$name" --naive --n=201)" ] ||
        fail "$name: the result does not depend on n"
done

if ! command -v valgrind >/dev/null || nm "$traps" | grep -q __asan_init; then
    echo "ok: 10 traps (no valgrind here: allocations not counted)"
    exit 0
fi
for name in $names; do
    count "$name" naive
    naive_allocs=$allocs naive_frees=$frees naive_bytes=$bytes naive_callocs=$callocs
    count "$name" fixed
    [ "$allocs" -eq "$frees" ] || fail "$name --fixed leaks"
    [ "$name" = leak ] || [ "$naive_allocs" -eq "$naive_frees" ] || fail "$name --naive leaks"
    case $name in
    concat)
        expect allocations "$naive_allocs" "$allocs" 200 7
        [ "$naive_bytes" -gt $((bytes * 40)) ] || fail "concat is not quadratic: $naive_bytes, $bytes"
        ;;
    fixed-concat) expect allocations "$naive_allocs" "$allocs" 800 200 ;;
    pool) expect allocations "$naive_allocs" "$allocs" 200 1 ;;
    escape) expect allocations "$naive_allocs" "$allocs" 200 0 ;;
    boxing) expect allocations "$naive_allocs" "$allocs" 201 1 ;;
    subslice) expect allocations "$naive_allocs" "$allocs" 201 201 ;;
    presize) expect allocations "$naive_allocs" "$allocs" 1600 200 ;;
    zeroed) expect callocs "$naive_callocs" "$callocs" 200 0 ;;
    arena) expect allocations "$naive_allocs" "$allocs" 200 1 ;;
    leak) expect "blocks lost" $((naive_allocs - naive_frees)) $((allocs - frees)) 50 0 ;;
    *) fail "what does $name do?" ;;
    esac
done

# The pool is cleared after 999 requests and then every 1000, and falls back each time.
valgrind "$traps" pool --fixed --n=3000 2>&1 | grep -q 'usage: 4 allocs, 4 frees' || fail "pool does not fall back"

# Views that pin their buffers need 64 MB where copies need one buffer; without it, a clear answer.
sh -c "ulimit -v 30000; exec '$traps' subslice --fixed" >/dev/null || fail "subslice --fixed in 30 MB"
status=0
sh -c "ulimit -v 30000; exec '$traps' subslice --naive" 2>"$tmp/err" || status=$?
[ "$status" -eq 1 ] && grep -q 'subslice: out of memory' "$tmp/err" || fail "subslice --naive in 30 MB: $status"

for arguments in "" "concat" "nothing --naive" "concat --naive --n=0" "concat --naive --n=x" "a b --fixed"; do
    status=0
    # shellcheck disable=SC2086
    "$traps" $arguments >/dev/null 2>"$tmp/err" || status=$?
    [ "$status" -eq 2 ] && [ -s "$tmp/err" ] || fail "usage '$arguments' exits with $status"
done
echo "ok: 10 traps"
