#!/usr/bin/env python3
"""Causes of slow calls: programs whose slow calls have one cause each, told by what the kernel
counted within them. How many calls are slow is the machine's; what is asked for is that the cause
is found, and that each cause that is told is what its numbers say.

usage: test_causes.py ALLOCTRAP TARGET_SLOW
"""
import os
import sqlite3
import sys
import tempfile

from harness import Alloctrap, Checks

SLOW_NS = 10000
MMAP_BYTES = 128 * 1024
FAULT_NS = 2000
RUNS = 4
SAVED_NS = 16000000  # preload/hook_cause.h
ASK_NS = 2000
JOINED_LEAST = 100  # of 200 rounds; 2 when popular places spent what rare slow calls need
# The cause, and the function of the target whose calls have it.
CASES = {
    "first-touch": "touch_first",
    "mmap-threshold": "map_and_unmap",
    "lock": "wait_for_lock",
    "preemption": "be_preempted",
    "consolidation": "join_blocks",
}


def query(recording, text):
    database = sqlite3.connect(f"file:{recording}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    rows = [dict(row) for row in database.execute(text)]
    database.close()
    return rows


def expected(call):
    """docs/advice.md, "Causes of slow calls", once more. ns: as recorded."""
    minor, major = call["minor_faults"], call["major_faults"]
    if minor * FAULT_NS < call["ns"] // 2:
        if call["voluntary"] and not major:
            return "lock"
        if call["involuntary"] and not call["voluntary"]:
            return "preemption"
    is_new = call["call"] in ("malloc", "calloc")
    if call["size"] >= MMAP_BYTES and (minor or not is_new):
        return "mmap-threshold"
    return "first-touch" if minor or major else "consolidation"


def record_until_found(checks, alloctrap, target, recording, cause, function):
    """On a busy machine few of a run's slow calls may be measured: (calls by cause, slowest calls) of
    the first run that has the cause, both in the sums and among the slowest, or of the last."""
    for _ in range(RUNS):
        run = alloctrap.record(recording, [target, cause])
        checks.same(run.returncode, 0, f"{cause}: recorded")
        found = {row["cause"]: row["calls"] for row in query(
            recording, "SELECT cause, sum(calls) AS calls FROM slow_causes"
            f" WHERE function = '{function}' GROUP BY cause")}
        calls = query(recording, "SELECT * FROM slow_calls")
        if cause in found and any(call["cause"] for call in calls):
            break
    return found, calls


def check_cause(checks, alloctrap, target, work, cause, function):
    recording = os.path.join(work, cause + ".atrap")
    found, calls = record_until_found(checks, alloctrap, target, recording, cause, function)
    least = JOINED_LEAST if cause == "consolidation" else 1
    checks.that(found.get(cause, 0) >= least, f"{cause}: found in {function}: {found}")
    told = [call for call in calls if call["cause"] is not None]
    wrong = [call for call in told if call["ns"] < SLOW_NS or call["cause"] != expected(call)]
    checks.that(told and not wrong, f"{cause}: {len(told)} of the {len(calls)} slowest calls have a cause,"
                f" which their numbers say; not {wrong[:2]}")
    checks.that(all(call["minor_faults"] is None for call in calls if call["cause"] is None),
                f"{cause}: what was not measured has no numbers")
    return recording, told


def check_report(checks, alloctrap, recording, told):
    """The text and the JSON say what the recording holds."""
    report = alloctrap.report(recording)
    measured = [call for call in report["slow_calls"] if "cause" in call]
    checks.same(len(measured), len(told), "report --json: the same calls have a cause")
    checks.that(all("minor_faults" not in call for call in report["slow_calls"] if "cause" not in call),
                "report --json: not measured is not 0")
    checks.that(report["slow_causes"] and all(row["calls"] > 0 for row in report["slow_causes"]),
                "report --json: sums by site and cause")
    text = alloctrap.run("report", recording, "--latency", "--top=1000").stdout.decode()
    checks.that(told[0]["cause"].replace("-", " ") in text.split("Slowest calls")[-1],
                "report --latency: the cause stands beside the call")


def check_off(checks, alloctrap, target, work):
    """Not asked for, nothing is measured; and a program without slow calls has nothing to tell."""
    recording = os.path.join(work, "off.atrap")
    for option in ("--slow-causes=off", "--latency=off"):
        run = alloctrap.record(recording, [target, "consolidation"], option)
        sums = query(recording, "SELECT count(*) AS rows FROM slow_cause")
        calls = query(recording, "SELECT count(*) AS calls, total(cause) AS causes FROM slow_call")
        checks.that(run.returncode == 0 and sums[0]["rows"] == 0 and calls[0]["causes"] == 0
                    and (option == "--latency=off" or calls[0]["calls"] > 0), f"{option}: nothing is measured")


def check_bound(checks, alloctrap, target, work):
    """Asking takes at most one part in 64 of the time and a sixteenth of what slow calls take. Under
    strace each asking counts as ASK_NS, the most that is charged for one."""
    recording, trace = os.path.join(work, "bound.atrap"), os.path.join(work, "calls")
    for option in ("--slow-causes=on", "--slow-causes=off"):
        run = alloctrap.record(recording, ["strace", "-f", "-e", "trace=getrusage", "-o", trace, target,
                                           "consolidation", "30"], option)
        checks.same(run.returncode, 0, f"{option}: recorded under strace")
        with open(trace, encoding="utf-8") as lines:
            asked = sum("getrusage(RUSAGE_THREAD" in line for line in lines)
        if option == "--slow-causes=off":
            checks.same(asked, 0, f"{option}: no system call for it")
            continue
        host = query(recording, "SELECT end_ns - start_ns AS ns, process.ns AS allocator_ns FROM process"
                     " WHERE command LIKE '%target_slow%' ORDER BY allocs DESC LIMIT 1")[0]
        most = (host["ns"] + SAVED_NS + 64 // 16 * host["allocator_ns"]) // (64 * ASK_NS) + 2
        checks.that(0 < asked <= most, f"{option}: asked {asked} times, at most {most}")


def main():
    alloctrap, target = Alloctrap(sys.argv[1]), os.path.abspath(sys.argv[2])
    checks = Checks()
    with tempfile.TemporaryDirectory() as work:
        for cause, function in CASES.items():
            recording, told = check_cause(checks, alloctrap, target, work, cause, function)
            if cause == "first-touch":  # nearly all of its slow calls are measured
                check_report(checks, alloctrap, recording, told)
        check_off(checks, alloctrap, target, work)
        check_bound(checks, alloctrap, target, work)
    checks.finish()


if __name__ == "__main__":
    main()
