#!/usr/bin/env python3
"""Damaged recordings through the subcommands: no crash, no report of a sanitizer, no hang, no
memory without bound; the exit status is a documented one, an error is one line, and what is called
JSON or XML is that.

    mutate.py ALLOCTRAP FORK_SERVER MAKE_STORY FUZZ_SEED [--count=N] [--from=N] [--seed=TEXT]
              [--jobs=N] [--all] [--recorder=ALLOCTRAP]

Mutant N of a seed is always the same one: a failure is looked at with --from=N --count=1 and the
folder that is then kept. Each mutant goes through a third of the subcommands (drawn by its number),
with --all through each, in one of their forms each. With --recorder, real recordings and a killed session are damaged too.
"""
import argparse
import collections
import contextlib
import csv
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

CPU_S_MAX = 10
RSS_KIB_MAX = 1 << 20
PAGE_BYTES = 4096
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="exitcode=99:detect_leaks=0:hard_rss_limit_mb=2048:"
                   "allocator_may_return_null=1",
                   UBSAN_OPTIONS="halt_on_error=1:exitcode=99:print_stacktrace=1", LC_ALL="C.UTF-8")
SANITIZER_SAYS = (b"ERROR: AddressSanitizer", b"runtime error:", b"hard rss limit")

POLICY = """version: 1
budgets:
  - name: all
    limits: { allocs: 100, bytes: 1000, peak: 5000, leaked_bytes: 0, p99: 500ns }
  - name: each
    match: { function: "*" }
    limits: { allocs: 10, bytes: 512 B }
    baseline: { allocs: +5%, bytes: +5% }
"""

# What a form writes: nothing that is looked at, or a kind that is parsed when the status is 0.
NONE, JSON, XML, NDJSON, CSV = "none", "json", "xml", "ndjson", "csv"
REPORTS = {"text": NONE, "json": JSON, "junit": XML, "github": NONE, "markdown": NONE,
           "gitlab": JSON, "sarif": JSON, "bench-json": JSON}
FORMATS = {"svg": XML, "folded": NONE, "pprof": NONE, "speedscope": JSON, "dhat": JSON,
           "firefox": JSON, "callgrind": NONE, "massif": NONE, "heaptrack": NONE, "chrome": JSON,
           "hgrm": NONE, "json": JSON, "csv": CSV, "ndjson": NDJSON}

# BAD: the mutant, GOOD: a whole recording, OUT: a file to write.
FORMS = {
    "info": [("BAD", NONE)],
    "report": [("BAD", NONE), ("BAD --json", JSON), ("BAD --markdown --top=0", NONE),
               ("BAD --tree", NONE), ("BAD --callers", NONE), ("BAD --latency", NONE),
               ("BAD --latency --json", JSON), ("BAD --source", NONE),
               ("BAD --source --json", JSON), ("BAD --hgrm", NONE),
               ("BAD --sort=p99 --fold-templates", NONE), ("BAD --tree --raw-names", NONE)],
    "compare": [("BAD GOOD", NONE), ("GOOD BAD --json", JSON), ("BAD GOOD --markdown", NONE),
                ("BAD BAD --fold-templates --units=7", NONE)],
    "check": [(f"BAD --budget=policy.yaml --report={kind}", parsed)
              for kind, parsed in REPORTS.items()] +
             [("BAD GOOD --budget=policy.yaml --baseline=OUT --update-baseline", NONE),
              ("BAD --budget=policy.yaml --baseline=good.json --print-patch", NONE),
              ("--slope BAD:10 GOOD:1000 --budget=policy.yaml", NONE)],
    "advise": [("BAD", NONE), ("BAD --json", JSON), ("BAD --markdown --threshold=0", NONE)],
    "export": [(f"BAD --format={name} -o OUT", parsed) for name, parsed in FORMATS.items()] +
              [("BAD --base=GOOD --format=svg -o OUT", XML),
               ("GOOD --base=BAD --format=folded --per-unit -o OUT", NONE),
               ("BAD --format=svg --inverted --metric=time -o OUT", XML),
               ("BAD --lake=lake", NONE)],
    "html": [("BAD -o OUT", NONE), ("GOOD BAD -o OUT", NONE), ("BAD --full -o OUT", NONE)],
    "scaling": [("10=GOOD 100=BAD 1000=GOOD", NONE), ("10=BAD 100=BAD 1000=GOOD --json", JSON),
                ("10=GOOD 100=GOOD 1000=BAD --svg=OUT", XML),
                ("1=BAD 2=GOOD 3=BAD --sites --markdown", NONE)],
    "merge": [("BAD GOOD -o OUT", NONE), ("GOOD BAD -o OUT", NONE)],
    "symbolize": [("BAD -o OUT", NONE), ("BAD --no-cache -o OUT", NONE)],
    "push": [("BAD --url=http://127.0.0.1:9/ --retries=0 --timeout=2", NONE)],
    "recover": [("SESSION -o OUT", NONE)],
    "top": [("SESSION --once --interval=100", NONE)],
}
STATUSES = {name: {0, 1, 2, 3} for name in FORMS}
STATUSES["check"] |= {4, 5}

