#!/usr/bin/env python3
"""bench_recorder - the recorder without a host, and what 100 million events leave behind.

    bench_recorder.py --build FOLDER [--markdown] [--quick]

Exit status 1 when a goal is missed. The instructions of an event repeat exactly but for the secret
that hashes are seeded with; its time does not.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import bench_print as show
from bench_goals import at_most, line

ROUNDS = 3
LIVE = 100_000
EVENTS = 20_000_000
LIVE_FOR_MEMORY = 10_000_000
PAIRS = 50_000_000  # two events each
FEW, MANY = 200_000, 600_000  # events under callgrind


def output_of(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def figure(pattern, text):
    found = re.search(pattern, text)
    if not found:
        sys.exit(f"bench_recorder: no '{pattern}' in: {text}")
    return float(found.group(1))


def speed_lines(program, quick):
    events = EVENTS // 10 if quick else EVENTS
    rates = [figure(r"([\d.]+) million events/s", output_of([program, str(LIVE), str(events)])) for _ in range(ROUNDS)]
    rate = max(rates)  # what disturbs a run only makes it slower
    return [line(f"million events a second, {LIVE:,} live blocks: best of {ROUNDS}", rate, ">= 15", rate >= 15, 1)]


def memory_lines(program, quick):
    live = LIVE_FOR_MEMORY // 10 if quick else LIVE_FOR_MEMORY
    text = output_of([program, str(live), "0"])
    worst = figure(r"at worst on the way ([\d.]+)", text)
    return [at_most(f"bytes a live block, {live:,} of them: at worst on the way", worst, 64, digits=1)]


def instructions_of(program, events, folder):
    out = os.path.join(folder, "callgrind.out")
    done = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=heap_add", f"--callgrind-out-file={out}",
                           program, "10000", str(events)], check=True, capture_output=True, text=True)
    return figure(r"Collected : (\d+)", done.stderr)


def instruction_lines(program, folder):
    counts = [instructions_of(program, events, folder) for events in (FEW, MANY)]
    return [[f"instructions of an event, {10000:,} live blocks", f"{(counts[1] - counts[0]) / (MANY - FEW):.0f}", "", ""]]


def recording_lines(alloctrap, load, folder, quick):
    pairs = PAIRS // 10 if quick else PAIRS
    recording = os.path.join(folder, "run.atrap")
    workload = [load, f"--pairs={pairs}", "--depth=16", "--sites=64", "--live=1000"]
    done = subprocess.run([alloctrap, "record", "-o", recording, "--", *workload],
                          check=True, capture_output=True, text=True)
    lost = 0 if "nothing lost" in done.stderr else 1
    spent = []
    for _ in range(ROUNDS):
        start_s = time.monotonic()
        output_of([alloctrap, "report", recording])
        spent.append(time.monotonic() - start_s)
    megabytes = os.path.getsize(recording) / 1e6
    events = f"{2 * pairs // 1_000_000} million events"
    return [line(f"{events}: something was lost", lost, "= 0", lost == 0, 0),
            at_most(f"{events}: megabytes of the recording", megabytes, 5),
            at_most(f"{events}: seconds of a report", statistics.median(spent), 0.5)]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench --recorder", description="Measures the recorder alone.")
    parser.add_argument("--build", default="build-bench", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--markdown", action="store_true", help="a table in markdown")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    bench = os.path.join(build, "tests", "bench", "bench_heap")
    load = os.path.join(build, "tests", "bench", "load")
    alloctrap = os.path.abspath(os.environ.get("ALLOCTRAP") or os.path.join(build, "analyzer", "alloctrap"))
    print(f"{len(os.sched_getaffinity(0))} cores, load average {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory(dir=build, prefix="bench.") as folder:
        lines = speed_lines(bench, options.quick) + memory_lines(bench, options.quick)
        lines += instruction_lines(bench, folder)
        lines += recording_lines(alloctrap, load, folder, options.quick)
    print(show.table(["", "measured", "goal", "met"], lines, options.markdown))
    return any(row[3] == "no" for row in lines)


if __name__ == "__main__":
    sys.exit(main())
