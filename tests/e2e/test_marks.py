#!/usr/bin/env python3
"""What a program tells with alloctrap.h arrives, exactly, and budgets of its parts are judged.

usage: test_marks.py ALLOCTRAP TARGET_MARKS
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile

ALLOCTRAP, TARGET = (os.path.abspath(a) for a in sys.argv[1:3])
failures = []


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def ask(file, query):
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        return db.execute(query).fetchall()


def main():
    check(run(TARGET)[2] == "0 0 0\n", "without the profiler nothing is known")
    status, _, err = run(ALLOCTRAP, "record", "--quiet", "-o", "m.atrap", "--", TARGET)
    check(status == 0 and err == "1 20 2000\n", f"a thread's own counts: {err}")
    marks = dict(ask("m.atrap", "SELECT name, allocs FROM marks"))
    check(marks["warm"] == 20, f"marks: {marks}")
    phases = {row[:2]: row[2:] for row in
              ask("m.atrap", "SELECT kind, name, times, allocs, frees, bytes FROM phases")}
    check(phases == {("phase", "outer"): (1, 6, 6, 600), ("phase", "parse"): (3, 12, 12, 1200),
                     ("pause", "paused"): (1, 100, 100, 10000),
                     ("forbidden zone", "hot"): (1, 3, 3, 300)}, f"phases: {phases}")
    check(ask("m.atrap", "SELECT * FROM losses") == [], "nothing was lost")

    with open("w.yaml", "w", encoding="utf-8") as out:
        out.write("""version: 1
budgets:
  - { name: start, window: { until_mark: warm }, match: { function: churn }, limits: { allocs: 10 } }
  - { name: warm, window: { after_mark: warm, until_mark: done }, limits: { allocs: 20 } }
  - { name: one less, window: { after_mark: warm, until_mark: done }, limits: { allocs: 19 } }
  - { name: parse, window: { phase: parse }, limits: { allocs: 12, bytes: 1200 } }
  - { name: whole, match: { function: churn }, limits: { allocs: 51 } }
  - { name: nowhere, window: { phase: parce }, limits: { allocs: 1 } }
""")
    status, out, _ = run(ALLOCTRAP, "check", "m.atrap", "--budget=w.yaml", "--report=json")
    verdicts = {b["name"]: b["verdict"] for b in json.loads(out)["budgets"]}
    check(status == 1 and verdicts == {
        "start": "ok", "warm": "ok", "one less": "broken", "parse": "ok", "whole": "ok",
        "nowhere": "inconclusive", "zone 'hot' does not allocate": "broken"}, f"{verdicts}")
    check(json.loads(out)["ignored"]["paused_allocations"] == 100, "the pause is told")
    with open("one.yaml", "w", encoding="utf-8") as out:
        out.write("""version: 1
units: { calls: "no_such_function", name: call }
budgets:
  - { name: called, per: call, limits: { allocs: 0 } }
""")
    _, out, _ = run(ALLOCTRAP, "check", "m.atrap", "--budget=one.yaml")
    check("units.calls 'no_such_function' is no function of the allocator" in out, f"units that nothing counts: {out}")

    status, _, _ = run(ALLOCTRAP, "record", "--quiet", "--trace", "-o", "many.atrap", "--", TARGET, "x")
    kept = ask("many.atrap", "SELECT count(*), sum(kind = 1) FROM span WHERE kind < 2")
    check(status == 0 and kept == [(512, 1)], f"a thousand marks are bounded: {kept}")
    check(ask("many.atrap", "SELECT sum(allocs) FROM marks WHERE name = 'tick'") == [(1000,)],
          "and none of their allocations is missing")

    status, _, err = run(ALLOCTRAP, "record", "--quiet", "--mark-at=1us", "-o", "t.atrap", "--", TARGET)
    names = [row[0] for row in ask("t.atrap", "SELECT name FROM marks")]
    check(status == 0 and names == ["at 1000 ns", "warm", "done"], f"--mark-at: {names} {err}")
    check(run(ALLOCTRAP, "record", "--mark-at=5", "--", TARGET)[0] == 2, "--mark-at wants a unit")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
