#!/usr/bin/env python3
"""Bad files and bad usage, for every command that `alloctrap --help` names: one line on standard
error that says what, where and what to do, nothing on standard output, exit status 3 (a file) or 2
(usage); and no file is written or left behind.

    test_bad_input.py ALLOCTRAP
"""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from harness import Alloctrap, Checks

NOBODY = 65534
PAGE_BYTES = 4096

checks = Checks()
alloctrap = Alloctrap(sys.argv[1])

# How each command is given a file: BAD is the file under test, GOOD a whole recording. A command
# that is not here gets BAD alone.
WITH_FILE = {
    "report": [["BAD"], ["BAD", "--json"], ["BAD", "--tree"]],
    "compare": [["BAD", "GOOD"], ["GOOD", "BAD"]],
    "merge": [["BAD", "-o", "OUT"], ["GOOD", "BAD", "-o", "OUT"]],
    "symbolize": [["BAD"], ["BAD", "-o", "OUT"]],
    "export": [["BAD", "--format=folded", "-o", "OUT"]],
    "html": [["BAD", "-o", "OUT"], ["GOOD", "BAD", "-o", "OUT"]],
    "scaling": [["1=GOOD", "2=BAD", "3=GOOD"]],
    "check": [["BAD", "--budget=policy.yaml"], ["GOOD", "BAD", "--budget=policy.yaml"]],
    "push": [["BAD", "--url=http://127.0.0.1:9/"]],
}
NO_RECORDING = ("record", "recover", "attach", "top")

USAGE = {
    "record": [[], ["--"], ["--depth=0", "--", "true"], ["--depth=513", "--", "true"],
               ["--depth=x", "--", "true"], ["--on-full=maybe", "--", "true"],
               ["--latency=perhaps", "--", "true"], ["--free-stacks=", "--", "true"],
               ["--follow=some", "--", "true"], ["--stacks=no", "--", "true"],
               ["--units=many", "--", "true"], ["-o", "", "--", "true"], ["-o"]],
    "report": [[], ["GOOD", "GOOD"], ["GOOD", "--sort=colour"], ["GOOD", "--top=-1"],
               ["GOOD", "--top=1e3"], ["GOOD", "--focus=("], ["GOOD", "--ignore=["],
               ["GOOD", "--sort"]],
    "compare": [[], ["GOOD"], ["GOOD", "GOOD", "GOOD"], ["--run", "true"],
                ["--run", "true", "--run", "true", "--run", "true"], ["--run", "true", "GOOD"],
                ["GOOD", "GOOD", "--units=0"], ["GOOD", "GOOD", "--units=x:line"],
                ["GOOD", "GOOD", "--keep=d"]],
    "merge": [[], ["GOOD"], ["-o", "OUT"]],
    "info": [[], ["GOOD", "GOOD"]],
    "symbolize": [[], ["GOOD", "GOOD"]],
    "advise": [[], ["GOOD", "GOOD"]],
    "scaling": [[], ["1=GOOD"], ["GOOD", "GOOD", "GOOD"]],
    "html": [[], ["GOOD"], ["GOOD", "GOOD", "GOOD", "-o", "OUT"]],
    "export": [[], ["GOOD"], ["GOOD", "--format=colour", "-o", "OUT"]],
    "check": [["GOOD", "--report=colour", "--budget=policy.yaml"], ["GOOD", "--runs=0"]],
    "recover": [[], ["dir"], ["-o", "OUT"], ["dir", "dir", "-o", "OUT"]],
}


def commands():
    """The commands that the program names itself."""
    lines = alloctrap.run("--help").stdout.decode().splitlines()
    found = [line.split()[0] for line in lines if line.startswith("  ") and len(line.split()) > 1]
    checks.that({"record", "report", "compare", "merge", "info", "symbolize", "recover"} <=
                set(found), f"the commands: {found}")
    return found


def check_refused(arguments, status, what, names=(), **options):
    run = alloctrap.run(*arguments, **options)
    error = run.stderr.decode(errors="replace")
    good = (run.returncode == status and run.stdout == b"" and error.count("\n") == 1 and
            error.startswith("alloctrap: ") and error.endswith("\n") and
            all(name in error for name in names))
    shown = " ".join(arguments)
    checks.that(good, f"{what}: {shown}: exit {run.returncode}, {error!r}" +
                (f", {len(run.stdout)} bytes of output" if run.stdout else ""))


