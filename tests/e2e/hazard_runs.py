"""What the hazards' tests share: runs of a program, plain and recorded, and what is compared."""
import os
import re
import shutil
import sqlite3
import subprocess
import time

TIMEOUT_S = 300
STACK_BYTES = 1024
ORDER_BLOCKS = 64 + 4 * 2 + 16 # slots, in the threads' hands, libc's own
BLOCK_BYTES = 200 # the largest block of cases.h
SKIPPED = 77
PUBLISHED = re.compile(rb"^allocs=(\d+) frees=(\d+) bytes=(\d+)$")

# Of the targets' own code, and of what has no call path.
COUNTS = """
SELECT coalesce(sum(c.allocs), 0), coalesce(sum(c.frees), 0), coalesce(sum(c.bytes), 0)
FROM site_call c JOIN site s ON s.id = c.site
LEFT JOIN path p ON p.id = s.path LEFT JOIN frame f ON f.id = p.frame
LEFT JOIN module m ON m.id = f.module
WHERE s.path = 0 OR m.path LIKE '%/tests/targets/%'
"""


def query(recording, sql):
    with sqlite3.connect(f"file:{recording}?mode=ro", uri=True) as base:
        return base.execute(sql).fetchall()


class Run:
    """What a command did: its status as a shell sees it, its output without what it published."""

    def __init__(self, command, work, environment):
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT_S)
        self.take(done.returncode, done.stdout, done.stderr)

    def take(self, status, output, errors):
        self.status = 128 - status if status < 0 else status
        lines = output.split(b"\n")
        told = [match for match in map(PUBLISHED.match, lines) if match]
        self.published = len(told)
        self.counts = tuple(sum(int(match[i]) for match in told) for i in (1, 2, 3))
        self.output = sorted(line for line in lines if not PUBLISHED.match(line))
        errors = errors.split(b"\n")
        self.errors = [line for line in errors if not line.startswith(b"alloctrap: ")]
        self.said = [line.decode() for line in errors if line.startswith(b"alloctrap: ")]


class LiveRun(Run):
    """A recorded run of the target that waits for us: up, worked, done."""

    def __init__(self, hazards, output, *options, wrapper=(), environment=None):
        command = [*wrapper, hazards.alloctrap, "record", "--quiet", "-o", output, *options, "--",
                   hazards.target("hazard_watch"), "work"]
        self.process = subprocess.Popen(command, cwd=hazards.work, env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output = self.process.stdout.readline()

    def step(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        self.output += self.process.stdout.readline()

    def finish(self):
        rest, errors = self.process.communicate(b"\n", timeout=TIMEOUT_S)
        self.take(self.process.returncode, self.output + rest, errors)
        return self


class Hazards:
    def __init__(self, alloctrap, targets, sources, work):
        self.alloctrap = alloctrap
        self.shim = os.path.join(os.path.dirname(os.path.dirname(alloctrap)), "preload", "liballoctrap.so")
        self.targets = targets
        self.sources = sources
        self.work = work
        self.recording = os.path.join(work, "run.atrap")
        self.failed = 0
        self.passed = 0

    def target(self, name):
        return os.path.join(self.targets, "target_" + name)

    def library(self, name):
        return os.path.join(self.targets, f"lib{name}.so")

    def done(self, name, faults, note=""):
        self.failed += bool(faults)
        self.passed += not faults
        print(f"{'FAIL' if faults else 'ok  '} {name}{': ' + '; '.join(faults) if faults else note}",
              flush=True)

    def skip(self, name, why):
        print(f"skip {name}: {why}", flush=True)

    def clean(self):
        for path in (self.recording, self.recording + ".session"):
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)

    def record(self, command, options=(), environment=None):
        self.clean()
        return Run([self.alloctrap, "record", "--quiet", "-o", self.recording, *options, "--", *command],
                   self.work, environment)

    def pair(self, command, options=(), environment=None, is_any_number=False):
        """The plain run, the recorded one, and how they differ."""
        plain = Run(command, self.work, environment)
        recorded = self.record(command, options, environment)
        faults = []
        for what in ("status", "output", "errors") + (() if is_any_number else ("published",)):
            before, after = getattr(plain, what), getattr(recorded, what)
            if before != after:
                faults.append(f"{what} {after}, plain {before}")
        return plain, recorded, faults

    def losses(self):
        return dict(query(self.recording, "SELECT cause, events FROM loss WHERE events > 0"))

    def check_counts(self, recorded, faults, sql=COUNTS, in_doubt=0):
        """in_doubt: calls that a handler interrupted, of which nobody knows whether they returned."""
        if not os.path.exists(self.recording):
            faults.append(f"no recording; {recorded.said}")
            return
        found = query(self.recording, sql)[0]
        if max(abs(is_there - told) // (size if size else 1) for is_there, told, size in
               zip(found, recorded.counts, (1, 1, BLOCK_BYTES))) > in_doubt:
            faults.append(f"counts {found}, published {recorded.counts}; lost {self.losses()}")
        if os.path.exists(self.recording + ".session"):
            faults.append("the session was left behind")

    def case(self, group, target, *arguments, **more):
        self.command(" ".join([group, *map(os.path.basename, arguments)]), [self.target(target), *arguments],
                     **more)

    def command(self, name, command, options=(), environment=None, counts=COUNTS, said=None, in_doubt=0):
        try:
            plain, recorded, faults = self.pair(command, options, environment, in_doubt > 0)
        except subprocess.TimeoutExpired as late:
            self.done(name, [f"hangs: {' '.join(late.cmd)}"])
            return
        if plain.status == SKIPPED or (counts and plain.published == 0):
            self.skip(name, "not allowed here" if plain.status == SKIPPED else "does not run here without us")
            return
        if counts:
            self.check_counts(recorded, faults, counts, in_doubt)
        faults += [line for line in recorded.said if "please report" in line]
        if said is not None and not any(said in line for line in recorded.said):
            faults.append(f"'{said}' was not said: {recorded.said}")
        lost = self.losses() if counts and os.path.exists(self.recording) else {}
        self.done(name, faults, f": {recorded.counts[0]} allocations" + (f", without order {lost}" if lost else "")
                  + (f"; said: {said}" if said else ""))


def wait_until(condition):
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        os.sched_yield()


def tree_bytes(*paths):
    """All bytes of all files below."""
    found = b""
    for path in paths:
        files = [path] if os.path.isfile(path) else [
            os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
        for name in files:
            with open(name, "rb") as file:
                data = file.read(8 << 20)
                found += data
    return found


def library_path(name):
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"):
        for number in ("2", "4"):
            path = f"{folder}/lib{name}.so.{number}"
            if os.path.exists(path):
                return path
    return None


def compile_target(hazards, compiler, source, name, *options):
    """A variant of a target that only this test needs; None when the compiler cannot."""
    folder = os.path.join(hazards.work, "tests", "targets")
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, "target_" + name)
    built = subprocess.run([compiler, "-O0", "-g", "-fno-builtin", "-D_GNU_SOURCE", os.path.join(hazards.sources, source),
                            "-o", program, "-pthread", *options], capture_output=True)
    return program if built.returncode == 0 else None
