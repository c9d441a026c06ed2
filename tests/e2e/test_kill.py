#!/usr/bin/env python3
"""kill -9 of the host, of the recorder, of both, at several moments: nothing is lost that had
returned, the host never notices, and `alloctrap recover` gives the exact counters.

    test_kill.py ALLOCTRAP LIBRARY ENDLESS [--soak]

ENDLESS keeps in a shared file what its returned calls did, one line for each thread; of each thread
at most one call may be recorded and not be in the file yet. --soak: 450 moments instead of
6, more than 1,300 kills.
"""
import atexit
import ctypes
import glob
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile

from harness import Alloctrap, Checks, own_totals, shell_status, wait_for

LINE_BYTES = 64
SIZE_MAX = 100
PR_SET_CHILD_SUBREAPER = 36
# Threads, and how many calls have returned when the blow falls.
MOMENTS = [(1, 1), (1, 2000), (2, 70000), (4, 300), (4, 200000), (16, 20000)]
if "--soak" in sys.argv:
    MOMENTS = [(1 + moment * 7 % 16, 1 + moment * moment * 11) for moment in range(450)]

checks = Checks()
alloctrap = Alloctrap(sys.argv[1])
library, endless = (os.path.abspath(argument) for argument in sys.argv[2:4])


class Host:
    """One run of ENDLESS and the file in which it says what it did."""

    def __init__(self, threads):
        self.threads = threads
        self.path = os.path.abspath("done")
        with open(self.path, "wb") as out:
            out.truncate((threads + 1) * LINE_BYTES)
        with open(self.path, "r+b") as both:
            self.lines = mmap.mmap(both.fileno(), 0)
        self.command = [endless, self.path, str(threads)]

    def done(self):
        """(allocations, frees, bytes) of the calls that have returned."""
        sums = [0, 0, 0]
        for line in range(1, self.threads + 1):
            for i, number in enumerate(struct.unpack_from("<3Q", self.lines, line * LINE_BYTES)):
                sums[i] += number
        return tuple(sums)

    def calls(self):
        return self.done()[0] + self.done()[1]

    def reaches(self, calls):
        return wait_for(lambda: self.calls() >= calls)

    def stop(self):
        struct.pack_into("<Q", self.lines, 0, 1)

    def holds(self, recorded, before, after, what):
        """All that had returned before, and at most one more call of each thread than after."""
        most = (after[0] + self.threads, after[1] + self.threads,
                after[2] + self.threads * SIZE_MAX)
        together = sum(recorded[:2]) <= sum(after[:2]) + self.threads
        checks.that(all(a <= b <= c for a, b, c in zip(before, recorded, most)) and together,
                    f"{what}: recorded {recorded}, returned {after}")


def host_of(recorder):
    """The pid of the process that the recorder started."""
    path = f"/proc/{recorder.pid}/task/{recorder.pid}/children"
    with open(path) as children:
        return int(children.read().split()[0])


def start(threads, calls, recording):
    host = Host(threads)
    recorder = alloctrap.start_record(recording, host.command, stderr=subprocess.PIPE)
    if not checks.that(host.reaches(calls), f"threads {threads}: {calls} calls return"):
        recorder.kill()
        checks.finish()
    return host, recorder, host_of(recorder)


