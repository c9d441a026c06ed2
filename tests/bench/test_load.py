#!/usr/bin/env python3
"""The benchmark's own programs do what they say: each mode of the load program runs, its line is the
same for each run and under both floors, the timing floor sees the calls, and stopwatch passes the
exit status. No time is asserted.

    test_load.py LOAD STOPWATCH FLOOR_FORWARD FLOOR_TIMING
"""
import json
import os
import subprocess
import sys
import tempfile

MODES = {
    # arguments: allocator calls at least, as seen by the main thread
    "--mode=empty --pairs=1000": 0,
    "--mode=paths --pairs=10000": 20000,
    "--mode=paths --pairs=10000 --depth=32 --sites=64": 20000,
    "--mode=paths --pairs=10000 --depth=32 --sites=64 --branch=every": 20000,
    "--mode=paths --pairs=10000 --depth=400 --sites=100000": 20000,
    "--mode=paths --pairs=10000 --depth=20 --sites=1000 --live=1000": 20000,
    "--mode=paths --pairs=10000 --depth=32 --sites=64 --threads=8": 2500,
    "--mode=paths --pairs=10000 --threads=300": 66,
    "--mode=cross --pairs=10000 --threads=2 --warm-up=100": 10000,
    "--mode=realloc --pairs=10000": 10000,
}
BAD = ["--mode=none", "--pairs=0", "--pairs=x", "--depth=2", "--sites=64", "--mode=cross", "more"]
NO_PATH_IN_COMMON = 2


class Checks:
    def __init__(self):
        self.failed = 0

    def that(self, good, what):
        self.failed += not good
        print(("ok   " if good else "FAIL ") + what)


def run_load(load, arguments, result, preload=None):
    environment = dict(os.environ, LD_PRELOAD=preload) if preload else None
    run = subprocess.run([load, *arguments.split(), f"--result={result}"], env=environment,
                         stdout=subprocess.PIPE, check=True)
    with open(result) as file:
        return run.stdout, json.load(file)


def check_modes(checks, load, floors, result):
    for arguments, calls in MODES.items():
        plain, timed = run_load(load, arguments, result)
        wanted = int(arguments.split("--pairs=")[1].split()[0])
        checks.that(wanted <= timed["pairs"] < wanted * 1.1, f"{arguments}: {timed['pairs']} pairs")
        checks.that(timed["timed_calls"] == 0, f"{arguments}: no floor, no calls seen")
        again, _ = run_load(load, arguments, result)
        checks.that(plain == again, f"{arguments}: each run prints the same")
        for floor in floors:
            under, timed = run_load(load, arguments, result, preload=floor)
            checks.that(under == plain, f"{arguments}: the same under {os.path.basename(floor)}")
        checks.that(timed["timed_calls"] >= calls and (calls == 0) == (timed["timed_calls"] < 100),
                    f"{arguments}: the timing floor saw {timed['timed_calls']} calls")
        checks.that((timed["timed_ticks"] > 0) == (timed["timed_calls"] > 0), f"{arguments}: and timed them")


def check_paths_differ(checks, load, result):
    lines = {run_load(load, f"--pairs=1000 --depth=32 --sites={sites} --branch={branch}", result)[0].split()[-1]
             for sites in (1, 2, 64) for branch in ("even", "every")}
    checks.that(len(lines) > NO_PATH_IN_COMMON, "call paths are not all the same")


def check_usage(checks, load):
    for arguments in BAD:
        run = subprocess.run([load, arguments], capture_output=True)
        checks.that(run.returncode == 2 and b"usage" in run.stderr, f"{arguments}: refused")


def check_stopwatch(checks, stopwatch, result):
    for command, status in (("exit 7", 7), ("kill -9 $$", 137), ("true", 0)):
        run = subprocess.run([stopwatch, result, "sh", "-c", command])
        checks.that(run.returncode == status, f"stopwatch: {command}: {run.returncode}")
        with open(result) as file:
            lived = json.load(file)
        checks.that(lived["wall_s"] > 0 and lived["peak_kib"] > 0, f"stopwatch: {command}: {lived}")
    checks.that(subprocess.run([stopwatch, result, "./no-such-program"], stderr=subprocess.DEVNULL).returncode == 127,
                "stopwatch: no such program")


def main():
    load, stopwatch, *floors = map(os.path.abspath, sys.argv[1:])
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="alloctrap-bench.") as work:
        result = os.path.join(work, "result.json")
        check_modes(checks, load, floors, result)
        check_paths_differ(checks, load, result)
        check_usage(checks, load)
        check_stopwatch(checks, stopwatch, result)
    sys.exit(checks.failed != 0)


main()
