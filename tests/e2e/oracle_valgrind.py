#!/usr/bin/env python3
"""The oracle of totals: on deterministic programs, the allocations, frees and bytes that alloctrap
reports equal Valgrind's "total heap usage" to the unit.

    oracle_valgrind.py ALLOCTRAP WORKLOAD_DIR TARGET_DIR [--large] [PROGRAM...]

Valgrind does not run the frees that libc and libstdc++ make only for it
(--run-libc-freeres=no --run-cxx-freeres=no). What must be equal, because programs allocate for it:
the environment (perl, awk and shells copy every variable), which Valgrind adds to as we do; the
addresses (hash tables of pointers), so both run without randomised ones. Left out are programs that
draw random numbers (openssl prime, xmllint --xpath), keep their parent's process id as a string
(bash), or ask for the processor's model, which is another one in Valgrind (nm, whose plugin is
LLVM's). --large: the same programs with more work, for scripts/soak.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from harness import Alloctrap, Checks

TOTALS = re.compile(rb"total heap usage: ([\d,]+) allocs, ([\d,]+) frees, ([\d,]+) bytes allocated")
CASES_MIN = 20
VALGRIND = ["valgrind", "--run-libc-freeres=no", "--run-cxx-freeres=no", "--leak-check=no",
            "--undef-value-errors=no", "--log-file=valgrind.log"]

arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
scale = 10 if "--large" in sys.argv else 1
checks = Checks()
alloctrap = Alloctrap(arguments[0])
workloads, targets = (os.path.abspath(argument) for argument in arguments[1:3])


def by_valgrind(command, environment):
    return subprocess.run([*VALGRIND, *command], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True)


def by_alloctrap(command, environment):
    if os.path.exists("r.atrap"):
        os.unlink("r.atrap")
    preload = environment.get("LD_PRELOAD", "")
    run = ["setarch", "--addr-no-randomize", alloctrap.path, "record", "--quiet", "-o", "r.atrap"]
    run = ["env", f"LD_PRELOAD={preload}", *run] if preload else run
    rest = {name: value for name, value in environment.items() if name != "LD_PRELOAD"}
    return subprocess.run([*run, "--", *command], env=rest, stdin=subprocess.DEVNULL,
                          capture_output=True)


def variables(run):
    """What `env -0` printed."""
    return dict(line.split("=", 1) for line in run.stdout.decode().split("\0") if line)


def install_here():
    """The program and its libraries in this folder, laid out as in a build: so that the path of the
    library is short, and in front of it there is room for one more."""
    for folder in ("analyzer", "preload"):
        os.mkdir(folder)
    built = os.path.dirname(os.path.dirname(alloctrap.path))
    for library in glob.glob(os.path.join(built, "preload", "*.so")):
        shutil.copy(library, "preload")
    alloctrap.path = shutil.copy(alloctrap.path, os.path.abspath("analyzer/alloctrap"))


def second_library(length):
    """An empty library under a name of that length: Valgrind preloads two libraries and we one, and
    the loader allocates by their number."""
    path = os.path.abspath("empty.so")
    subprocess.run(["gcc", "-shared", "-x", "c", "/dev/null", "-o", path], check=True)
    if len(path) > length:
        sys.exit(f"oracle_valgrind: {path} has more than {length} characters; set a shorter TMPDIR")
    return "/" * (length - len(path)) + path


def environments():
    """Two environments such that a program sees the same variables, of equal lengths, by either
    way. Valgrind adds some of its own, and we add two, of which one is Valgrind's too."""
    base = {"PATH": "/usr/bin:/bin", "HOME": os.getcwd(), "LANG": "C", "LC_ALL": "C", "TZ": "UTC",
            "PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc", "PYTHONDONTWRITEBYTECODE": "1",
            "PERL_HASH_SEED": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}
    show = ["env", "-0"]
    ours_seen = variables(by_alloctrap(show, base))
    theirs = {**base, "ALLOCTRAP_SESSION": "x" * len(ours_seen["ALLOCTRAP_SESSION"])}
    theirs_seen = variables(by_valgrind(show, theirs))
    ours = {name: value for name, value in theirs_seen.items() if name != "ALLOCTRAP_SESSION"}
    ours["LD_PRELOAD"] = second_library(
        len(theirs_seen["LD_PRELOAD"]) - len(ours_seen["LD_PRELOAD"]) - len(":"))
    seen = [sorted((name, len(value)) for name, value in variables(run).items())
            for run in (by_alloctrap(show, ours), by_valgrind(show, theirs))]
    checks.same(seen[0], seen[1], "both see an environment of the same size")
    return ours, theirs


def make_inputs():
    with open("words.txt", "w") as out:
        for i in range(1000 * scale):
            out.write(f"word{i * 7919 % 3001} {i} {i * i % 977}\n")
    with open("doc.xml", "w") as out:
        entries = "".join(f'<e id="{i}"><m>text {i}</m></e>' for i in range(300 * scale))
        out.write(f"<log>{entries}</log>")
    with open("doc.json", "w") as out:
        json.dump([{"id": i, "name": f"n{i}", "tags": ["a", i]} for i in range(300 * scale)], out)
    with open("unit.c", "w") as out:
        out.write("".join(f"int f{i}(int x) {{ return x * {i} + {i % 7}; }}\n"
                          for i in range(20 * scale)))
    with open("q.sql", "w") as out:
        out.write("create table t(a integer primary key, b text);\n"
                  "with recursive n(i) as (select 1 union all select i+1 from n"
                  f" where i<{1000 * scale}) insert into t select i, 'row ' || i from n;\n"
                  "select count(*), sum(length(b)) from t where b like '%7%';\n")
    with open("sum.bc", "w") as out:
        out.write(f"s=0\nfor (i=1;i<{300 * scale};i++) s+=1/i\ns\nquit\n")
    subprocess.run([os.path.join(workloads, "loggen"), "--seed=3", f"--lines={500 * scale}", "-o",
                    "access.log"], check=True, stderr=subprocess.DEVNULL)
    make_repository()


