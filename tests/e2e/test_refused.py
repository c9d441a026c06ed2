#!/usr/bin/env python3
"""Programs that cannot be recorded run as without, and `record` says which of the reasons it was
and what to do.

    test_refused.py ALLOCTRAP
"""
import os
import shutil
import subprocess
import sys
import tempfile

from harness import Alloctrap, Checks

NOBODY = 65534

checks = Checks()
alloctrap = Alloctrap(sys.argv[1])

PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
int main(void) { void *volatile p = malloc(10); free(p); puts("ran"); return 7; }
"""
OWN_MALLOC = """
#include <stddef.h>
static char room[1 << 20] __attribute__((aligned(16)));
static size_t used;
void *malloc(size_t n) { void *p = room + used; used += (n + 15) & ~(size_t)15; return p; }
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t m) { return malloc(n * m); }
void *realloc(void *p, size_t n) { (void)p; return malloc(n); }
"""


def build(name, compiler, *options, source=PROGRAM):
    with open(name + ".c", "w") as out:
        out.write(source)
    subprocess.run([*compiler, "-w", name + ".c", "-o", name, *options], check=True)
    return os.path.abspath(name)


def check_reason(command, reason, advice, is_refused=False, **options):
    name = " ".join(os.path.basename(word) for word in command)
    plain = subprocess.run(command, capture_output=True, **options)
    run = alloctrap.record("run.atrap", command, **options)
    checks.same((run.returncode, run.stdout), (plain.returncode, plain.stdout),
                f"{name}: status and output as without")
    said = run.stderr.decode()
    what = "' runs without being recorded: " if is_refused else "nothing was recorded of '"
    checks.that(what in said and reason in said and advice in said and said.count("\n") == 2,
                f"{name}: {said!r}")
    quiet = alloctrap.record("run.atrap", command, "--quiet", **options).stderr.decode()
    checks.that(reason in quiet and quiet.count("\n") == 1, f"{name}: --quiet says why, too")
    report = alloctrap.report("run.atrap")
    checks.same(report["totals"]["allocations"], 0, f"{name}: an empty recording")
    checks.same(report["exit"]["code"], plain.returncode, f"{name}: which knows how it ended")


def check_kinds():
    static = build("static", ["gcc", "-static"])
    check_reason([static], "it is statically linked", "link it without -static")
    with open("script", "w") as out:
        out.write(f"#!{static}\n")
    os.chmod("script", 0o755)
    check_reason([os.path.abspath("script")], "it is statically linked", "link it without -static")
    own = build("own", ["gcc", "-fno-builtin"], source=OWN_MALLOC + PROGRAM)
    check_reason([own], "it defines malloc itself", "build it without its own allocator")
    check_reason([build("clean", ["gcc"], "-fsanitize=address")], "built with a sanitizer",
                 "build it without -fsanitize", is_refused=True)


def check_musl():
    if shutil.which("musl-gcc") is None:
        print("skip musl: no musl-gcc; scripts/setup --test installs it")
        return
    check_reason([build("musl", ["musl-gcc"])], "it uses the musl C library",
                 "build it against glibc 2.35 or newer", is_refused=True)
    check_reason([build("musl-static", ["musl-gcc", "-static"])], "it is statically linked",
                 "link it without -static")


def check_privileged():
    """Both kinds want an owner that is not us, and a user that is not root."""
    if os.getuid() != 0:
        print("skip setuid, setgid and capabilities: only root can make such programs")
        return
    os.chmod(".", 0o755)
    for name, mode in (("setuid", 0o4755), ("setgid", 0o2755)):
        program = build(name, ["gcc"])
        os.chown(program, NOBODY, NOBODY)
        os.chmod(program, mode)
        check_reason([program], "it is setuid, setgid or has file capabilities",
                     "record a copy of it without them")
        copy = shutil.copyfile(program, "copy")
        os.chmod(copy, 0o755)
        run = alloctrap.record("run.atrap", [os.path.abspath(copy)])
        checks.that(run.returncode == 7 and alloctrap.report("run.atrap")["totals"]["allocations"],
                    f"{name}: the advice works")


def check_recorded_after_all():
    """What looks strange and is recorded all the same is not called unrecorded."""
    shell = ["sh", "-c", f"{os.path.abspath('static')}; exit 3"]
    run = alloctrap.record("run.atrap", shell)
    checks.that(run.returncode == 3 and b"nothing was recorded" not in run.stderr,
                "a shell that runs a static program is recorded")
    cleared = ["env", "-i", "/usr/bin/python3", "-c", "pass"]
    run = alloctrap.record("run.atrap", cleared)
    checks.that(run.returncode == 0 and
                len(alloctrap.report("run.atrap")["processes"]) == 1,
                "env -i takes the library from what it starts: env alone is recorded")


with tempfile.TemporaryDirectory(prefix="alloctrap-refused.") as work:
    os.chdir(work)
    check_kinds()
    check_musl()
    check_privileged()
    check_recorded_after_all()
    os.chdir("/")
checks.finish()
