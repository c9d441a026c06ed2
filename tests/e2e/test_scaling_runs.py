#!/usr/bin/env python3
"""`alloctrap scaling` on the traps and on the shipped parser: known laws are found.

usage: test_scaling_runs.py ALLOCTRAP TRAPS WORKLOAD_FOLDER
"""

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ALLOCTRAP, TRAPS, WORKLOAD = (os.path.abspath(a) for a in sys.argv[1:4])
failures = []


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def fails(*command):
    done = subprocess.run([ALLOCTRAP, "scaling", *command], capture_output=True, text=True,
                          check=False)
    check(done.returncode == 2 and done.stderr.count("\n") == 1,
          f"usage error: {command}: {done.stderr}")


def scale(command, sizes, *options):
    out = run(ALLOCTRAP, "scaling", "--run", command, "--sizes", sizes, "--json", *options)
    return json.loads(out)


def test_traps():
    sizes = "100,1000,4000"
    naive = scale(f"{TRAPS} concat --naive --n={{}}", sizes, "--predict=1000000", "--svg=plot.svg",
                  "--metric=bytes", "--keep=kept")
    total = naive["total"]
    check(total["bytes"]["class"] == "quadratic", f"concat's bytes: {total['bytes']}")
    check(total["copied"]["class"] == "quadratic", f"concat's copies: {total['copied']}")
    check(total["allocations"]["class"] == "linear" and
          total["allocations"]["values"] == [100, 1000, 4000],
          f"concat's allocations: {total['allocations']}")
    check(abs(total["bytes"]["exponent"] - 2) < 0.1 and total["bytes"]["r2"] > 0.999,
          "its exponent")
    truth = 9.88 * 1e6 * 1e6 / 2  # the mean piece, "item 500, ", for each step
    check(abs(total["bytes"]["predicted"] - truth) < 0.1 * truth,
          f"predicted: {total['bytes']['predicted']}")
    check(naive["whole"] == [True] * 3, "all three are whole")
    first = naive["functions"][0]
    check(first["function"] == "trap_concat_naive" and first["hurts"],
          "the function that will hurt")
    svg = xml.etree.ElementTree.parse("plot.svg").getroot()
    texts = [t.text for t in svg.iter("{http://www.w3.org/2000/svg}text")]
    check(any("trap_concat_naive" in t for t in texts), f"the plot names it: {texts}")
    check(sorted(os.listdir("kept")) == ["100.atrap", "1000.atrap", "4000.atrap"], "--keep")
    again = json.loads(run(ALLOCTRAP, "scaling", "4000=kept/4000.atrap", "100=kept/100.atrap",
                           "1000=kept/1000.atrap", "--json", "--predict=1000000"))
    check(again == naive, "the same from the kept recordings, in any order")
    fixed = scale(f"{TRAPS} concat --fixed --n={{}}", sizes)["total"]
    check(fixed["allocations"]["class"] in ("log n", "constant"), f"fixed: {fixed['allocations']}")
    check(fixed["bytes"]["class"] in ("linear", "unclear", "n log n"), f"fixed: {fixed['bytes']}")


def test_parser():
    run(os.path.join(WORKLOAD, "loggen"), "--lines=3000", "-o", "3000.log")
    with open("3000.log", "rb") as log:
        lines = log.readlines()
    for n in 100, 1000:
        with open(f"{n}.log", "wb") as part:
            part.writelines(lines[:n])
    parser = os.path.join(WORKLOAD, "logparse")
    naive = scale(f"{parser} --builder=concat {{}}.log", "100,1000,3000")
    check(naive["total"]["allocations"]["class"] == "linear", "the naive parser: linear in lines")
    sites = scale(f"{parser} --builder=concat {{}}.log", "100,1000,3000", "--sites")
    check(len(sites["functions"]) > 10 * len(naive["functions"]), "--sites: each call path")
    check(sites["total"]["allocations"] == naive["total"]["allocations"], "--sites: the same total")
    pooled = scale(f"{parser} --builder=pooled {{}}.log", "100,1000,3000")
    check(pooled["total"]["allocations"]["class"] in ("constant", "log n"),
          f"the pooled one allocates when it starts: {pooled['total']['allocations']}")
    text = run(ALLOCTRAP, "scaling", "--run", f"{parser} --builder=concat {{}}.log",
               "--sizes", "100,1000,3000", "--predict=10000000")
    check("What will hurt at n = 10,000,000" in text and "concat_append" in text,
          "the text names it")


def test_usage():
    fails("1=kept/100.atrap", "2=kept/1000.atrap")
    fails("1=kept/100.atrap", "1=kept/1000.atrap", "2=kept/4000.atrap")
    fails("kept/100.atrap", "2=kept/1000.atrap", "3=kept/4000.atrap")
    fails("0=kept/100.atrap", "2=kept/1000.atrap", "3=kept/4000.atrap")
    fails("--run", "true", "--sizes", "1,2,3")
    fails("--run", "true {}")
    fails("--metric=speed", "1=a", "2=b", "3=c")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    test_traps()
    test_parser()
    test_usage()
    os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
