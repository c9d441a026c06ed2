#!/usr/bin/env python3
"""The recorder from outside: what passes through it, how it ends, what it says.

    test_record.py ALLOCTRAP LIBRARY TARGET_DIR
"""
import glob
import os
import pty
import re
import select
import shlex
import signal
import sqlite3
import subprocess
import sys
import tempfile

from harness import LAST_LINE, WAIT_S, Alloctrap, Checks, wait_for

checks = Checks()
alloctrap = Alloctrap(sys.argv[1])
library, targets = (os.path.abspath(argument) for argument in sys.argv[2:4])

SAYS_SIGNALS = r"""
import os, signal, sys
def say(number, frame):
    os.write(1, b"got %d\n" % number)
    if number == signal.SIGTERM:
        os._exit(7)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT, signal.SIGWINCH):
    signal.signal(number, say)
os.write(1, b"up\n")
while True:
    signal.pause()
"""


def python(code):
    return [sys.executable, "-c", code]


def check_streams():
    data = os.urandom(300000)
    run = alloctrap.record("run.atrap", ["cat"], input=data)
    checks.that(run.stdout == data, "300,000 random bytes pass through cat")
    run = alloctrap.record("run.atrap", ["sh", "-c", "echo out; echo err >&2; exit 3"])
    lines = run.stderr.decode().splitlines()
    checks.same((run.stdout, run.returncode, lines[:-1]), (b"out\n", 3, ["err"]),
                "standard output and error are the host's own but for one line")
    run = alloctrap.record("run.atrap", ["sh", "-c", "echo err >&2"], "--quiet")
    checks.same(run.stderr, b"err\n", "--quiet adds nothing")
    closed = subprocess.run(["sh", "-c", f"exec '{alloctrap.path}' record -q -o run.atrap -- "
                             "sh -c 'test -e /proc/self/fd/0 && exit 1; exit 4' <&- >&- 2>&-"])
    checks.same(closed.returncode, 4, "closed standard descriptors stay closed")


def check_last_line():
    run = alloctrap.record("run.atrap", [os.path.join(targets, "target_threads")])
    found = re.fullmatch(r"alloctrap: run\.atrap: ([\d,]+) calls \(([\d.]+ ?k?) allocations\), "
                         r"nothing lost; see it with: alloctrap report run\.atrap\n",
                         run.stderr.decode())
    if checks.that(found, f"the last line: {run.stderr!r}"):
        calls = sum(call["count"] for call in alloctrap.report("run.atrap")["calls"].values())
        checks.same(int(found.group(1).replace(",", "")), calls, "its number of calls")
    check_loss()
    check_default_name()


def check_loss():
    """The recorder stopped, a ring that never waits: most events must be lost, and all counted."""
    code = ("import os, signal; os.kill(os.getppid(), signal.SIGSTOP)\n"
            "a = [bytes(1000 + i % 9) for i in range(200000)]\n"
            "os.kill(os.getppid(), signal.SIGCONT)")
    run = alloctrap.record("run.atrap", python(code), "--on-full=drop")
    found = re.search(r"run\.atrap: ([\d,]+) not recorded \(.*the recorder did not keep up; totals "
                      r"are exact\); ([\d,]+) calls", run.stderr.decode())
    checks.that(found and run.stderr.count(b"\n") == 1, f"losses are said: {run.stderr!r}")
    report = alloctrap.report("run.atrap")
    totals, lost = report["totals"], report["loss"]["events"]
    checks.that(lost > 0 and report["loss"]["causes"], f"and are in the report: {lost}")
    checks.same(report["events_seen"] + lost,
                totals["allocations"] + totals["frees"] + totals["failed_calls"],
                "events seen + events lost = counters")
    shown = alloctrap.run("report", "run.atrap").stdout.decode()
    checks.that(shown.startswith(f"LOST {lost:,} events (ring full)"),
                "the report's first line says so")


def check_default_name():
    run = alloctrap.run("record", "--", "true")
    names = glob.glob("alloctrap.true.*.atrap")
    checks.that(len(names) == 1 and names[0].encode() in run.stderr, f"the default name: {names}")
    os.unlink(names[0])
    with open("notes.txt", "w") as out:
        out.write("mine\n")
    run = alloctrap.run("record", "-o", "notes.txt", "--", "sh", "-c", "echo ran")
    with open("notes.txt") as kept:
        checks.that(kept.read() == "mine\n" and run.returncode == 3 and run.stdout == b"",
                    f"a file that is no recording is not overwritten: {run.stderr!r}")
    checks.same(glob.glob("*.session"), [], "and no session is left behind")


