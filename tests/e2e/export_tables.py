#!/usr/bin/env python3
"""Exports that are tables: CSV in sqlite3, NDJSON in DuckDB, a lake with the questions of
docs/fleet.md; and merging many recordings in bounded memory.

Usage: export_tables.py [LAKE_RUNS]: with a number, the lake alone (environment: see consumers.py, and FLEET, docs/fleet.md).
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys

from consumers import ALLOCTRAP, KINDS, MAKE_EXPORTS, check, export, make, node, read_json, run, run_tests, totals

LAKE_RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
MERGED = 1000

# Runs statements of a file, a JSON array, and prints the rows of each.
DUCKDB = """
const { DuckDBInstance } = require('@duckdb/node-api');
(async () => {
  const db = await (await DuckDBInstance.create(':memory:')).connect();
  const answers = [];
  for (const query of JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'))) {
    answers.push((await db.runAndReadAll(query)).getRowObjectsJson());
  }
  console.log(JSON.stringify(answers));
})();
"""


def duckdb(*queries):
    with open("queries.json", "w", encoding="utf-8") as file:
        json.dump(queries, file)
    return read_json(node(DUCKDB, "queries.json", timeout=600), "DuckDB's answer")


def column(metric):
    return metric.replace("-", "_") + ("_ns" if metric in ("time", "free-time") else "")


def test_csv():
    metrics = ("allocations", "bytes", "frees", "temporaries", "peak", "live", "time", "free-time", "calls")
    for kind in KINDS:
        own = totals(make(kind))
        export(f"{kind}.atrap", "csv", "sites.csv")
        sums = ", ".join(f"sum({column(m)})" for m in metrics)
        out = run("sqlite3", ":memory:", "-cmd", ".import --csv sites.csv sites",
                  f"SELECT {sums}, count(*) FROM sites").strip()
        shown = [int(n) for n in out.split("|")]
        check(shown[:-1] == [own[m] for m in metrics], f"{kind}: sqlite3 adds up {shown}")
        check(shown[-1] == own["sites"], f"{kind}: a row for each site: {shown[-1]}")
    export("hostile.atrap", "csv", "hostile.csv")
    out = run("sqlite3", ":memory:", "-cmd", ".import --csv hostile.csv sites",
              "SELECT sum(function LIKE '=%'), sum(function = ' =SUM(A1:A9)') FROM sites")
    check(out.strip() == "0|3", f"no field begins a formula: {out}")


def test_ndjson():
    for kind in KINDS:
        own = totals(make(kind))
        path = export(f"{kind}.atrap", "ndjson", f"{kind}.ndjson")
        answer = duckdb(f"SELECT sum(allocations)::BIGINT AS allocations, sum(bytes)::BIGINT AS bytes, "
                        f"sum(live)::BIGINT AS live, sum(time_ns)::BIGINT AS time, count(*) AS rows, "
                        f"count(DISTINCT site) AS sites FROM read_json('{path}')",
                        f"SELECT sum(b[2])::BIGINT AS blocks FROM (SELECT unnest(size_buckets) AS b FROM '{path}')",
                        f"SELECT any_value(labels.env) AS env, any_value(service) AS service FROM read_json('{path}')")
        sums = answer[0][0]
        for metric in ("allocations", "bytes", "live", "time"):
            check(int(sums[metric]) == own[metric], f"{kind}: DuckDB's {metric}: {sums}")
        check(int(sums["rows"]) == own["sites"], f"{kind}: a row for each site: {sums}")
        check(int(answer[1][0]["blocks"]) == own["allocations"], f"{kind}: buckets hold all: {answer[1]}")
        check(answer[2][0] == {"env": "prod", "service": "shop"}, f"labels: {answer[2]}")


def fleet_queries():
    with open(os.environ["FLEET"], encoding="utf-8") as file:
        queries = re.findall(r"```sql\n(.*?)```", file.read(), re.DOTALL)
    check(len(queries) >= 8, f"docs/fleet.md asks {len(queries)} questions")
    return queries


def test_lake():
    run(MAKE_EXPORTS, "lake", "lake", LAKE_RUNS, timeout=600)
    files = [os.path.join(d, f) for d, _, names in os.walk("lake") for f in names]
    check(len(files) == LAKE_RUNS, f"{len(files)} runs")
    check(all(re.fullmatch(r"lake/dt=2026-09-\d\d/service=[a-z]+/host=host-\d/[0-9a-f]{32}\.ndjson\.zst", f)
              for f in files), f"places: {files[0]}")
    answers = duckdb(*fleet_queries())
    check(all(len(a) > 0 for a in answers), "every question has an answer")
    check([r["service"] for r in answers[1]] == ["cart", "mail", "pay", "search", "web"], f"{answers[1]}")
    check(sum(int(r["runs"]) for r in answers[1]) == LAKE_RUNS, "all runs are there")
    worst = answers[2][0]
    check(worst["service"] == "search" and 880000 < int(worst["p99_ns"]) < 920000, f"worst p99: {worst}")
    check([(r["service"], r["function"], r["build_id"]) for r in answers[3]] == [("pay", "audit_log", "bbbb0002")],
          f"who added what: {answers[3]}")
    check(answers[6][0]["function"] == "audit_log", f"who leaks: {answers[6]}")
    check(os.path.isdir("parquet"), "Parquet")


def test_lake_places():
    """Names of services and hosts cannot lead out of the lake."""
    shutil.copy(make("tiny"), "evil.atrap")
    with sqlite3.connect("evil.atrap") as db:
        db.execute("UPDATE run SET service = '../../up', host = '..', run_id = '/etc/x=y'")
    run(ALLOCTRAP, "export", "evil.atrap", "--lake=evil")
    files = [os.path.join(d, f) for d, _, names in os.walk("evil") for f in names]
    check(files == ["evil/dt=2026-09-21/service=%2E.%2F..%2Fup/host=%2E./%2Fetc%2Fx%3Dy.ndjson.zst"], f"{files}")
    run(ALLOCTRAP, "export", "evil.atrap", "--lake=evil", "--format=csv", status=2)


def peak_kib(*command):
    """The command's own highest resident memory."""
    code = ("import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)")
    return int(run(sys.executable, "-c", code, *command, timeout=600).split()[-1])