NASTY = "a\x1b[2J\x07\x7f\x9b\u202e\"\\'</script>|`=cmd|' /C calc'!A0\n# b;\t"
VALUES = [None, -1, 0, 1, 2, 255, 256, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**48, 2**53, 2**62,
          2**63 - 1, -2**63, 1e308, -0.5, "", "7", "text", NASTY, "/" * 5000, "/dev/zero",
          "/proc/self/maps", b"", b"\x00", b"\xff" * 9, b"\xff" * 300, b"\x80" * 50]


def table_names(database):
    return [row[0] for row in database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]


def column_names(database, table):
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def some_value(rng):
    if rng.random() < 0.1:
        return rng.choice([lambda: "x" * rng.randrange(1 << 21), lambda: bytes(rng.randrange(1 << 21)),
                           lambda: rng.randbytes(rng.randrange(1 << 16))])()
    return rng.choice(VALUES) if rng.random() < 0.7 else rng.randrange(-2**63, 2**63)


def set_values(rng, database):
    table = rng.choice(table_names(database))
    column = rng.choice(column_names(database, table))
    where = "" if rng.random() < 0.2 else f" WHERE id % {rng.randrange(1, 9)} = 0"
    database.execute(f"UPDATE OR IGNORE {table} SET {column} = ?{where}", (some_value(rng),))


def set_number(rng, database):
    """A number that a column may hold, however unlikely: what comes after the loader meets it."""
    table = rng.choice(table_names(database))
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")
               if row[2] == "INTEGER"][1:]
    for column in rng.sample(columns, min(len(columns), rng.choice([1, 1, 3, 9]))):
        value = rng.choice([0, 1, 2**31, 2**32 - 1, 2**40, 2**53 + 1, 2**62, 2**63 - 1])
        where = "" if rng.random() < 0.2 else f" WHERE id % {rng.randrange(1, 9)} = 0"
        database.execute(f"UPDATE OR IGNORE {table} SET {column} = ?{where}", (value,))


def set_text(rng, database):
    table, column = rng.choice([("module", "path"), ("symbol", "function"), ("symbol", "raw_name"),
                                ("symbol", "file"), ("process", "command"), ("run", "command"),
                                ("run", "host"), ("run", "labels"), ("run", "unit_name"),
                                ("run", "settings"), ("run", "run_id"), ("span", "name"),
                                ("run", "service"), ("run", "build_id"), ("process", "allocator")])
    value = rng.choice([NASTY, "", "\x1f" * 40, "=1", "a" * (1 << rng.randrange(20)), "/etc/passwd",
                        "x\x1fy=z,=,", "(" * 3000, "<" * 9000, "_ZN" + "4abcdI" * 2000, "\u00e9" * 99,
                        "operator new", "\uffff", "%s%n%99999d", "../" * 50])
    database.execute(f"UPDATE {table} SET {column} = ? WHERE id % {rng.randrange(1, 4)} = 0", (value,))


