#!/usr/bin/env python3
"""The test suites that real programs bring give the same results under `alloctrap record`.

    suites.py ALLOCTRAP FOLDER              the short ones, as scripts/test runs them
    suites.py ALLOCTRAP FOLDER --long [NAME...]   all of them, or those named: scripts/soak suites

Sources come from the Debian mirror that apt uses, by lists of our own in FOLDER, and stay there.
Each suite runs plain, then recorded; every single test must end the same way. Suites have tests
that now and then fail by themselves: what differs has to differ in a second recorded run, too.
"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

from harness import Alloctrap, Checks
from suite_list import SUITES

SHORT_S = 200
LONG_S = 3000
SHOWN = 10  # differences named

checks = Checks()


class Mirror:
    """Debian's packages and sources, by lists of our own: the system's stay as they are."""

    def __init__(self, folder):
        self.folder = folder
        self.said = ""
        self.options = []
        for name, value in (("Etc::sourcelist", "sources.list"), ("Etc::sourceparts", "none"),
                            ("State::lists", "lists"), ("Cache", "cache")):
            self.options += ["-o", f"Dir::{name}={os.path.join(folder, value)}"]
        if os.getuid() == 0:
            self.options += ["-o", "APT::Sandbox::User=root"]

    def update(self):
        """Once for a folder."""
        if os.path.exists(os.path.join(self.folder, "lists", "done")):
            return
        for part in ("lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(self.folder, part), exist_ok=True)
        known = subprocess.run(["apt-get", "indextargets", "--format",
                                "$(REPO_URI) $(RELEASE) main", "Identifier: Packages"],
                               capture_output=True, text=True, check=True).stdout
        lines = sorted({line for line in known.split("\n") if "/debian" in line})
        with open(os.path.join(self.folder, "sources.list"), "w") as out:
            out.writelines(f"{kind} {line}\n" for line in lines for kind in ("deb", "deb-src"))
        if not self.call(self.folder, "update"):
            raise RuntimeError(f"apt-get update: {self.said}")
        open(os.path.join(self.folder, "lists", "done"), "w").close()

    def call(self, where, *words):
        """True when apt-get did it; what it SAID otherwise."""
        run = subprocess.run(["apt-get", "-q", *self.options, *words], cwd=where,
                             capture_output=True, text=True)
        self.said = (run.stdout + run.stderr)[-400:]
        return run.returncode == 0

    def sources(self, source, wanted):
        """The versions of a source package: WANTED first, the others by age, newest first."""
        run = subprocess.run(["apt-cache", *self.options, "showsrc", "--only-source", source],
                             capture_output=True, text=True)
        versions = re.findall(r"^Version: (.*)$", run.stdout, re.MULTILINE)
        return sorted(dict.fromkeys(versions), key=lambda version: version != wanted)


def installed(package):
    """(version, version of its source) of an installed package."""
    run = subprocess.run(["dpkg-query", "-W", "-f", "${Version} ${source:Version}", package],
                         capture_output=True, text=True)
    words = run.stdout.split()
    return words if len(words) == 2 else ["", ""]


def version_of(suite, home):
    """Of the program that is tested: the installed one, or the one built or unpacked here."""
    package = suite.deb or suite.source
    files = [name for name in os.listdir(home) if name.startswith(package + "_")]
    built = re.sub(r"(_[a-z0-9]+)?\.(dsc|deb|debian.*|orig.*)$", "", files[0][len(package) + 1:])
    return installed(suite.program)[0] or urllib.parse.unquote(built)


def unpack_source(mirror, suite, home, tree):
    """Of the installed program's version where the mirror still has it."""
    for version in mirror.sources(suite.source, installed(suite.program)[1]):
        if mirror.call(home, "source", "--download-only", f"{suite.source}={version}"):
            break
    else:
        raise RuntimeError(f"no source of {suite.source} can be had: {mirror.said}")
    description = next(name for name in os.listdir(home) if name.endswith(".dsc"))
    options = ["--skip-patches"] if suite.pristine else []
    subprocess.run(["dpkg-source", "--no-check", "--no-copy", *options, "-x", description, tree],
                   cwd=home, check=True, capture_output=True)


def unpack_package(mirror, suite, home, tree):
    if not mirror.call(home, "download", suite.deb):
        raise RuntimeError(f"no package {suite.deb} can be had: {mirror.said}")
    package = next(name for name in os.listdir(home) if name.endswith(".deb"))
    subprocess.run(["dpkg-deb", "-x", package, os.path.join(tree, "deb")], cwd=home, check=True)