def check_empty():
    for options in ([], ["--trace"]):
        run = alloctrap.record("run.atrap", [os.path.join(targets, "target_empty")], *options)
        checks.that(b"run.atrap: 0 calls (0 allocations), nothing lost" in run.stderr,
                    f"an empty C program {options}: {run.stderr!r}")
        with sqlite3.connect("run.atrap") as database:
            count = database.execute("SELECT (SELECT count(*) FROM site_call WHERE calls > 0),"
                                     " (SELECT events_seen FROM run)").fetchone()
        checks.same(count, (0, 0), f"no call and no event of ours {options}")
        checks.same(len(alloctrap.report("run.atrap")["processes"]), 1, "but the process is known")
        text = alloctrap.run("report", "run.atrap").stdout
        checks.that(re.search(rb"allocator time +0 ns", text) and b"everything was freed" not in text,
                    f"the report claims no more than that: {text!r}")


def check_exits():
    for command, status in (
            (["true"], 0), (["false"], 1), (["sh", "-c", "exit 42"], 42),
            (["sh", "-c", "kill -TERM $$"], 143), (["sh", "-c", "kill -KILL $$"], 137),
            (["sh", "-c", "ulimit -c 0; kill -SEGV $$"], 139),
            (["sh", "-c", "ulimit -c 0; kill -ABRT $$"], 134),
            ([os.path.join(targets, "target_ends"), "_exit"], 0)):
        run = alloctrap.record("run.atrap", command)
        kind = "exited" if status < 128 else "signaled"
        ended = {"kind": kind, "code": status - (128 if status > 128 else 0)}
        checks.same((run.returncode, alloctrap.report("run.atrap")["exit"]), (status, ended),
                    f"exit status of {' '.join(command)}")
    for command, status in ((["./no-such-program"], 127), (["no-such-program"], 127),
                            (["/dev/null"], 126), (["."], 126)):
        run = alloctrap.record("run.atrap", command)
        checks.that(run.returncode == status and run.stderr.count(b"\n") == 1 and
                    run.stderr.startswith(b"alloctrap: cannot run '") and
                    not os.path.exists("run.atrap"), f"{command[0]}: {run.stderr!r}")


def check_signals():
    recorder = alloctrap.start_record("run.atrap", python(SAYS_SIGNALS), "--quiet",
                                      stdout=subprocess.PIPE)
    checks.same(recorder.stdout.readline(), b"up\n", "a host that tells its signals")
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGINT, signal.SIGWINCH, signal.SIGTERM):
        recorder.send_signal(number)
        checks.same(recorder.stdout.readline(), b"got %d\n" % number,
                    f"{number.name} sent to the recorder reaches the host")
    checks.same((recorder.wait(timeout=WAIT_S), recorder.stdout.read()), (7, b""),
                "each once, and the exit status is the host's")


class Terminal:
    """A recorder at a terminal of its own, as a shell would start it."""

    def __init__(self, *command):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)

    def waits_for(self, text, impatient_key=None):
        """Until it is printed; the key is pressed again each half second that nothing is: two
        within two seconds end a recording."""
        while text not in self.seen:
            while impatient_key and not select.select([self.fd], [], [], 0.5)[0]:
                self.press(impatient_key)
            try:
                self.seen += os.read(self.fd, 4096)
            except OSError:
                return False
        return True

    def press(self, key):
        os.write(self.fd, key)

    def end(self):
        self.waits_for(b"never printed")
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status


def recording(code):
    """A recorder of that Python code, as a command."""
    return [alloctrap.path, "record", "-o", "run.atrap", "--", *python(code)]