def is_gone(pid):
    """Reaps a process that has become ours (we are the subreaper)."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def check_host_killed():
    for threads, calls in MOMENTS:
        host, recorder, pid = start(threads, calls, "host.atrap")
        os.kill(pid, signal.SIGKILL)
        said = recorder.communicate()[1].decode()
        what = f"host killed, threads {threads}"
        checks.same(recorder.returncode, 128 + signal.SIGKILL, f"{what}: exit status")
        checks.that("nothing lost" in said and said.count("\n") == 1, f"{what}: {said!r}")
        host.holds(own_totals("host.atrap", endless), host.done(), host.done(), what)
        report = alloctrap.report("host.atrap")
        checks.same(report["exit"], {"kind": "signaled", "code": 9}, f"{what}: how it ended")
        checks.that(report["complete"] and report["totals"]["peak_bytes"] > 0, f"{what}: whole")
        checks.that(not os.path.exists("host.atrap.session"), f"{what}: no session is left")


def recover(host, before, what, after=None):
    """Checks what recover makes of run.atrap.session."""
    run = alloctrap.run("recover", "run.atrap.session", "-o", "recovered.atrap")
    if not checks.same((run.returncode, run.stdout), (0, b""), f"{what}: recover"):
        print(run.stderr.decode())
        return
    host.holds(own_totals("recovered.atrap", endless), before, after or host.done(), what)
    report = alloctrap.report("recovered.atrap")
    checks.that(report["counters_only"] and not report["complete"], f"{what}: says what it is")
    shown = alloctrap.run("report", "recovered.atrap").stdout.decode()
    checks.that("COUNTERS ONLY" in shown, f"{what}: and the report's text does")


def check_recorder_killed(threads, calls):
    host, recorder, pid = start(threads, calls, "run.atrap")
    recorder.kill()
    recorder.wait()
    what = f"recorder killed, threads {threads}"
    before = host.done()
    run_on = calls + 3 * 65536 * threads  # beyond what the rings hold
    checks.that(host.reaches(run_on), f"{what}: the host goes on, {host.calls()} calls")
    before = host.done()
    recover_running(host, before, what)
    host.stop()
    status = os.waitpid(pid, 0)[1]
    checks.same(os.waitstatus_to_exitcode(status), 5, f"{what}: the host's exit status")
    recover(host, host.done(), what + ", host ended")
    checks.same(own_totals("recovered.atrap", endless), host.done(), f"{what}: to the unit")
    again = alloctrap.run("record", "-o", "run.atrap", "--", "true")
    checks.that(again.returncode == 2 and b"alloctrap recover" in again.stderr,
                f"{what}: the next record does not overwrite it: {again.stderr!r}")
    subprocess.run(["rm", "-r", "run.atrap.session"], check=True)


def recover_running(host, before, what):
    """While the host runs: between what had returned before and after."""
    run = alloctrap.run("recover", "run.atrap.session", "-o", "running.atrap")
    checks.same(run.returncode, 0, f"{what}: recover of a running host")
    host.holds(own_totals("running.atrap", endless), before, host.done(), what + ", running")
    checks.same(alloctrap.report("running.atrap")["exit"]["kind"], "running",
                f"{what}: it is said to run")


def check_both_killed():
    for threads, calls in MOMENTS[1:]:
        host, recorder, pid = start(threads, calls, "run.atrap")
        recorder.kill()
        os.kill(pid, signal.SIGKILL)
        recorder.wait()
        wait_for(lambda: is_gone(pid))
        recover(host, host.done(), f"both killed, threads {threads}")
        subprocess.run(["rm", "-r", "run.atrap.session"], check=True)


def start_plain(threads, calls):
    host = Host(threads)
    run = subprocess.Popen(host.command, env={**os.environ, "LD_PRELOAD": library},
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(run.kill)
    checks.that(host.reaches(calls), f"plain, threads {threads}: {calls} calls return")
    return host, run, f"alloctrap.{os.path.basename(endless)}.{run.pid}.atrap"


def recorder_of(recording):
    """Its pid by the control file; 0 before it is there, which a host does not wait for."""
    with open(recording + ".session/control", "rb") as control:
        return struct.unpack_from("<I", control.read(), 132)[0]


def check_plain():
    host, run, recording = start_plain(4, 50000)
    os.kill(run.pid, signal.SIGKILL)
    checks.same(shell_status(run.wait()), 128 + signal.SIGKILL, "plain: killed")
    checks.that(wait_for(lambda: not os.path.exists(recording + ".session")),
                "plain, host killed: the recorder finishes by itself")
    host.holds(own_totals(recording, endless), host.done(), host.done(), "plain, host killed")
    checks.that(alloctrap.report(recording)["complete"], "plain, host killed: whole")

    host, run, recording = start_plain(4, 50000)
    checks.that(wait_for(lambda: recorder_of(recording) != 0), "plain: a recorder comes")
    pid = recorder_of(recording)
    with open(f"/proc/{pid}/cmdline") as line:
        checks.that("attach" in line.read(), "plain: the control file names the recorder")
    os.kill(pid, signal.SIGKILL)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    os.rename(recording + ".session", "run.atrap.session")
    recover(host, host.done(), "plain, both killed")


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    check_host_killed()
    check_recorder_killed(1, 1000)
    check_recorder_killed(4, 50000)
    check_both_killed()
    check_plain()
    left = glob.glob("*.session")
    checks.same(left, ["run.atrap.session"], "nothing else is left")


with tempfile.TemporaryDirectory(prefix="alloctrap-kill.") as work:
    os.chdir(work)
    main()
    os.chdir("/")
checks.finish()
