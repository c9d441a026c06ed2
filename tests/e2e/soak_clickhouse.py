#!/usr/bin/env python3
"""A lake on ClickHouse: npm's chdb, which is ClickHouse in a process.

Usage: soak_clickhouse.py FOLDER [RUNS] (environment: see consumers.py); chdb is installed into FOLDER.
"""

import json
import os
import sys

from consumers import MAKE_EXPORTS, check, read_json, run, run_tests

FOLDER = os.path.abspath(sys.argv[1])
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
LAKE = "file('lake/**/*.ndjson.zst', 'JSONEachRow', 'run_id String, service String, host String, " \
       "build_id String, function String, allocations UInt64, bytes UInt64, started_ns UInt64, " \
       "latency_buckets Array(Tuple(UInt64, UInt64))')"
QUESTIONS = {
    "totals": f"SELECT service, uniqExact(run_id) AS runs, sum(allocations) AS allocations FROM {LAKE} "
              "GROUP BY service ORDER BY service",
    "worst p99": "SELECT service, quantileExactWeighted(0.99)(b.1, b.2) AS p99_ns FROM "
                 f"(SELECT service, arrayJoin(latency_buckets) AS b FROM {LAKE}) GROUP BY service "
                 "ORDER BY p99_ns DESC LIMIT 1",
    "added": "SELECT service, function, argMin(build_id, started_ns) AS build FROM "
             f"{LAKE} GROUP BY service, function HAVING build = 'bbbb0002'",
}


def ask(query):
    script = "const { query } = require('chdb'); console.log(query(process.argv[2], 'JSON'));"
    with open("ask.cjs", "w", encoding="ascii") as file:
        file.write(script)
    out = run("node", "ask.cjs", query, env={"NODE_PATH": os.path.join(FOLDER, "node_modules")}, timeout=900)
    return read_json(out, query).get("data", [])


def test_clickhouse():
    os.makedirs(FOLDER, exist_ok=True)
    if not os.path.isdir(os.path.join(FOLDER, "node_modules/chdb")):
        run("npm", "install", "--no-audit", "--no-fund", "chdb@3.4.0", cwd=FOLDER, timeout=1800)
    run(MAKE_EXPORTS, "lake", "lake", RUNS, timeout=900)
    totals = ask(QUESTIONS["totals"])
    check([r["service"] for r in totals] == ["cart", "mail", "pay", "search", "web"], f"services: {totals}")
    check(sum(int(r["runs"]) for r in totals) == RUNS, f"runs: {totals}")
    worst = ask(QUESTIONS["worst p99"])
    check(worst and worst[0]["service"] == "search" and 880000 < int(worst[0]["p99_ns"]) < 920000, f"{worst}")
    added = ask(QUESTIONS["added"])
    check([(r["service"], r["function"]) for r in added] == [("pay", "audit_log")], f"added: {added}")
    print(json.dumps(totals))


run_tests(test_clickhouse)