def mix_ids(rng, database):
    table, column = rng.choice([
        ("path", "parent"), ("path", "frame"), ("path", "depth"), ("site", "path"),
        ("site_call", "site"), ("site_call", "call"), ("frame", "module"),
        ("frame", "symbol_first"), ("frame", "symbol_count"), ("pair", "alloc_site"),
        ("pair", "free_site"), ("slow_call", "site"), ("slow_call", "process"),
        ("span_call", "span"), ("process", "parent_pid")])
    expression = rng.choice(["id", "id + 1", "id - 1", "-id", "4294967295", "id * 1000000007",
                             f"(SELECT max(id) FROM {table}) - id", "0", "1", "7"])
    database.execute(f"UPDATE OR IGNORE {table} SET {column} = {expression}")


def lose_rows(rng, database):
    table = rng.choice(table_names(database))
    database.execute(f"DELETE FROM {table} WHERE id % {rng.randrange(1, 6)} = 0")


def shift_ids(rng, database):
    table = rng.choice(table_names(database))
    key = "seq" if table == "trace_chunk" else "id"
    shift = rng.choice([1, -1, 1000, 2**31, 2**62])
    database.execute(f"UPDATE OR IGNORE {table} SET {key} = {key} + {shift}")


def add_rows(rng, database):
    """Many rows more, with ids that go on: what a quadratic loop would feel."""
    table = rng.choice(["path", "site", "site_call", "pair", "frame", "symbol", "module", "process",
                        "timeline_bin", "slow_call", "span", "note"])
    columns = column_names(database, table)[1:]
    if table == "path" and rng.random() < 0.5:  # one deep stack, and sites all over it
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?),"
            " top(id) AS (SELECT max(id) FROM path)"
            " INSERT OR IGNORE INTO path(id, parent, frame, depth, is_cut)"
            " SELECT top.id + i, CASE i WHEN 1 THEN 0 ELSE top.id + i - 1 END, 0, i, 1 FROM n, top",
            (rng.choice([500, 513, 514, 30000]),))
        database.execute("UPDATE OR IGNORE site SET path = (SELECT max(id) FROM path) - id")
        return
    values = [f"{table}.{name} + n.i" if rng.random() < 0.3 else f"{table}.{name}"
              for name in columns]
    database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        f" INSERT OR IGNORE INTO {table} SELECT (SELECT max(id) FROM {table}) + n.i,"
        f" {', '.join(values)} FROM n, (SELECT * FROM {table} ORDER BY id DESC LIMIT 1) AS {table}",
        (rng.choice([3, 300, 20000]),))


def spoil_schema(rng, database):
    table = rng.choice(table_names(database))
    rng.choice([
        lambda: database.execute(f"DROP TABLE {table}"),
        lambda: database.execute(f"ALTER TABLE {table} ADD COLUMN more TEXT"),
        lambda: database.execute(f"CREATE INDEX wrong ON {table}(id)"),
        lambda: database.executescript(
            f"ALTER TABLE {table} RENAME TO old; CREATE VIEW {table} AS WITH RECURSIVE n(i) AS"
            " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT old.* FROM n, old"),
        lambda: database.execute(f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN DELETE FROM run;"
                                 " END"),
        lambda: database.execute(f"PRAGMA user_version = {rng.choice([0, 2, 99, -1])}"),
        lambda: database.execute(f"UPDATE sqlite_schema SET rootpage = {rng.randrange(40)}"
                                 f" WHERE name = '{table}'"),
        lambda: database.execute("UPDATE sqlite_schema SET sql = sql || ' -- ' || hex(zeroblob(9))"),
    ])()


def spoil_blob(rng, database):
    """Histograms and the trace: bytes within what is decoded."""
    table, column = rng.choice([("site", "size"), ("site", "life"), ("site_call", "latency"),
                                ("call_total", "latency"), ("site", "growth_last_size"),
                                ("trace_chunk", "data"), ("trace_chunk", "data")])
    key = "seq" if table == "trace_chunk" else "id"
    rows = database.execute(f"SELECT {key}, {column} FROM {table} WHERE length({column}) > 0")
    for row_id, blob in rows.fetchall()[:20]:
        data = bytearray(blob if isinstance(blob, bytes) else str(blob).encode())
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)])
        data = data[:rng.randrange(len(data) + 1)] if rng.random() < 0.2 else data
        database.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (bytes(data), row_id))