def check_interrupt():
    allocate = "a = [bytes(1000) for i in range(30000)]; import os, signal\n"
    terminal = Terminal(*recording(allocate + "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
                                   "os.write(1, b'up\\n'); signal.pause()"))
    checks.that(terminal.waits_for(b"up\r\n"), "a host at a terminal")
    terminal.press(b"\x03")
    checks.same(terminal.end(), 130, "Ctrl-C ends the host: exit status")
    report = alloctrap.report("run.atrap")
    checks.that(report["complete"] and report["loss"]["events"] == 0 and
                report["totals"]["allocations"] > 30000, "Ctrl-C: everything so far is kept")
    checks.that(LAST_LINE.encode() in terminal.seen, "Ctrl-C: the last line is said")

    stays = "signal.signal(signal.SIGINT, lambda n, f: os.write(1, b'stays\\n'))\n"
    go_on = "os.write(1, b'up\\n')\nwhile not os.path.exists('go'): signal.sigtimedwait([], 0.05)"
    terminal = Terminal(*recording(allocate + stays + go_on))
    checks.that(terminal.waits_for(b"up\r\n"), "a host that stays at Ctrl-C")
    terminal.press(b"\x03")
    checks.that(terminal.waits_for(b"stays\r\n"), "it gets the first Ctrl-C")
    terminal.press(b"\x03")
    # The kernel makes one signal of two that the recorder has not seen in between.
    terminal.waits_for(b"alloctrap: run.atrap: ", impatient_key=b"\x03")
    os.waitpid(terminal.pid, 0)
    with open("go", "w"):
        os.close(terminal.fd)
    report = alloctrap.report("run.atrap")
    checks.that(report["exit"]["kind"] == "running" and
                report["totals"]["allocations"] > 30000,
                f"a second Ctrl-C ends the recording with all so far: {report['exit']}")


def check_stop():
    """Ctrl-Z and fg, in a shell with job control."""
    code = ("import os, signal\nsignal.signal(2, lambda n, f: os._exit(6))\n"
            "signal.signal(signal.SIGCONT, lambda n, f: os.write(1, b'goes on\\n'))\n"
            "os.write(1, b'up\\n')\nwhile True: signal.pause()")
    job = shlex.join(recording(code))
    terminal = Terminal("bash", "--norc", "-mc", f"{job}; echo stopped $?; fg; echo ended $?")
    checks.that(terminal.waits_for(b"up\r\n"), "a job of a shell")
    terminal.press(b"\x1a")
    checks.that(terminal.waits_for(b"stopped 148\r\n"), "Ctrl-Z stops it like any other")
    checks.that(terminal.waits_for(b"goes on\r\n"), "fg lets it go on")
    terminal.press(b"\x03")
    checks.that(terminal.waits_for(b"ended 6\r\n"), "and Ctrl-C reaches the host again")
    terminal.end()


def check_processes():
    run = alloctrap.record("run.atrap", [os.path.join(targets, "target_forks")])
    processes = alloctrap.report("run.atrap")["processes"]
    parents = {process["pid"] for process in processes}
    children = [process for process in processes if process["origin"] == "fork"]
    checks.same((run.returncode, len(processes), len(children)), (0, 40, 39), "40 processes")
    checks.that(all(child["parent_pid"] in parents for child in children),
                "each fork hangs under its parent")
    alloctrap.record("run.atrap", [os.path.join(targets, "target_execs")])
    processes = alloctrap.report("run.atrap")["processes"]
    checks.same((len(processes), len({process["pid"] for process in processes})), (5, 1),
                "five images of one pid")
    alloctrap.record("run.atrap", [os.path.join(targets, "target_forks")], "--follow=none")
    checks.same(len(alloctrap.report("run.atrap")["processes"]), 1, "--follow=none: one process")


def check_unseen():
    seen = "import os; print(sorted(os.listdir('/proc/self/fd')), os.listdir('/proc/self/task')" \
           " == [str(os.getpid())], sorted(os.environ))"
    plain = subprocess.run(python(seen), capture_output=True).stdout.decode()
    recorded = alloctrap.record("run.atrap", python(seen)).stdout.decode()
    for name in ("ALLOCTRAP_SESSION", "LD_PRELOAD"):
        recorded = recorded.replace(f"'{name}', ", "")
    checks.same(recorded, plain, "descriptors, threads and environment are the host's")
    children = python("import os\ntry: os.wait()\nexcept ChildProcessError: print('none')")
    run = subprocess.run(children, capture_output=True, env={**os.environ, "LD_PRELOAD": library})
    checks.same(run.stdout, b"none\n", "plain LD_PRELOAD: the recorder is not the host's child")
    checks.that(wait_for(lambda: glob.glob("alloctrap.python*.atrap") and
                         not glob.glob("*.session")), "plain LD_PRELOAD: a recording appears")
    report = alloctrap.report(glob.glob("alloctrap.python*.atrap")[0])
    checks.that(report["totals"]["allocations"] > 1000 and report["loss"]["events"] == 0,
                "plain LD_PRELOAD: it holds everything")


def main():
    for check in (check_streams, check_last_line, check_empty, check_exits, check_signals,
                  check_interrupt, check_stop, check_processes, check_unseen):
        check()


with tempfile.TemporaryDirectory(prefix="alloctrap-record.") as work:
    os.chdir(work)
    main()
    os.chdir("/")
checks.finish()
