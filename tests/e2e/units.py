#!/usr/bin/env python3
"""Units of work: told by the program, by `record --units`, by `compare --units`; the last one wins.

usage: units.py ALLOCTRAP WORKLOAD_FOLDER
"""

import json
import os
import subprocess
import sys
import tempfile

ALLOCTRAP, WORKLOAD = (os.path.abspath(a) for a in sys.argv[1:3])
LINES = 500
failures = []


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def record(name, builder, *options):
    run(ALLOCTRAP, "record", "--quiet", "-o", name, *options, "--",
        os.path.join(WORKLOAD, "logparse"), f"--builder={builder}", "access.log")
    return json.loads(run(ALLOCTRAP, "report", name, "--json"))


def row(text, name):
    found = [line.split() for line in text.splitlines() if line.strip().startswith(name)]
    check(len(found) == 1, f"one line '{name}': {found}")
    return found[0] if found else []


def check_cut_short():
    """The parser dies of its closed output, long before it comes to its end."""
    run(os.path.join(WORKLOAD, "loggen"), "--lines=20000", "-o", "long.log")
    parse = f"'{WORKLOAD}/logparse' --builder=concat long.log | head -c 1000000"
    run(ALLOCTRAP, "record", "--quiet", "-o", "cut.atrap", "--", "sh", "-c", parse)
    cut = json.loads(run(ALLOCTRAP, "report", "cut.atrap", "--json", "--focus=json_line"))
    lines = cut["units"]["count"]
    check(1000 < lines < 20000, f"lines of a parser that was cut short: {lines}")
    check(70 < cut["totals"]["allocations"] / lines < 90,
          f"allocations for each of its lines: {cut['totals']['allocations']} / {lines}")


def main():
    check_cut_short()
    run(os.path.join(WORKLOAD, "loggen"), f"--lines={LINES}", "-o", "access.log")
    told = record("told.atrap", "concat")
    check(told["units"] == {"count": LINES, "name": "line"}, f"the program's own: {told['units']}")
    allocations = told["totals"]["allocations"]
    check(allocations > 50 * LINES, f"the naive parser allocates: {allocations}")
    report = row(run(ALLOCTRAP, "report", "told.atrap"), "per line")
    check(abs(float(report[2]) - allocations / LINES) < 0.1, f"per line: {report}")

    given = record("given.atrap", "pooled", f"--units={2 * LINES}:half")
    check(given["units"] == {"count": 2 * LINES, "name": "half"}, f"record --units: {given['units']}")
    row(run(ALLOCTRAP, "report", "given.atrap"), "per half")

    text = run(ALLOCTRAP, "compare", "told.atrap", "given.atrap", "--units", "10:batch")
    per_batch = row(text, "allocations per batch")
    check(per_batch[3].replace(",", "") == f"{allocations / 10:.0f}", f"compare --units: {per_batch}")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