@contextlib.contextmanager
def opened(path):
    """A database that is closed, and so unlocked, whatever happens to it."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        yield database
        database.commit()


def by_sql(rng, path):
    """Changes rows, whatever NOT NULL says, and puts the schema's text back to the letter."""
    with opened(path) as database:
        database.execute("PRAGMA writable_schema = ON")
        kept = database.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        database.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '')"
                         " WHERE type = 'table'")
    with opened(path) as database:
        database.text_factory = lambda raw: raw.decode(errors="replace")
        with contextlib.suppress(sqlite3.Error):  # the schema's text is put back in any case
            rng.choice([set_values, set_values, set_number, set_number, set_number, set_text,
                        set_text, mix_ids, mix_ids, lose_rows, shift_ids, add_rows, add_rows,
                        spoil_blob])(rng, database)
        database.execute("PRAGMA writable_schema = ON")
        for name, text in kept:
            database.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (text, name))
        if rng.random() < 0.04:
            spoil_schema(rng, database)


def by_bytes(rng, path):
    with open(path, "rb") as whole:
        data = bytearray(whole.read())
    pages = len(data) // PAGE_BYTES

    def page(number):
        return slice(number * PAGE_BYTES, (number + 1) * PAGE_BYTES)

    def flip():
        for _ in range(rng.choice([1, 2, 8, 64])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)

    def swap():
        one, two = page(rng.randrange(pages)), page(rng.randrange(pages))
        data[one], data[two] = data[two], data[one]

    def copy():
        data[page(rng.randrange(pages))] = data[page(rng.randrange(pages))]

    def run():
        at = rng.randrange(len(data))
        data[at:at + rng.choice([2, 4, 8, 100])] = rng.choice(
            [b"\xff" * 8, b"\x00" * 8, b"\x7f" + b"\xff" * 7, rng.randbytes(8)])

    def cut():
        del data[rng.randrange(len(data)):]

    def cut_honestly():  # the head knows of it
        kept = rng.randrange(1, pages + 1)
        del data[kept * PAGE_BYTES:]
        data[28:32] = kept.to_bytes(4, "big")

    def grow():
        data.extend(rng.randbytes(rng.randrange(1, 3 * PAGE_BYTES)))

    def head():
        data[rng.randrange(16, 100)] = rng.randrange(256)

    rng.choice([flip, flip, flip, swap, copy, run, run, cut, cut_honestly, grow, head])()
    with open(path, "wb") as out:
        out.write(data)


def name_run(path, run_id):
    """Runs of one id would not be merged."""
    with opened(path) as database:
        database.execute("UPDATE run SET run_id = ?", (run_id,))