def shell(command, where, environment, output, seconds, before=()):
    """Runs COMMAND by a shell with its output in a file: (status, seconds, processor seconds)."""
    def cpu_s():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    started, cpu = time.monotonic(), cpu_s()
    with open(output, "wb") as out:
        process = subprocess.Popen([*before, "sh", "-c", command], cwd=where, env=environment,
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            status = f"no end after {seconds} s"
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return status, time.monotonic() - started, cpu_s() - cpu


class Run:
    """A suite, ready to be run plain and recorded."""

    def __init__(self, suite, mirror, folder, alloctrap, is_long):
        self.suite = suite
        self.home = os.path.join(folder, suite.name)
        self.tree = os.path.join(self.home, "tree")
        self.where = os.path.join(self.tree, suite.folder)
        self.alloctrap = alloctrap
        self.command = suite.long if is_long else suite.short
        self.least = suite.least if is_long else suite.short_least
        self.seconds = LONG_S if is_long else SHORT_S
        self.recording = os.path.join(self.home, "run.atrap")
        self.prepare(mirror)

    def prepare(self, mirror):
        """Once, and again when the row says something else."""
        wanted = repr((self.suite.source, self.suite.deb, self.suite.folder, self.suite.prepare))
        stamp = os.path.join(self.home, "prepared")
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            return
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)
        mirror.update()
        if self.suite.source:
            unpack_source(mirror, self.suite, self.home, self.tree)
        if self.suite.deb:
            os.makedirs(self.tree, exist_ok=True)
            unpack_package(mirror, self.suite, self.home, self.tree)
        output = os.path.join(self.home, "prepare.log")
        status, _, _ = shell(self.suite.prepare or ":", self.where, self.environment(), output,
                             LONG_S)
        if status != 0:
            raise RuntimeError(f"preparing ended with {status}, see {output}")
        with open(stamp, "w") as out:
            out.write(wanted)

    def environment(self):
        """The same for both runs; nothing of ours or of the test's around it."""
        temporary = os.path.join(self.home, "tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        os.makedirs(temporary)
        keep = ("PATH", "HOME", "USER", "LOGNAME", "SHELL")
        kept = {name: os.environ[name] for name in keep if name in os.environ}
        return {**kept, "TMPDIR": temporary, "LC_ALL": "C", "TERM": "dumb", "NO_VALGRIND": "1"}

    def once(self, kind, before=()):
        """(tests, status, seconds, processor seconds)"""
        output = os.path.join(self.home, kind + ".log")
        status, wall_s, cpu_s = shell(self.command, self.where, self.environment(), output,
                                      self.seconds, before)
        with open(output, errors="replace") as text:
            tests = self.suite.parse(text.read())
        return tests, status, wall_s, cpu_s

    def recorded(self, kind):
        for left in (self.recording, self.recording + ".session"):  # of a run that was killed
            subprocess.run(["rm", "-rf", left], check=True)
        return self.once(kind, (self.alloctrap.path, "record", "-o", self.recording, "--"))


def differences(plain, recorded):
    """Tests that did not end the same way."""
    return {f"{name}: {result}" for result, name in (plain - recorded) + (recorded - plain)}


def count(tests, result):
    return sum(number for (kind, _), number in tests.items() if kind == result)


def check_recording(run, name):
    """Whole, nothing lost, the program under test in it: how many events it has."""
    def says(*words):
        return subprocess.run([run.alloctrap.path, *words], capture_output=True, text=True,
                              errors="replace", timeout=LONG_S).stdout

    state = re.findall("^State.*", says("info", run.recording), re.MULTILINE) or ["no recording"]
    checks.that("complete, nothing was lost" in state[0], f"{name}: {state[0]}")
    checks.that("\nSummary\n" in says("report", run.recording), f"{name}: the report reads")
    text = says("report", run.recording, "--json", "--top=1")
    if not checks.that(text, f"{name}: so it does as JSON"):
        return 0
    report = json.loads(text)
    seen = [process for process in report["processes"]
            if os.path.basename(process["command"][0]) == run.suite.seen]
    checks.that(any(process["totals"]["allocations"] > 0 for process in seen),
                f"{name}: {len(seen)} of {len(report['processes'])} processes are {run.suite.seen}")
    checks.same(report["loss"], {"events": 0, "causes": {}}, f"{name}: nothing lost")
    return report["events_seen"]


def check_suite(run):
    suite = run.suite
    version = version_of(suite, run.home)
    name = f"{suite.name} {version}"
    plain, status, wall_s, cpu_s = run.once("plain")
    passed = count(plain, "passed")
    checks.that(passed >= run.least, f"{name}: {passed} tests pass plain, of {run.least} at least")
    recorded, recorded_status, recorded_wall_s, recorded_cpu_s = run.recorded("recorded")
    differ = differences(plain, recorded)
    if differ:
        print(f"{name}: once more for {sorted(differ)[:SHOWN]}")
        again, recorded_status, _, _ = run.recorded("again")
        differ &= differences(plain, again)
    checks.same(sorted(differ)[:SHOWN], [], f"{name}: each test ends as without")
    checks.same(recorded_status, status, f"{name}: so does the suite")
    events = check_recording(run, name)
    print(f"ROW | {suite.name} | {version} | {passed} passed, "
          f"{count(plain, 'failed')} failed, {count(plain, 'skipped')} skipped"
          f" | recorded {count(recorded, 'passed')} {count(recorded, 'failed')}"
          f" {count(recorded, 'skipped')} | {events:,} events"
          f" | {wall_s:.1f} s, {recorded_wall_s:.1f} s | processor {cpu_s:.1f} s,"
          f" {recorded_cpu_s:.1f} s", flush=True)


def missing(suite):
    return [program for program in suite.needs if not shutil.which(program)]


def main():
    alloctrap = Alloctrap(sys.argv[1])
    folder = os.path.abspath(sys.argv[2])
    is_long = "--long" in sys.argv
    names = [word for word in sys.argv[3:] if word != "--long"]
    os.makedirs(folder, exist_ok=True)
    mirror = Mirror(folder)
    for suite in SUITES:
        if (names and suite.name not in names) or not (is_long or suite.short):
            continue
        try:
            if checks.same(missing(suite), [], f"{suite.name}: what it needs is installed"):
                check_suite(Run(suite, mirror, folder, alloctrap, is_long))
        except (RuntimeError, subprocess.CalledProcessError) as error:
            checks.that(False, f"{suite.name}: {error}")


main()
checks.finish()
