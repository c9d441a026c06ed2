#!/bin/sh
# `alloctrap check` as a build server runs it, set by the environment; the GitHub action and the
# GitLab template beside this file use it. Exit status: that of `alloctrap check`.
#   ALLOCTRAP_COMMAND    the shell command to hold to the budgets (or ALLOCTRAP_RECORDINGS: files)
#   ALLOCTRAP_BUDGET     the policy (alloctrap.yaml)
#   ALLOCTRAP_BASELINE   the baseline (alloctrap-baseline.json)
#   ALLOCTRAP_VARIANT    its part for this platform
#   ALLOCTRAP_RUNS       how often to run
#   ALLOCTRAP_UNITS      units of work of each run, N or N:NAME
#   ALLOCTRAP_STRICT     "true": warnings fail too
#   ALLOCTRAP_KEEP       the folder for reports, and for recordings when a budget is not met
#   ALLOCTRAP            the program (alloctrap)
set -eu
alloctrap=${ALLOCTRAP:-alloctrap}
keep=${ALLOCTRAP_KEEP:-alloctrap-out}

command -v "$alloctrap" >/dev/null || {
    echo "check.sh: there is no program '$alloctrap': install alloctrap, or set ALLOCTRAP to its path" >&2
    exit 2
}
if [ -z "${ALLOCTRAP_COMMAND:-}" ] && [ -z "${ALLOCTRAP_RECORDINGS:-}" ]; then
    echo "check.sh: set ALLOCTRAP_COMMAND to the command to check, or ALLOCTRAP_RECORDINGS" >&2
    exit 2
fi

set -- --report=text --report="junit=$keep/junit.xml" --report="gitlab=$keep/codequality.json" \
    --report="sarif=$keep/alloctrap.sarif" --report="json=$keep/check.json" \
    --report="markdown=$keep/check.md" --report="bench-json=$keep/bench.json"
[ -z "${ALLOCTRAP_BUDGET:-}" ] || set -- "$@" --budget="$ALLOCTRAP_BUDGET"
[ -z "${ALLOCTRAP_BASELINE:-}" ] || set -- "$@" --baseline="$ALLOCTRAP_BASELINE"
[ -z "${ALLOCTRAP_VARIANT:-}" ] || set -- "$@" --variant="$ALLOCTRAP_VARIANT"
[ -z "${ALLOCTRAP_UNITS:-}" ] || set -- "$@" --units="$ALLOCTRAP_UNITS"
[ "${ALLOCTRAP_STRICT:-}" != true ] || set -- "$@" --strict
mkdir -p "$keep"
status=0
if [ -n "${ALLOCTRAP_COMMAND:-}" ]; then
    [ -z "${ALLOCTRAP_RUNS:-}" ] || set -- "$@" --runs="$ALLOCTRAP_RUNS"
    "$alloctrap" check --run "$ALLOCTRAP_COMMAND" --keep "$keep" "$@" || status=$?
else
    # shellcheck disable=SC2086 # a list of files
    "$alloctrap" check $ALLOCTRAP_RECORDINGS "$@" || status=$?
fi
# In GitHub Actions the summary is the markdown; `check` leaves it to whoever asks for a file.
if [ "${GITHUB_ACTIONS:-}" = true ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$keep/check.md" ]; then
    cat "$keep/check.md" >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