def change(path, statement):
    """A copy of the good recording with something changed in it."""
    shutil.copy("good.atrap", path)
    database = sqlite3.connect(path)
    database.executescript(statement)
    database.commit()
    database.close()


def cut(path, bytes_kept):
    with open("good.atrap", "rb") as whole, open(path, "wb") as out:
        out.write(whole.read()[:bytes_kept])


def overwrite(path, offset, data):
    shutil.copy("good.atrap", path)
    with open(path, "r+b") as out:
        out.seek(offset)
        out.write(data)


def bad_files():
    """(path, what is wrong with it, a word that the message must have)"""
    size = os.path.getsize("good.atrap")
    os.mkdir("folder.atrap")
    os.mkfifo("pipe.atrap")
    open("empty.atrap", "w").close()
    with open("text.atrap", "w") as out:
        out.write("this is no recording\n" * 300)
    sqlite3.connect("other.atrap").executescript("CREATE TABLE mine(a); INSERT INTO mine VALUES(1)")
    cut("cut-100.atrap", 100)
    cut("cut-page.atrap", PAGE_BYTES)
    cut("cut-half.atrap", size // 2)
    cut("cut-last.atrap", size - PAGE_BYTES)
    change("newer.atrap", "PRAGMA user_version = 99")
    change("no-table.atrap", "DROP TABLE site")
    change("no-run.atrap", "DELETE FROM run")
    change("no-column.atrap", "ALTER TABLE site RENAME COLUMN allocs TO b")
    change("bad-parent.atrap", "UPDATE path SET parent = 99999999 WHERE id = 1")
    change("bad-site.atrap", "UPDATE site_call SET site = -5")
    change("bad-blob.atrap", "UPDATE site SET size = x'ffffffffffffffffff'")
    overwrite("scrambled.atrap", PAGE_BYTES, b"\x5a" * (size // 2 - PAGE_BYTES))
    overwrite("no-magic.atrap", 0, b"NOTSQLite format")
    shutil.copy("good.atrap", "secret.atrap")
    os.chmod("secret.atrap", 0)
    return [
        ("missing.atrap", "missing", "No such file"),
        ("no/such/folder.atrap", "missing folder", "No such file"),
        ("folder.atrap", "a folder", "directory"),
        ("pipe.atrap", "a pipe", ""),
        ("/dev/null", "a device", ""),
        ("empty.atrap", "empty", "empty"),
        ("text.atrap", "not ours: text", "not a"),
        (alloctrap.path, "not ours: a program", "not a"),
        ("other.atrap", "not ours: another database", "not a"),
        ("no-magic.atrap", "not ours: its first bytes", "not a"),
        ("cut-100.atrap", "cut to 100 bytes", ""),
        ("cut-page.atrap", "cut to a page", ""),
        ("cut-half.atrap", "cut to half", ""),
        ("cut-last.atrap", "without its last page", ""),
        ("newer.atrap", "newer", "99"),
        ("no-table.atrap", "damaged: a table is gone", ""),
        ("no-run.atrap", "damaged: it has no run", ""),
        ("no-column.atrap", "damaged: a column is gone", ""),
        ("bad-parent.atrap", "damaged: a path's parent", ""),
        ("bad-site.atrap", "damaged: a site's number", ""),
        ("bad-blob.atrap", "damaged: a histogram", ""),
        ("scrambled.atrap", "damaged: half overwritten", ""),
        ("secret.atrap", "unreadable", "Permission denied"),
    ]


def as_nobody():
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def check_files(names):
    """Root may read anything, so the unreadable file is tried as somebody else."""
    os.chmod(".", 0o777)
    os.chmod("good.atrap", 0o644)
    for path, what, word in bad_files():
        options = {}
        if path == "secret.atrap" and os.getuid() == 0:
            options["preexec_fn"] = as_nobody
        for name in names:
            if name in NO_RECORDING:
                continue
            for arguments in WITH_FILE.get(name, [["BAD"]]):
                words = [word_of.replace("BAD", path).replace("GOOD", "good.atrap")
                         .replace("OUT", "out.atrap") for word_of in arguments]
                check_refused([name, *words], 3, what, (os.path.basename(path), word), **options)
    checks.that(not os.path.exists("out.atrap"), "nothing was written")


def make_sessions():
    """A session directory as a killed recorder leaves it."""
    host = [sys.executable, "-c", "import os; a = [bytes(1000) for i in range(999)];"
            "os.kill(os.getppid(), 9); os.kill(os.getpid(), 9)"]
    subprocess.run([alloctrap.path, "record", "-o", "killed.atrap", "--", *host], check=False)
    for name in ("no-control", "short-control", "newer-control", "other-control", "cut-session",
                 "newer-session", "no-session"):
        shutil.copytree("killed.atrap.session", name)
    session = [name for name in os.listdir("killed.atrap.session") if name != "control"][0]
    os.unlink("no-control/control")
    os.truncate("short-control/control", 100)
    for path, offset, data in (("newer-control/control", 8, b"\x63"),
                               ("other-control/control", 0, b"SOMETHNG"),
                               (f"newer-session/{session}", 8, b"\x63")):
        with open(path, "r+b") as out:
            out.seek(offset)
            out.write(data)
    os.truncate(f"cut-session/{session}", 1000)
    os.unlink(f"no-session/{session}")


def check_sessions():
    make_sessions()
    for path, what, word in (
            ("missing.session", "missing", "No such file"), ("good.atrap", "a file", "directory"),
            ("folder.atrap", "an empty folder", "control"), ("no-control", "no control", "control"),
            ("short-control", "a short control file", "control"),
            ("newer-control", "a newer session", "99"),
            ("other-control", "not ours", "control"),
            ("cut-session", "its only session is cut", ""),
            ("newer-session", "its only session is newer", "99"),
            ("no-session", "no process was recorded", "nothing to recover")):
        check_refused(["recover", path, "-o", "out.atrap"], 3, f"session: {what}", (word,))
    check_refused(["recover", "killed.atrap.session", "-o", "text.atrap"], 3,
                  "recover does not overwrite a file that is no recording", ("text.atrap",))
    checks.that(not os.path.exists("out.atrap"), "recover wrote nothing")
    run = alloctrap.run("recover", "killed.atrap.session", "-o", "out.atrap")
    checks.that(run.returncode == 0 and
                alloctrap.report("out.atrap")["totals"]["allocations"] > 999,
                f"the session that was spoilt in so many ways was good: {run.stderr!r}")
    os.unlink("out.atrap")


def check_usage(names):
    for name in names:
        for arguments in USAGE.get(name, []) + [["--no-such-option"], ["-Z"]]:
            words = [word.replace("GOOD", "good.atrap").replace("OUT", "out.atrap")
                     for word in arguments]
            check_refused([name, *words], 2, "usage")
    check_refused(["no-such-command"], 2, "usage", ("--help",))
    run = alloctrap.run()
    checks.that(run.returncode == 2 and run.stderr.startswith(b"usage: "), "usage: nothing at all")
    checks.that(not os.path.exists("out.atrap"), "usage: nothing was written")


def check_places():
    """Recordings that cannot be written."""
    for path, word in (("no/such/folder/r.atrap", "No such file"), ("folder.atrap", "folder.atrap"),
                       ("/proc/r.atrap", "/proc"), ("text.atrap", "not a recording"),
                       ("x" * 300 + ".atrap", "name too long")):
        check_refused(["record", "-o", path, "--", "touch", "ran"], 3, "record", (word,))
        check_refused(["merge", "good.atrap", "-o", path], 3, "merge", (word,))
    checks.that(not os.path.exists("ran"), "and the command did not run")
    check_refused(["symbolize", "good.atrap", "-o", "text.atrap"], 3, "symbolize", ("text.atrap",))


with tempfile.TemporaryDirectory(prefix="alloctrap-bad.") as work:
    os.chdir(work)
    with open("policy.yaml", "w") as out:
        out.write("version: 1\nbudgets:\n  - name: all\n    limits: { allocs: 1000000 }\n")
    alloctrap.record("good.atrap", [sys.executable, "-c", "a = [bytes(1000) for i in range(999)]"])
    known = commands()
    check_files(known)
    check_sessions()
    check_usage(known)
    check_places()
    for leftover in [name for name in os.listdir(".") if name.endswith(".session")]:
        checks.same(leftover, "killed.atrap.session", "what is left behind")
    os.chdir("/")
checks.finish()