def mutate(rng, base, path):
    """First rows, then bytes: SQLite would refuse to change what is damaged."""
    shutil.copy(base, path)
    name_run(path, "mutant")
    steps = [rng.random() < 0.4 for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    for is_bytes in sorted(steps):
        with contextlib.suppress(sqlite3.Error):
            (by_bytes if is_bytes else by_sql)(rng, path)
        if os.path.getsize(path) < 2 * PAGE_BYTES:
            break


class Mutator:
    """One worker's folder, its recordings and what it counted."""

    def __init__(self, options):
        self.options = options
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="alloctrap-mutants.", dir=memory)
        self.runs = collections.Counter()
        self.good = collections.Counter()
        self.failures = []
        self.cpu_s = 0.0
        self.rss_kib = 0
        os.chdir(self.folder)
        self.server = self.start_server()
        self.bases = self.make_bases()
        self.session = self.make_session()
        with open("policy.yaml", "w") as out:
            out.write(POLICY)
        subprocess.run([options.alloctrap, "check", "before.atrap", "--budget=policy.yaml",
                        "--baseline=good.json", "--update-baseline"], env=self.environment(),
                       capture_output=True, check=False)

    def environment(self):
        return dict(ENVIRONMENT, XDG_CACHE_HOME=self.folder, HOME=self.folder)

    def make_bases(self):
        bases = ["before.atrap", "after.atrap", "hostile.atrap", "traced.atrap"]
        subprocess.run([self.options.make_story, *bases[:3]], check=True)
        subprocess.run([self.options.fuzz_seed, bases[3]], check=True)
        if self.options.recorder:
            for name, command in (("shell.atrap", ["sh", "-c", "true | true; sort /dev/null"]),
                                  ("sort.atrap", ["sort", "--parallel=2", "/etc/passwd"])):
                self.record(name, ["--trace"], command)
                bases.append(name)
        for base in bases:
            name_run(base, base)
        return bases

    def record(self, name, options, command):
        return subprocess.run([self.options.recorder, "record", "-o", name, *options, "--", *command],
                              capture_output=True, check=False)

    def make_session(self):
        """A killed one's, as (path, places that hold something)."""
        if not self.options.recorder:
            return None
        self.record("killed.atrap", [], ["sh", "-c", "x=1; ls / >/dev/null; kill -9 $PPID; kill -9 $$"])
        folder = "killed.atrap.session"
        files = sorted(os.path.join(folder, name) for name in os.listdir(folder))
        return folder, files, [self.extents(path) for path in files]

    @staticmethod
    def extents(path):
        places, at = [], 0
        with open(path, "rb") as data:
            while True:
                try:
                    start = os.lseek(data.fileno(), at, os.SEEK_DATA)
                except OSError:
                    return places
                at = os.lseek(data.fileno(), start, os.SEEK_HOLE)
                places.append((start, at))

    def damage_session(self, rng):
        """Overwrites a few places; returns how to mend them."""
        old = []
        for _ in range(rng.choice([1, 2, 8, 40])):
            which = rng.randrange(len(self.session[1]))
            start, end = rng.choice(self.session[2][which])
            end = min(end, start + rng.choice([400, 20000, 1 << 30]))
            at, new = rng.randrange(start, end), rng.choice(
                [b"\xff" * 8, b"\0" * 8, b"\xff", rng.randbytes(4), (1 << 40).to_bytes(8, "little")])
            with open(self.session[1][which], "r+b") as file:
                file.seek(at)
                old.append((which, at, file.read(len(new))))
                file.seek(at)
                file.write(new)
        return old

    def mend_session(self, old):
        for which, at, data in reversed(old):
            with open(self.session[1][which], "r+b") as file:
                file.seek(at)
                file.write(data)

    def start_server(self):
        environment = dict(self.environment(), LD_PRELOAD=self.options.fork_server)
        environment["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        return subprocess.Popen([self.options.alloctrap], env=environment, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, bufsize=1)

    def run(self, words):
        """(status, stdout, stderr, CPU seconds, KiB)"""
        self.server.stdin.write("\x1f".join([self.options.alloctrap, *words]) + "\n")
        status, cpu_ms, rss_kib = map(int, self.server.stdout.readline().split())
        with open("stdout", "rb") as out, open("stderr", "rb") as err:
            return status, out.read(), err.read(), cpu_ms / 1000, rss_kib

    @staticmethod
    def fault_of_output(kind, data):
        try:
            if kind == JSON:
                json.loads(data)
            elif kind == NDJSON:
                for line in data.splitlines():
                    json.loads(line)
            elif kind == XML:
                ElementTree.fromstring(data)
            elif kind == CSV and len({len(row) for row in csv.reader(
                    data.decode().splitlines(keepends=True))}) != 1:
                return "rows of CSV differ in length"
        except (ValueError, ElementTree.ParseError) as wrong:
            return f"its {kind} is none: {wrong}"
        return None

    def fault(self, name, words, kind, result):
        """What is wrong with a run; None when nothing is."""
        status, stdout, stderr, cpu_s, rss_kib = result
        if status == 128 + signal.SIGALRM:
            return "no end"
        if any(words_of in stderr for words_of in SANITIZER_SAYS):
            return "a sanitizer's report"
        if status not in STATUSES[name]:
            return f"exit status {status}"
        if cpu_s > CPU_S_MAX:
            return f"{cpu_s:.1f} s of CPU time"
        if rss_kib > RSS_KIB_MAX:
            return f"{rss_kib >> 10} MiB"
        cannot_tell = name == "check" and stdout != b"" and stderr == b""  # a verdict: lossy, skipped
        if status in (2, 3) and not cannot_tell and (stderr.count(b"\n") != 1 or not stderr.startswith(b"alloctrap")):
            return "an error is not one line"
        if any(byte < 0x20 and byte != 10 or byte == 0x7f for byte in stderr):
            return "a control character on standard error"
        out = words[words.index("-o") + 1] if "-o" in words else None
        out = next((word[6:] for word in words if word.startswith("--svg=")), out)
        if status == 3 and out is not None and os.path.exists(out):
            return "a file is left behind"
        if status == 0 and kind != NONE:
            data = stdout
            if out is not None:
                with open(out, "rb") as file:
                    data = file.read()
            return self.fault_of_output(kind, data)
        return None

    def try_form(self, number, rng, name):
        form, kind = rng.choice(FORMS[name])
        session = self.session[0] if self.session else "mutant.atrap"
        good = rng.choice(self.bases)
        words = [name] + [word.replace("BAD", "mutant.atrap").replace("GOOD", good)
                          .replace("SESSION", session).replace("OUT", "out.new")
                          for word in form.split()]
        old = self.damage_session(rng) if self.session and session in words else []
        if os.path.exists("out.new"):
            os.unlink("out.new")
        result = self.run(words)
        fault = self.fault(name, words, kind, result)
        if fault is not None:
            text = result[2].decode(errors="replace")
            self.failures.append(f"mutant {number}: {' '.join(words)}: {fault}\n{text[:3000]}")
        self.mend_session(old)
        self.runs[name] += 1
        self.good[name] += result[0] in (0, 1)
        self.cpu_s = max(self.cpu_s, result[3])
        self.rss_kib = max(self.rss_kib, result[4])

    def try_mutant(self, number):
        rng = random.Random(f"{self.options.seed}:{number}")
        base = self.bases[number % len(self.bases)]
        mutate(rng, base, "mutant.atrap")
        names = sorted(FORMS)
        for name in names if self.options.all else rng.sample(names, (len(names) + 2) // 3):
            self.try_form(number, rng, name)


def work(options, first, count):
    mutator = Mutator(options)
    for number in range(first, first + count):
        before = len(mutator.failures)
        mutator.try_mutant(number)
        for failure in mutator.failures[before:]:
            print(failure, file=sys.stderr, flush=True)
        if (number + 1 - first) % 1000 == 0:
            print(f"{number + 1 - first} of {count}", file=sys.stderr, flush=True)
    mutator.server.stdin.close()
    mutator.server.wait()
    os.chdir("/")
    if options.count == 1:
        print(f"kept: {mutator.folder}")
    else:
        shutil.rmtree(mutator.folder)
    return mutator.runs, mutator.good, mutator.failures, mutator.cpu_s, mutator.rss_kib


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("alloctrap", "fork_server", "make_story", "fuzz_seed"):
        parser.add_argument(name, type=os.path.abspath)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--recorder", type=os.path.abspath)
    options = parser.parse_args()
    shares = [options.count // options.jobs + (i < options.count % options.jobs)
              for i in range(options.jobs)]
    with multiprocessing.Pool(options.jobs) as pool:
        results = pool.starmap(work, [(options, options.first + sum(shares[:i]), shares[i])
                                      for i in range(options.jobs)])
    runs, good = collections.Counter(), collections.Counter()
    failures, cpu_s, rss_kib = [], 0, 0
    for share in results:
        runs, good, failures = runs + share[0], good + share[1], failures + share[2]
        cpu_s, rss_kib = max(cpu_s, share[3]), max(rss_kib, share[4])
    for name in sorted(FORMS):
        print(f"{name:10} {runs[name]:6} runs, {good[name]:6} of them had something to show")
    print(f"{options.count} mutants, {sum(runs.values())} runs, {len(failures)} wrong; "
          f"at most {cpu_s:.2f} s of CPU time and {rss_kib >> 10} MiB")
    sys.exit(failures != [] or sum(runs.values()) == 0)


main()
