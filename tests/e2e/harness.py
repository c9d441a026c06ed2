"""What the end-to-end tests share: counting checks, recording a command, reading its report.

Every wait has an end (WAIT_S), and nothing sleeps for the sake of timing: what is waited for is
asked again and again.
"""
import json
import os
import sqlite3
import subprocess
import sys
import time

WAIT_S = 60
LAST_LINE = "see it with: alloctrap report "


class Checks:
    """Counts claims; a test that made none has failed."""

    def __init__(self):
        self.failed = 0
        self.made = 0

    def that(self, claim, what):
        self.made += 1
        self.failed += not claim
        print(("ok   " if claim else "FAIL ") + what, flush=True)
        return claim

    def same(self, actual, expected, what):
        return self.that(actual == expected,
                         what + ("" if actual == expected else f": {actual!r}, not {expected!r}"))

    def finish(self):
        print(f"{self.made - self.failed} of {self.made} checks hold")
        sys.exit(self.failed != 0 or self.made == 0)


class Alloctrap:
    """The program under test."""

    def __init__(self, path):
        self.path = os.path.abspath(path)

    def run(self, *arguments, **options):
        options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
        return subprocess.run([self.path, *arguments], capture_output=True, timeout=WAIT_S,
                              **options)

    def record(self, recording, command, *options, **run_options):
        if os.path.exists(recording):
            os.unlink(recording)
        return self.run("record", "-o", recording, *options, "--", *command, **run_options)

    def start_record(self, recording, command, *options, **popen_options):
        return subprocess.Popen([self.path, "record", "-o", recording, *options, "--", *command],
                                **popen_options)

    def report(self, recording):
        """The report as JSON, but for most of its call sites; None when there is none."""
        run = self.run("report", recording, "--json", "--top=1")
        return json.loads(run.stdout) if run.returncode == 0 else None


def wait_for(condition):
    """True as soon as condition() is; False when WAIT_S have passed."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.002)
    return False


def shell_status(code):
    """subprocess's status as a shell says it: 128 + N for signal N."""
    return 128 - code if code < 0 else code


def published(output):
    """The sums of the lines "allocs=A frees=F bytes=B" that targets write, and how many there are.
    An unfinished last line is none: its writer was killed."""
    sums, lines = [0, 0, 0], 0
    for line in output.decode(errors="replace").split("\n")[:-1]:
        words = line.split()
        if [word.partition("=")[0] for word in words] == ["allocs", "frees", "bytes"]:
            sums = [a + int(word.partition("=")[2]) for a, word in zip(sums, words)]
            lines += 1
    return tuple(sums), lines


def own_totals(recording, module):
    """(allocations, frees, bytes) of call sites whose innermost frame is in a file MODULE, and of
    those without a frame: what libraries allocate for a target is not the target's."""
    database = sqlite3.connect(f"file:{recording}?mode=ro", uri=True)
    sums = database.execute(
        "SELECT total(site_call.allocs), total(site_call.frees), total(site_call.bytes)"
        " FROM site_call JOIN site ON site.id = site_call.site JOIN path ON path.id = site.path"
        " JOIN frame ON frame.id = path.frame JOIN module ON module.id = frame.module"
        " WHERE module.path = ? OR site.path = 0", (os.path.realpath(module),)).fetchone()
    database.close()
    return tuple(int(number) for number in sums)
