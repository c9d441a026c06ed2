"""What the tests of exports share: the programs that read them, and checks that count.

Environment: MAKE_EXPORTS and ALLOCTRAP, the built programs; CONSUMERS, tests/consumers;
CONSUMERS_BUILD, a folder for npm's packages, installed once.
"""

import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ALLOCTRAP = os.environ["ALLOCTRAP"]
MAKE_EXPORTS = os.environ["MAKE_EXPORTS"]
CONSUMERS = os.environ["CONSUMERS"]
CONSUMERS_BUILD = os.environ["CONSUMERS_BUILD"]
PPROF = "/usr/lib/go-1.19/pkg/tool/linux_amd64/pprof"
KINDS = ("tiny", "hostile", "large")

failures = []
checked = 0


def check(claim, what):
    global checked
    checked += 1
    if not claim:
        failures.append(what)
        print("FAIL", what[:2000])


def run_tests(*tests):
    """Runs them in a folder of their own, says how long each took, and ends the program."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for test in tests:
            start = time.monotonic()
            cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
            before = sum(cpu[:2]) + time.process_time()
            test()
            cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = sum(cpu[:2]) + time.process_time() - before
            print(f"{test.__name__}: {time.monotonic() - start:.1f} s, {used:.1f} s of processor", flush=True)
        os.chdir("/")
    finish()


def finish():
    """Some checks were made, none failed."""
    print(f"{checked} checks, {len(failures)} failures")
    sys.exit(1 if failures or checked == 0 else 0)


def run(*command, status=0, text=True, timeout=600, env=None, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, timeout=timeout, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, **more)
    err = done.stderr.decode(errors="replace")
    check(status in (None, done.returncode), f"{command} ends with {done.returncode}, not {status}: {err[-800:]}")
    return done.stdout.decode(errors="replace") if text else done.stdout


def make(kind, *more):
    """A recording with fixed numbers in the current folder."""
    path = f"{kind}.atrap"
    if not os.path.exists(path):
        run(MAKE_EXPORTS, kind, path, *more)
    return path


def totals(path):
    """The recording's own sums, asked of it by plain SQL."""
    import sqlite3
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        row = db.execute("SELECT allocs, bytes, frees, temporaries, peak_bytes, peak_blocks, live_bytes,"
                         " live_blocks, ns FROM run").fetchone()
        free_ns = db.execute("SELECT sum(ns) FROM call_total WHERE name = 'free'").fetchone()[0]
        calls = db.execute("SELECT sum(calls) FROM call_total").fetchone()[0]
        sites = db.execute("SELECT count(*) FROM site WHERE allocs > 0").fetchone()[0]
    names = ("allocations", "bytes", "frees", "temporaries", "peak", "peak-blocks", "live",
             "live-blocks", "time")
    return dict(zip(names, row)) | {"free-time": free_ns, "calls": calls, "sites": sites}


def export(path, form, out, *options):
    """Writes the export and checks that a second one has the same bytes."""
    run(ALLOCTRAP, "export", path, f"--format={form}", *options, "-o", out)
    return out


def npm_folder():
    """Where the packages of tests/consumers are; installed once for a build folder."""
    os.makedirs(CONSUMERS_BUILD, exist_ok=True)
    with open(os.path.join(CONSUMERS_BUILD, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(CONSUMERS, name), CONSUMERS_BUILD)
        done = os.path.join(CONSUMERS_BUILD, "installed-lock.json")
        with open(os.path.join(CONSUMERS, "package-lock.json"), "rb") as file:
            wanted = file.read()
        if not os.path.exists(done) or open(done, "rb").read() != wanted:
            run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=CONSUMERS_BUILD,
                timeout=300)
            with open(done, "wb") as file:
                file.write(wanted)
    return os.path.join(CONSUMERS_BUILD, "node_modules")


def node_major():
    return int(run("node", "--version").lstrip("v").split(".")[0])


def node(script, *arguments, timeout=600):
    """Runs a program of JavaScript with the packages in reach."""
    path = "script.cjs"
    with open(path, "w", encoding="utf-8") as file:
        file.write(script)
    return run("node", path, *arguments, timeout=timeout,
               env={"NODE_PATH": npm_folder()})


def chromium(url, *options, budget_ms=5000, dom=True):
    """The document after its scripts have run, as chromium writes it."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader",
             "--enable-unsafe-swiftshader", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
             "--allow-file-access-from-files",
             f"--user-data-dir={os.path.abspath('chromium')}", f"--virtual-time-budget={budget_ms}"]
    return run("chromium", *flags, *(["--dump-dom"] if dom else []), *options, url)


def read_json(text, what):
    try:
        return json.loads(text)
    except ValueError as error:
        check(False, f"{what} is JSON: {error}: {text[:300]}")
        return {}
