#!/usr/bin/env python3
"""alloctrap/criterion.h: assertions pass and fail under the recorder, and skip with a word without.

usage: test_criterion.py ALLOCTRAP PROGRAM...
"""

import os
import subprocess
import sys
import tempfile

failures = []


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    alloctrap, *programs = (os.path.abspath(a) for a in sys.argv[1:])
    check(len(programs) == 2, "C and C++")
    for program in programs:
        status, out = run(program)
        check(status == 0 and out.count("not under alloctrap: run it by") == 3, f"all skip: {out}")
        with tempfile.TemporaryDirectory() as folder:
            status, out = run(alloctrap, "record", "--quiet", "-o", f"{folder}/r.atrap", "--", program,
                              "--verbose", "-j1")
        check(status != 0, f"{program} fails as it should")
        check("[PASS] good::counts_are_exact" in out, f"good ones pass: {out}")
        check("make(4): 4 allocations, wanted <= 3" in out, f"one too many: {out}")
        check("leak(): 1 allocations, 0 frees" in out, f"a leak: {out}")


main()
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
