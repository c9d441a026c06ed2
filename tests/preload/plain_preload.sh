#!/bin/sh
# Plain LD_PRELOAD, with no launcher: plain_preload.sh LIBRARY TARGET
# A stand-in for the recorder, beside a copy of the library as in an installation, writes down how
# it was started.
set -eu
library=$(realpath "$1")
target=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir "$work/preload" "$work/analyzer" "$work/run"
cp "$library" "$work/preload/lib.so"
cat >"$work/analyzer/alloctrap" <<'RECORDER'
#!/bin/sh
out=$(dirname "$0")/started
exec 5>&1
stdout=$(readlink /proc/$$/fd/5)
{
    echo "arguments $*"
    echo "preload ${LD_PRELOAD-none} session ${ALLOCTRAP_SESSION-none}"
    echo "stdin $(readlink /proc/$$/fd/0) stdout $stdout"
    echo "leaked $(ls /proc/$$/fd | grep -c -e '^7$' -e '^8$')"
    sed -n -e 's/^SigBlk:\t/blocked /p' -e 's/^SigIgn:\t/ignored /p' /proc/$$/status
    echo "session leader $(awk '{ print ($6 == $1) }' /proc/$$/stat)"
} >"$out.tmp"
mv "$out.tmp" "$out"
RECORDER
chmod +x "$work/analyzer/alloctrap"

fail() {
    echo "plain_preload: $1" >&2
    cat "$work/analyzer/started" >&2 || true
    exit 1
}

cd "$work/run"
# Every child must be one that the shell knows; a strange one would show in its wait.
LD_PRELOAD="$work/preload/lib.so" "$target" abort >"$work/out" 7</dev/null 8</dev/null || true
grep -q '^allocs=1000 ' "$work/out" || fail "the target's output is not as without us"
tries=0
while [ ! -e "$work/analyzer/started" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || fail "no recorder was started"
    sleep 0.05
done
started=$work/analyzer/started
dir=$(echo "$work"/run/alloctrap.*.atrap.session)
name=$(basename "$dir" .session)
grep -q "^arguments attach --session $dir --pid [0-9]* -o $name\$" "$started" || fail "arguments"
grep -q '^preload none session none$' "$started" || fail "environment"
grep -q '^stdin /dev/null stdout /dev/null$' "$started" || fail "descriptors"
grep -q '^leaked 0$' "$started" || fail "inherited descriptors"
grep -q '^blocked 0*$' "$started" || fail "blocked signals"
grep -q '^ignored 0*$' "$started" || fail "ignored signals"
grep -q '^session leader 1$' "$started" || fail "no session of its own"
[ "$(stat -c %a "$dir")" = 700 ] || fail "mode of the session directory"
[ "$(ls "$dir" | grep -c '\.session$')" = 1 ] || fail "not one session file"

# Children join the same directory, and no second recorder is started.
rm -r "$dir" "$started"
LD_PRELOAD="$work/preload/lib.so" sh -c "'$target' _exit; '$target' _exit; true" >"$work/out"
dir=$(echo "$work"/run/alloctrap.*.atrap.session)
[ -d "$dir" ] || fail "not one session directory for a shell and its children"
[ "$(ls "$dir" | grep -c '\.session$')" -ge 3 ] || fail "the shell's children have no session"

# Where nothing can be set up there is one line, and the program runs as ever.
rm -r "$dir" "$work/analyzer/alloctrap"
LD_PRELOAD="$work/preload/lib.so" "$target" _exit >"$work/out" 2>"$work/err" || fail "exit status"
[ "$(wc -l <"$work/err")" = 1 ] || fail "not one line on standard error"
grep -q '^alloctrap: not recording: cannot start the alloctrap program' "$work/err" || fail "message"
grep -q '^allocs=1000 ' "$work/out" || fail "output of a program that is not recorded"
[ -z "$(ls "$work/run")" ] || fail "something was left behind"
