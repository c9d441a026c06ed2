#!/usr/bin/env python3
"""Recordings of real runs together: `compare --run` twice, `--keep`, `--fail-on-change`, a rebuilt
program compared with what it was, and `merge`, whose sums are those of its parts in any order.

    test_merge_compare.py ALLOCTRAP WORKLOAD_DIR
"""
import json
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile

from harness import Alloctrap, Checks

checks = Checks()
alloctrap = Alloctrap(sys.argv[1])
workloads = os.path.abspath(sys.argv[2])

# The naive and the better way, and the same again with lines moved: names are all that stays.
SOURCE = """
#include <stdlib.h>
#include <string.h>
@
__attribute__((noinline)) char *join(char *old, const char *piece)
{
    char *both = malloc((old ? strlen(old) : 0) + strlen(piece) + 1);
    strcpy(both, old ? old : "");
    strcat(both, piece);
    free(old);
    return both;
}
int main(void)
{
    char *text = NULL;
    for (int i = 0; i < 100; i++) text = join(text, "piece");
    free(text);
    return 0;
}
"""


def totals(recording):
    return alloctrap.report(recording)["totals"]


def raw_ns(recording):
    with sqlite3.connect(recording) as database:
        return database.execute("SELECT ns FROM run").fetchone()[0]


def check_run_twice():
    naive, pooled = (shlex.join([os.path.join(workloads, "logparse"), f"--builder={builder}",
                                 "access.log"]) for builder in ("concat", "pooled"))
    run = alloctrap.run("compare", "--run", naive, "--run", pooled, "--keep", "kept", "--json")
    checks.same(run.returncode, 0, f"compare --run twice: {run.stderr.decode()[-200:]!r}")
    compared = json.loads(run.stdout)
    checks.that(compared["format"] == "alloctrap-compare/1", "its JSON says its format")
    before, after = totals("kept/before.atrap"), totals("kept/after.atrap")
    checks.that(before["allocations"] > 80 * 500 > 1000 > after["allocations"],
                f"the naive parser allocates, the pooled one does not: {after['allocations']}")
    text = alloctrap.run("compare", "kept/before.atrap", "kept/after.atrap").stdout.decode()
    checks.that(f"{before['allocations']:,}" in text and "per line" in text,
                "kept recordings compare again, by the line")
    changed = alloctrap.run("compare", "kept/before.atrap", "kept/after.atrap", "--fail-on-change")
    same = alloctrap.run("compare", "kept/before.atrap", "kept/before.atrap", "--fail-on-change")
    checks.same((changed.returncode, same.returncode), (1, 0), "--fail-on-change")
    failing = alloctrap.run("compare", "--run", "exit 3", "--run", "true")
    checks.that(failing.returncode == 0 and b"ended with status 3" in failing.stderr,
                "a command that fails is told of, and compared all the same")


def check_rebuild():
    for name, between in (("first", ""), ("second", "\n\n\nint unused;\nint also_unused = 5;\n")):
        with open("rebuilt.c", "w") as out:
            out.write(SOURCE.replace("@", between))
        subprocess.run(["gcc", "-g", "-O1" if between else "-O2", "-fno-builtin", "rebuilt.c", "-o",
                        "rebuilt"], check=True)
        alloctrap.record(f"{name}.atrap", ["./rebuilt"])
    run = alloctrap.run("compare", "first.atrap", "second.atrap", "--fail-on-change")
    text = run.stdout.decode()
    checks.that(run.returncode == 0 and "1 call site is the same on both sides" in text and
                "that are gone" not in text and "that are new" not in text,
                f"a rebuilt program is the same: {text[:80]!r}")


def check_merge():
    names = ["kept/before.atrap", "kept/after.atrap", "first.atrap"]
    runs = [alloctrap.run("merge", *order, "-o", f"sum{i}.atrap") for i, order in
            enumerate((names, names[::-1], names[1:] + names[:1]))]
    checks.same([run.returncode for run in runs], [0, 0, 0], f"merge: {runs[0].stderr!r}")
    parts, sums = [totals(name) for name in names], [totals(f"sum{i}.atrap") for i in range(3)]
    for key in ("allocations", "frees", "allocated_bytes", "temporary_allocations",
                "live_at_end_bytes"):
        checks.same(sums[0][key], sum(part[key] for part in parts), f"merge: {key} is the sum")
    checks.same(raw_ns("sum0.atrap"), sum(raw_ns(name) for name in names),
                "merge: time is the sum, before the clock's cost is taken off")
    checks.same(sums[0]["peak_bytes"], max(part["peak_bytes"] for part in parts),
                "merge: the peak is the highest one's")
    checks.that(sums[0] == sums[1] == sums[2], "merge: in any order")
    checks.same(alloctrap.report("sum0.atrap")["merged_runs"], 3, "merge: of three runs")
    alloctrap.run("merge", "kept/before.atrap", "kept/after.atrap", "-o", "two.atrap")
    alloctrap.run("merge", "two.atrap", "first.atrap", "-o", "grouped.atrap")
    checks.same(totals("grouped.atrap"), sums[0], "merge: however they are grouped")


with tempfile.TemporaryDirectory(prefix="alloctrap-compare.") as work:
    os.chdir(work)
    subprocess.run([os.path.join(workloads, "loggen"), "--lines=500", "-o", "access.log"],
                   check=True, stderr=subprocess.DEVNULL)
    check_run_twice()
    check_rebuild()
    check_merge()
    os.chdir("/")
checks.finish()