def test_merge_many():
    make("after")
    os.makedirs("many", exist_ok=True)
    for i in range(MERGED):
        shutil.copy("after.atrap", f"many/{i:04}.atrap")
        with sqlite3.connect(f"many/{i:04}.atrap", isolation_level=None) as db:
            db.execute("PRAGMA synchronous = OFF")
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("UPDATE run SET run_id = ?, labels = ?, host = ?", (f"{i:032x}", f"env=prod,n={i}", f"h{i}"))
    paths = sorted(os.path.join("many", f) for f in os.listdir("many"))
    few = peak_kib(ALLOCTRAP, "merge", *paths[:20], "-o", "few.atrap")
    all_of_them = peak_kib(ALLOCTRAP, "merge", *paths, "-o", "many.atrap")
    check(totals("many.atrap")["bytes"] == MERGED * totals("after.atrap")["bytes"], "bytes add up")
    check(all_of_them < few + 4096, f"{MERGED} recordings took {all_of_them} KiB, 20 took {few}")
    with sqlite3.connect("many.atrap") as db:
        row = db.execute("SELECT labels, service, build_id, merged_runs FROM run").fetchone()
    check(row == ("env=prod", "shop", "cafebabe", MERGED), f"what all have in common: {row}")
    print(f"merging 20: {few} KiB, {MERGED}: {all_of_them} KiB")


def test_labels():
    env = {**os.environ, "ALLOCTRAP_LABELS": "zone=eu-1,service=search,bad key=1,env=prod,env=test,=x"}
    done = subprocess.run([ALLOCTRAP, "record", "-o", "l.atrap", "--", "sort", "/dev/null"], env=env, capture_output=True, check=False)
    check(b"2 of them left out" in done.stderr, f"what is no label is told: {done.stderr}")
    report = read_json(run(ALLOCTRAP, "report", "l.atrap", "--json"), "report")
    check(report["labels"] == {"env": "test", "service": "search", "zone": "eu-1"}, f"{report['labels']}")
    check(report["service"] == "search" and re.fullmatch(r"[0-9a-f]{40}", report["build_id"]), f"{report['build_id']}")
    info = run(ALLOCTRAP, "info", "l.atrap")
    check("Labels      env=test,service=search,zone=eu-1" in info, info)


if len(sys.argv) > 1:
    run_tests(test_lake)
else:
    run_tests(test_csv, test_ndjson, test_lake, test_lake_places, test_merge_many, test_labels)
