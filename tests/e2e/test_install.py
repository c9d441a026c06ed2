#!/usr/bin/env python3
"""`meson install`: everything is where it belongs, and the installed program finds its library
wherever the prefix is moved to; it also runs from the build folder.

    test_install.py SOURCE_DIR BUILD_DIR

The build under test is installed with DESTDIR, and a second one is configured with a prefix and
folders of its own, so that no path can be right by accident.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

from harness import LAST_LINE, WAIT_S, Alloctrap, Checks, wait_for

VARIANTS = ("alloctrap", "alloctrap-new", "alloctrap-jemalloc", "alloctrap-mimalloc")

checks = Checks()
source, build = (os.path.abspath(argument) for argument in sys.argv[1:3])
# A path that the test runner gives for its own sake would hide what is wrong.
environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}


def run(*command, **options):
    return subprocess.run(command, capture_output=True, env={**environment, **options},
                          check=True).stdout.decode()


def check_files(prefix, library_dir, program_dir, what):
    manual = os.path.join(prefix, "share/man/man1")
    wanted = [f"{program_dir}/alloctrap", "include/alloctrap/alloctrap.h",
              "include/alloctrap/criterion.h",
              "libexec/alloctrap/logparse", "libexec/alloctrap/loggen",
              "libexec/alloctrap/traps"]
    wanted += [f"{library_dir}/alloctrap/lib{name}.so" for name in VARIANTS]
    wanted += [f"share/man/man1/{os.path.basename(page)}" for page in
               glob.glob(os.path.join(source, "docs/man/*.1"))]
    found = sorted(os.path.relpath(os.path.join(folder, name), prefix)
                   for folder, _, names in os.walk(prefix) for name in names)
    missing = [name for name in wanted if name not in found]
    checks.same(missing, [], f"{what}: everything is installed")
    optional = [f"{program_dir}/alloctrap-push"] # with libcurl
    strangers = [name for name in found
                 if name not in wanted + optional and not name.startswith("share/")]
    checks.same(strangers, [], f"{what}: and nothing else beside share")
    if shutil.which("man"):
        text = run("man", "-P", "cat", os.path.join(manual, "alloctrap-record.1"))
        checks.that("record" in text.lower(), f"{what}: the man page can be read")


def check_records(program, what):
    """By `alloctrap record`, which finds the library, and the demo's workload beside it."""
    alloctrap = Alloctrap(program)
    recorded = alloctrap.record("run.atrap", ["/usr/bin/perl", "-e", "print 1"], env=environment)
    checks.that(recorded.returncode == 0 and LAST_LINE.encode() in recorded.stderr,
                f"{what}: records: {recorded.stderr!r}")
    report = alloctrap.report("run.atrap")
    checks.that(report and report["totals"]["allocations"] > 100, f"{what}: and has recorded")


def check_preload(library, program, what):
    """By plain LD_PRELOAD, where the library finds the program."""
    for old in glob.glob("alloctrap.perl.*"):
        os.unlink(old)
    subprocess.run(["/usr/bin/perl", "-e", "print 1"], env={**environment, "LD_PRELOAD": library},
                   capture_output=True, check=True)
    done = wait_for(lambda: glob.glob("alloctrap.perl.*.atrap") and not glob.glob("*.session"))
    checks.that(done, f"{what}: plain LD_PRELOAD starts the recorder")
    names = glob.glob("alloctrap.perl.*.atrap")
    report = Alloctrap(program).report(names[0]) if done else None
    checks.that(report and report["totals"]["allocations"] > 100, f"{what}: which has recorded")


def check_header(prefix, what):
    """The header alone, with no library: a program that tells its units compiles and runs."""
    with open("told.c", "w") as out:
        out.write('#include <alloctrap/alloctrap.h>\n#include <stdlib.h>\n'
                  'int main(void) { free(malloc(9)); alloctrap_units(12, "step"); return 0; }\n')
    run("gcc", "-Wall", "-Werror", f"-I{prefix}/include", "told.c", "-o", "told")
    run("./told")
    alloctrap = Alloctrap(glob.glob(f"{prefix}/*bin*/alloctrap")[0])
    alloctrap.record("run.atrap", ["./told"], env=environment)
    checks.same(alloctrap.report("run.atrap")["units"], {"count": 12, "name": "step"},
                f"{what}: the installed header tells units")


def check_prefix(prefix, library_dir, program_dir, what):
    program = os.path.join(prefix, program_dir, "alloctrap")
    check_records(program, what)
    check_preload(os.path.join(prefix, library_dir, "alloctrap/liballoctrap.so"), program, what)


def check_destdir():
    options = run("meson", "introspect", "--buildoptions", build)
    folders = {option["name"]: option["value"] for option in json.loads(options)}
    run("meson", "install", "-C", build, "--no-rebuild", "--quiet", DESTDIR=os.path.abspath("dest"))
    prefix = os.path.abspath("dest") + folders["prefix"]
    check_files(prefix, folders["libdir"], folders["bindir"], "DESTDIR")
    check_prefix(prefix, folders["libdir"], folders["bindir"], "DESTDIR")
    check_header(prefix, "DESTDIR")
    os.rename(prefix, "moved")
    check_prefix(os.path.abspath("moved"), folders["libdir"], folders["bindir"], "moved")
    os.mkdir("links")
    os.symlink(os.path.abspath(f"moved/{folders['bindir']}/alloctrap"), "links/alloctrap")
    check_records("links/alloctrap", "by a symbolic link")
    os.rename("moved/" + folders["libdir"], "lost")
    lost = subprocess.run([f"moved/{folders['bindir']}/alloctrap", "record", "--", "true"],
                          capture_output=True, env=environment, timeout=WAIT_S, check=False)
    checks.that(lost.returncode == 3 and lost.stderr.count(b"\n") == 1 and
                b"meson install" in lost.stderr, f"without its library: {lost.stderr!r}")


def check_other_prefix():
    prefix = os.path.abspath("own.prefix/deep")
    run("meson", "setup", "second", source, f"--prefix={prefix}", "--libdir=lib/x/y",
        "--bindir=sbin", "-Dtests=false", "-Doptimization=0", "-Ddebug=false")
    run("ninja", "-C", "second")
    check_records("second/analyzer/alloctrap", "a second build folder")
    run("meson", "install", "-C", "second", "--no-rebuild", "--quiet")
    shutil.rmtree("second")
    check_files(prefix, "lib/x/y", "sbin", "--prefix")
    check_prefix(prefix, "lib/x/y", "sbin", "--prefix")
    os.rename(prefix, "elsewhere")
    check_prefix(os.path.abspath("elsewhere"), "lib/x/y", "sbin", "--prefix, moved")


def check_build_folder():
    program = os.path.join(build, "analyzer/alloctrap")
    check_records(program, "the build folder")
    check_preload(os.path.join(build, "preload/liballoctrap.so"), program, "the build folder")


with tempfile.TemporaryDirectory(prefix="alloctrap-install.") as work:
    os.chdir(work)
    check_build_folder()
    check_destdir()
    check_other_prefix()
    os.chdir("/")
checks.finish()
