#!/usr/bin/env python3
"""The oracle of totals: on deterministic programs, the allocations, frees and bytes that alloctrap
reports equal Valgrind's "total heap usage" to the unit.

    oracle_valgrind.py ALLOCTRAP WORKLOAD_DIR TARGET_DIR

Valgrind does not run the frees that libc and libstdc++ make only for it
(--run-libc-freeres=no --run-cxx-freeres=no), and both runs see an environment of equal size:
perl, awk and shells allocate for every variable.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOTALS = re.compile(rb"total heap usage: ([\d,]+) allocs, ([\d,]+) frees, ([\d,]+) bytes allocated")
CASES_MIN = 20
# Valgrind's own preloads, as its core writes them into the client's environment.
VALGRIND_PRELOADS = ("vgpreload_core-amd64-linux.so", "vgpreload_memcheck-amd64-linux.so")


def valgrind_preload_length():
    for folder in ("/usr/libexec/valgrind", "/usr/lib/x86_64-linux-gnu/valgrind"):
        if os.path.exists(os.path.join(folder, VALGRIND_PRELOADS[0])):
            return len(":".join(os.path.join(folder, name) for name in VALGRIND_PRELOADS))
    sys.exit("oracle_valgrind: no Valgrind preloads found; scripts/setup --test installs Valgrind")


def seen_environment(alloctrap, work):
    """What a recorded program sees as LD_PRELOAD and ALLOCTRAP_SESSION when -o is WORK/r.atrap."""
    show = "import os; print(os.environ['LD_PRELOAD']); print(os.environ['ALLOCTRAP_SESSION'])"
    out = subprocess.run([alloctrap, "record", "--quiet", "-o", os.path.join(work, "r.atrap"), "--",
                          sys.executable, "-c", show], capture_output=True, check=True, text=True)
    preload, session = out.stdout.split()
    return preload, session


def environments(alloctrap, work):
    """Two environments that differ for us, and look equally large to the program."""
    base = {"PATH": "/usr/bin:/bin", "HOME": work, "LANG": "C", "LC_ALL": "C", "TZ": "UTC",
            "PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc", "PERL_HASH_SEED": "0",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}
    preload, session = seen_environment(alloctrap, work)
    short = valgrind_preload_length() - len(preload)
    ours = dict(base)
    theirs = dict(base)
    theirs["ALLOCTRAP_SESSION"] = "x" * len(session)
    # Same length of LD_PRELOAD: the shorter side gets padding in a variable of its own.
    ours["PAD"] = "p" * max(1, 1 + short)
    theirs["PAD"] = "p" * max(1, 1 - short)
    return ours, theirs


def make_inputs(work):
    with open(os.path.join(work, "words.txt"), "w") as out:
        for i in range(3000):
            out.write(f"word{i * 7919 % 3001} {i} {i * i % 977}\n")
    with open(os.path.join(work, "doc.xml"), "w") as out:
        out.write("<log>" + "".join(f'<e id="{i}"><m>text {i}</m></e>' for i in range(500)) + "</log>")
    with open(os.path.join(work, "doc.json"), "w") as out:
        json.dump([{"id": i, "name": f"n{i}", "tags": ["a", "b", i]} for i in range(500)], out)
    with open(os.path.join(work, "unit.c"), "w") as out:
        out.write("".join(f"int f{i}(int x) {{ return x * {i} + {i % 7}; }}\n" for i in range(200)))
    with open(os.path.join(work, "q.sql"), "w") as out:
        out.write("create table t(a integer primary key, b text);\n"
                  "with recursive n(i) as (select 1 union all select i+1 from n where i<2000)\n"
                  "insert into t select i, 'row ' || i from n;\n"
                  "select count(*), sum(length(b)) from t where b like '%7%';\n")
    repository = os.path.join(work, "repo")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", repository]
    subprocess.run(["git", "init", "-q", repository], check=True)
    for i in range(20):
        with open(os.path.join(repository, "file"), "a") as out:
            out.write(f"line {i}\n")
        subprocess.run([*git, "add", "file"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"commit {i}"], check=True)


def cases(workload_dir, target_dir, work):
    """(name, command): each deterministic, single-threaded, its counts its own."""
    path = lambda name: os.path.join(work, name)
    logparse = os.path.join(workload_dir, "logparse")
    log = path("access.log")
    subprocess.run([os.path.join(workload_dir, "loggen"), "--seed=3", "--lines=2000", "-o", log], check=True)
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True).stdout.strip()
    found = [
        ("logparse concat", [logparse, "--builder=concat", log]),
        ("logparse pooled", [logparse, "--builder=pooled", log]),
        ("sqlite3", ["sqlite3", "-batch", "-init", path("q.sql"), ":memory:", "select 1"]),
        ("perl", ["perl", "-e", "my %h; $h{$_ % 97} .= $_ for 1..5000; print join ',', map length, @h{sort keys %h};"]),
        ("git log", ["git", "-C", path("repo"), "log", "--stat"]),
        ("git blame", ["git", "-C", path("repo"), "blame", "file"]),
        ("xmllint", ["xmllint", "--format", path("doc.xml")]),
        ("xmllint xpath", ["xmllint", "--xpath", "count(//e[@id>100])", path("doc.xml")]),
        ("jq", ["jq", "map(select(.id % 2 == 0) | .name) | length", path("doc.json")]),
        ("gawk", ["gawk", "{ n[$1] += $3 } END { for (k in n) s += n[k]; print s }", path("words.txt")]),
        ("sort", ["sort", "--parallel=1", path("words.txt")]),
        ("cc1", [cc1, "-quiet", "-O1", path("unit.c"), "-o", "-"]),
        ("openssl dgst", ["openssl", "dgst", "-sha256", path("words.txt")]),
        ("openssl prime", ["openssl", "prime", "1000003"]),
        ("python3", [sys.executable, "-S", "-E", "-c", "import json; print(len(json.dumps(list(range(2000)))))"]),
        ("bash", ["bash", "--norc", "-c", "s=; for i in {1..500}; do s=$s$i; done; echo ${#s}"]),
        ("sed", ["sed", "-n", "s/word\\([0-9]*\\)/\\1/p", path("words.txt")]),
        ("grep", ["grep", "-c", "-E", "word[0-9]+ 1", path("words.txt")]),
        ("ls", ["ls", "-l", "/usr/bin"]),
        ("bc", ["bc", "-l", path("sum.bc")]),
        ("nm", ["nm", "-D", "/lib/x86_64-linux-gnu/libc.so.6"]),
        ("objdump", ["objdump", "-f", "-h", "/usr/bin/ls"]),
        ("diff", ["diff", path("words.txt"), path("doc.json")]),
        ("file", ["file", "/usr/bin/ls"]),
        ("cat", ["cat", path("words.txt")]),
        ("bzip2", ["bzip2", "-k", "-c", path("words.txt")]),
    ]
    with open(path("sum.bc"), "w") as out:
        out.write("s=0\nfor (i=1;i<500;i++) s+=1/i\ns\nquit\n")
    for target in sorted(os.listdir(target_dir)) if os.path.isdir(target_dir) else []:
        program = os.path.join(target_dir, target)
        if target.startswith("single_") and os.access(program, os.X_OK) and os.path.isfile(program):
            found.append((target, [program]))
    return [(name, command) for name, command in found if shutil.which(command[0])]


def by_valgrind(command, environment, work):
    log = os.path.join(work, "valgrind.log")
    run = subprocess.run(["valgrind", "--run-libc-freeres=no", "--run-cxx-freeres=no", f"--log-file={log}",
                          *command], env=environment, cwd=work, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open(log, "rb") as lines:
        found = TOTALS.search(lines.read())
    if not found:
        return None, run
    return tuple(int(number.replace(b",", b"")) for number in found.groups()), run


def by_alloctrap(alloctrap, command, environment, work):
    recording = os.path.join(work, "r.atrap")
    run = subprocess.run([alloctrap, "record", "--quiet", "-o", recording, "--", *command], env=environment,
                         cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    report = subprocess.run([alloctrap, "report", recording, "--json"], capture_output=True, check=True)
    totals = json.loads(report.stdout)["processes"][0]["totals"]
    return (totals["allocations"], totals["frees"], totals["allocated_bytes"]), run


def main():
    alloctrap, workload_dir, target_dir = (os.path.abspath(argument) for argument in sys.argv[1:4])
    only = sys.argv[4:]
    failed = 0
    compared = 0
    with tempfile.TemporaryDirectory(prefix="alloctrap-oracle.") as work:
        make_inputs(work)
        ours, theirs = environments(alloctrap, work)
        for name, command in cases(workload_dir, target_dir, work):
            if only and name not in only:
                continue
            expected, plain = by_valgrind(command, theirs, work)
            if expected is None:
                print(f"SKIP {name}: Valgrind cannot run it: {plain.stderr[-200:]!r}")
                continue
            actual, run = by_alloctrap(alloctrap, command, ours, work)
            same_run = (run.returncode, run.stdout) == (plain.returncode, plain.stdout)
            good = actual == expected and same_run
            compared += 1
            failed += not good
            print(f"{'ok  ' if good else 'FAIL'} {name}: {actual[0]:,} allocs, {actual[1]:,} frees, {actual[2]:,} bytes"
                  + ("" if actual == expected else f"; Valgrind: {expected[0]:,}, {expected[1]:,}, {expected[2]:,}")
                  + ("" if same_run else f"; output or status differ: {run.returncode} / {plain.returncode}"))
    if not only and compared < CASES_MIN:
        sys.exit(f"oracle_valgrind: only {compared} programs compared, {CASES_MIN} are needed")
    print(f"{compared - failed} of {compared} programs equal Valgrind")
    sys.exit(failed != 0)


main()
