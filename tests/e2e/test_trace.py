#!/usr/bin/env python3
"""`record --trace`: the events kept give, by the same aggregator, the profile that was made live;
and on our own threads the published counters are those of the recording, to the unit.

    test_trace.py ALLOCTRAP TRACE_AGREES TARGET_DIR WORKLOAD_DIR
"""
import os
import subprocess
import sys
import tempfile

from harness import Alloctrap, Checks, own_totals, published

checks = Checks()
alloctrap = Alloctrap(sys.argv[1])
trace_agrees, targets, workloads = (os.path.abspath(argument) for argument in sys.argv[2:5])


def target(name):
    return os.path.join(targets, "target_" + name)


def check_agrees():
    subprocess.run([os.path.join(workloads, "loggen"), "--lines=300", "-o", "access.log"],
                   check=True, stderr=subprocess.DEVNULL)
    for command in ([target("reallocs")], [target("family")], [target("churn")],
                    [target("threads")], [target("signals")],
                    [os.path.join(workloads, "logparse"), "--builder=concat", "access.log"],
                    [sys.executable, "-c", "print(len([str(i) * 99 for i in range(9999)]))"]):
        run = alloctrap.record("run.atrap", command, "--trace")
        checks.that(run.returncode == 0 and b"nothing lost" in run.stderr, f"{command[0]} runs")
        agrees = subprocess.run([trace_agrees, "run.atrap"], capture_output=True)
        checks.same(agrees.returncode, 0, f"{os.path.basename(command[0])}: live and trace agree: "
                    f"{agrees.stdout.decode().splitlines()[-1:]} {agrees.stderr.decode()}")
        if agrees.returncode != 0:
            print("\n".join(agrees.stdout.decode().splitlines()[:12]))


def check_published():
    """Each line is a process's; what they tell adds up to what was recorded of them."""
    for name, options in (("threads", []), ("churn", []), ("forks", []), ("execs", []),
                          ("reallocs", []), ("family", []), ("signals", []), ("steps", []),
                          ("threads", ["--on-full=drop"]), ("threads", ["--latency=off"]),
                          ("churn", ["--depth=1"])):
        run = alloctrap.record("run.atrap", [target(name)], *options)
        told, lines = published(run.stdout)
        checks.that(lines > 0, f"{name} {options}: publishes {told} in {lines} lines")
        checks.same(own_totals("run.atrap", target(name)), told, f"{name} {options}: to the unit")


with tempfile.TemporaryDirectory(prefix="alloctrap-trace.") as work:
    os.chdir(work)
    check_agrees()
    check_published()
    os.chdir("/")
checks.finish()