def make_repository():
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", "repo"]
    subprocess.run(["git", "init", "-q", "repo"], check=True)
    for i in range(6):
        with open("repo/file", "a") as out:
            out.write(f"line {i}\n")
        subprocess.run([*git, "add", "file"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"commit {i}"], check=True)


def cases():
    """(name, command): each single-threaded and deterministic, its counts its own."""
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True)
    logparse = os.path.join(workloads, "logparse")
    perl = "my %h; $h{$_ % 97} .= $_ for 1..3000; print join ',', map length, @h{sort keys %h};"
    python = "import json; print(len(json.dumps(list(range(2000)))))"
    found = [
        ("logparse concat", [logparse, "--builder=concat", "access.log"]),
        ("logparse pooled", [logparse, "--builder=pooled", "access.log"]),
        ("sqlite3", ["sqlite3", "-batch", "-init", "q.sql", ":memory:", "select 1"]),
        ("perl", ["perl", "-e", perl]),
        ("git log", ["git", "-C", "repo", "log", "--stat"]),
        ("git blame", ["git", "-C", "repo", "blame", "file"]),
        ("xmllint", ["xmllint", "--format", "doc.xml"]),
        ("xmllint c14n", ["xmllint", "--c14n", "doc.xml"]),
        ("jq", ["jq", "map(select(.id % 2 == 0) | .name) | length", "doc.json"]),
        ("gawk", ["gawk", "{ n[$1] += $3 } END { for (k in n) s += n[k]; print s }", "words.txt"]),
        ("sort", ["sort", "--parallel=1", "words.txt"]),
        ("cc1", [cc1.stdout.strip(), "-quiet", "-O1", "unit.c", "-o", "-"]),
        ("openssl dgst", ["openssl", "dgst", "-sha256", "words.txt"]),
        ("openssl enc", ["openssl", "enc", "-aes-128-cbc", "-K", "00", "-iv", "00", "-in",
                         "doc.xml"]),
        ("python3", ["/usr/bin/python3", "-S", "-E", "-c", python]),
        ("dash", ["dash", "-c", "s=; i=0; while [ $i -lt 300 ]; do s=$s$i; i=$((i+1)); done; "
                                "echo ${#s}"]),
        ("sed", ["sed", "-n", "s/word\\([0-9]*\\)/\\1/p", "words.txt"]),
        ("grep", ["grep", "-c", "-E", "word[0-9]+ 1", "words.txt"]),
        ("ls", ["ls", "-l", "/usr/lib"]),
        ("bc", ["bc", "-l", "sum.bc"]),
        ("readelf", ["readelf", "-sW", "/lib/x86_64-linux-gnu/libz.so.1"]),
        ("objdump", ["objdump", "-f", "-h", "/usr/bin/ls"]),
        ("diff", ["diff", "words.txt", "doc.json"]),
        ("file", ["file", "/usr/bin/ls"]),
        ("cat", ["cat", "words.txt"]),
        ("bzip2", ["bzip2", "-k", "-c", "words.txt"]),
        ("find", ["find", "/usr/share/doc/bash", "-name", "*.gz"]),
    ]
    found += [(f"target {name}", [os.path.join(targets, f"target_{name}")])
              for name in ("empty", "steps")]
    return [(name, command) for name, command in found if shutil.which(command[0])]


def compare(name, command, ours, theirs):
    """True when Valgrind could run it."""
    plain = by_valgrind(command, theirs)
    with open("valgrind.log", "rb") as lines:
        found = TOTALS.search(lines.read())
    if not found:
        print(f"skip {name}: Valgrind cannot run it: {plain.stderr[-200:]!r}")
        return False
    expected = tuple(int(number.replace(b",", b"")) for number in found.groups())
    run = by_alloctrap(command, ours)
    totals = alloctrap.report("r.atrap")["processes"][0]["totals"]
    actual = (totals["allocations"], totals["frees"], totals["allocated_bytes"])
    checks.same(actual, expected, f"{name}: {actual[0]:,} allocs, {actual[1]:,} frees, "
                                  f"{actual[2]:,} bytes")
    checks.that((run.returncode, run.stdout) == (plain.returncode, plain.stdout),
                f"{name}: the same output, status {run.returncode}")
    return True


def main():
    install_here()
    make_inputs()
    ours, theirs = environments()
    chosen = [case for case in cases() if not arguments[3:] or case[0] in arguments[3:]]
    compared = [compare(name, command, ours, theirs) for name, command in chosen].count(True)
    least = len(chosen) if arguments[3:] else CASES_MIN
    checks.that(compared >= least, f"{compared} programs compared, {least} at least")


with tempfile.TemporaryDirectory(prefix="alloctrap-oracle.") as work:
    os.chdir(work)
    main()
    os.chdir("/")
checks.finish()
