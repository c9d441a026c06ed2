#!/usr/bin/env python3
"""Exports for viewers of heaps and time, each read by its own program, which shows the recording's
totals: dh_view, Firefox's profiler-cli, callgrind_annotate, ms_print, heaptrack_print, speedscope.

Usage: export_viewers.py (environment: see consumers.py, and LOGPARSE and LOGGEN, the shipped parser and its generator).
"""

import json
import os
import re

from consumers import (ALLOCTRAP, KINDS, check, chromium, export, make, node_major, npm_folder,
                       read_json, run, run_tests, totals)

DH_VIEW = "/usr/libexec/valgrind"


def number(text):
    return int(text.replace(",", ""))


def dh_view(path):
    """What dh_view.html shows of a file: its own functions, given the text."""
    with open(path, encoding="utf-8") as file:
        text = json.dumps(file.read()).replace("<", "\\u003c")
    with open("dh.html", "w", encoding="utf-8") as out:
        out.write(f'<!DOCTYPE html><html><head><meta charset="UTF-8"><script src="file://{DH_VIEW}/dh_view.js">'
                  f"</script></head><body><script>const text = {text};\nwindow.onload = function () {{ onLoad();"
                  " tryFunc(function () { gFilename = 'x'; gData = JSON.parse(text); buildTree(); displayTree();"
                  " }); };</script></body></html>")
    dom = chromium(f"file://{os.path.abspath('dh.html')}")
    dom = re.sub(r"<script>.*?</script>", "", dom, flags=re.S)
    return re.sub(r"<[^>]*>", "", dom).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_dhat():
    for kind in KINDS:
        own = totals(make(kind))
        text = dh_view(export(f"{kind}.atrap", "dhat", f"{kind}.dhat"))
        for label, size, blocks in (("Total", "bytes", "allocations"), ("At t-gmax", "peak", "peak-blocks"),
                                    ("At t-end", "live", "live-blocks")):
            match = re.search(rf"{label}:\s+([\d,]+) bytes.*? in ([\d,]+) blocks", text)
            check(match is not None, f"dh_view shows {label}: {text[:400]}")
            if match:
                check((number(match[1]), number(match[2])) == (own[size], own[blocks]),
                      f"{kind}: dh_view's {label} is {match[0]}")
        check("Error" not in text[:300], f"dh_view has no error: {text[:300]}")
    data = read_json(open(export(make("large"), "dhat", "large.dhat"), encoding="utf-8").read(), "dhat")
    check(sum(p["tb"] for p in data["pps"]) == totals("large.atrap")["bytes"], "large: bytes add up")
    check(all(p["mbk"] >= max(p["gbk"], p["ebk"]) and p["mb"] >= max(p["gb"], p["eb"]) for p in data["pps"]),
          "the most is the most")
    frame = re.compile(r"^0x([0-9a-f]+): (.+) \((?:in )?(.+?)(?::(\d+))?(?::(\d+))?\)$", re.S)
    hostile = read_json(open("hostile.dhat", encoding="utf-8").read(), "dhat")
    check(all(frame.match(f) for f in hostile["ftbl"][1:]), "frames are as Firefox takes them apart")


class Firefox:
    """A session of profiler-cli with a file."""

    def __init__(self, path):
        self.cli = ["node", os.path.join(npm_folder(), "@firefox-devtools/profiler-cli/dist/profiler-cli.js")]
        self.env = {"HOME": os.path.abspath("."), "PROFILER_CLI_SESSION_DIR": os.path.abspath("sessions")}
        run(*self.cli, "load", path, status=None, env=self.env)
        # Its daemon may come up later than `load` waits for it: questions then find none yet.
        for _ in range(100):
            if self.ask("thread", "functions", "--json", "--thread", "t-0", status=None).strip() != "":
                break

    def ask(self, *words, status=0):
        return run(*self.cli, *words, status=status, env=self.env)

    def total(self, thread):
        """The most that one function has with what it calls: the root's."""
        data = read_json(self.ask("thread", "functions", "--json", "--thread", thread), thread)
        return max((f["totalSamples"] for f in data.get("functions", [])), default=0)

    def stop(self):
        self.ask("stop", "--all", status=None)


def test_firefox():
    if node_major() < 20:
        print("profiler-cli needs node 20: not run with this one")
        return
    for kind in KINDS:
        own = totals(make(kind))
        firefox = Firefox(export(f"{kind}.atrap", "firefox", f"{kind}.firefox.json"))
        names = firefox.ask("thread", "list")
        check("bytes allocated" in names, f"{kind}: threads: {names}")
        metrics = ("bytes", "peak", "live", "time", "allocations", "temporaries")
        for i, metric in enumerate(metrics):
            if kind != "tiny" and metric != "bytes":
                continue
            value = firefox.total(f"t-{i}")
            wanted = own[metric] / (1e6 if metric == "time" else 1)
            check(abs(value - wanted) < 1e-6 * max(1, wanted) or kind == "large", f"{kind}: {metric} is {value}")
        counters = firefox.ask("counter", "list")
        check("Memory" in counters and "15 samples" in counters, f"{kind}: live memory: {counters}")
        firefox.stop()
    firefox = Firefox("tiny.dhat")
    check(firefox.total("t-0") == totals("tiny.atrap")["bytes"], "Firefox reads dhat, too")
    firefox.stop()


def test_callgrind():
    for kind in KINDS:
        own = totals(make(kind))
        out = run("callgrind_annotate", "--inclusive=yes", export(f"{kind}.atrap", "callgrind", f"{kind}.callgrind"))
        line = re.search(r"^(.*) PROGRAM TOTALS$", out, re.MULTILINE)
        check(line is not None, f"callgrind_annotate has totals: {out[:300]}")
        shown = [number(n) for n in re.findall(r"([\d,]+) \(", line[1])] if line else []
        wanted = [own[m] for m in ("allocations", "bytes", "temporaries", "peak", "live", "time")]
        check(shown == wanted, f"{kind}: callgrind_annotate shows {shown}, not {wanted}")
        own_only = run("callgrind_annotate", "--threshold=100", f"{kind}.callgrind")
        costs = [number(n) for n in re.findall(r"^ *([\d,]+) \([^)]*\) .*:.*", own_only.split("file:function")[-1], re.M)]
        check(kind == "large" or sum(costs) == own["allocations"], f"{kind}: own costs add up to {sum(costs)}")
    check("walk" in run("callgrind_annotate", "--inclusive=yes", "hostile.callgrind"), "recursion is there")
    text = run("callgrind_annotate", "--inclusive=yes", "hostile.callgrind")
    check(re.search(r"^ +50 \( ?3\.22%\).*walk", text, re.MULTILINE), "and is counted once")


def test_massif():
    for kind in KINDS:
        own = totals(make(kind))
        out = run("ms_print", export(f"{kind}.atrap", "massif", f"{kind}.massif"))
        peak = re.search(r"^ *\d+ +[\d,]+ +([\d,]+) .*\n100.00% \(([\d,]+)B\)", out, re.MULTILINE)
        check("(peak)" in out and peak is not None, f"{kind}: ms_print shows the peak: {out[-600:]}")
        if peak:
            check(number(peak[1]) == number(peak[2]) == own["peak"], f"{kind}: the peak is {peak[1]}")
        last = re.findall(r"^ *\d+ +[\d,]+ +([\d,]+) ", out, re.MULTILINE)[-1]
        check(number(last) == own["live"], f"{kind}: at the end {last}")
    check("basket_add (basket.c:30)" in run("ms_print", "tiny.massif"), "with place")


def test_heaptrack():
    run(os.environ["LOGGEN"], "--lines=500", "-o", "access.log")
    run(ALLOCTRAP, "record", "-q", "--trace", "-o", "trace.atrap", "--", os.environ["LOGPARSE"],
        "--builder=concat", "access.log")
    own = totals("trace.atrap")
    out = run("heaptrack_print", "-l", "1", export("trace.atrap", "heaptrack", "trace.heaptrack.gz"))
    check(f"calls to allocation functions: {own['allocations']} " in out, f"heaptrack_print counts: {out[-400:]}")
    peak = re.search(r"peak heap memory consumption: ([\d.]+)([KMG]?)", out)
    scale = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}[peak[2]]
    check(abs(float(peak[1]) * scale - own["peak"]) < 0.006 * scale, f"peak {peak[0]}, not {own['peak']}")
    check("total memory leaked: 0B" in out and own["live"] == 0, "nothing is left")
    check("concat_append" in out and "builder_concat.c:23" in out, "with places")
    run(ALLOCTRAP, "export", make("tiny"), "--format=heaptrack", "-o", "x", status=3)
    check(re.search(r"^heaptrack .*ending in \.gz", run(ALLOCTRAP, "export", "--list"), re.MULTILINE),
          "the name that heaptrack_print wants is told")


def test_chrome():
    for kind in KINDS:
        path = export(make(kind), "chrome", f"{kind}.trace.json")
        events = read_json(open(path, encoding="utf-8").read(), path)["traceEvents"]
        live = [e["args"]["value"] for e in events if e["name"] == "live bytes"]
        check(len(live) == 15 and max(live) == totals(f"{kind}.atrap")["peak"], f"{kind}: live bytes {live}")
        slow = [(e["name"], e["dur"]) for e in events if e["ph"] == "X"]
        check(slow == [("malloc", 20.8), ("free", 19.2)], f"{kind}: slow calls {slow}")
    import base64
    with open("tiny.trace.json", "rb") as file:
        data = base64.b64encode(file.read()).decode()
    with open("loaded.js", "w", encoding="ascii") as file:
        file.write(f"speedscope.loadFileFromBase64('tiny.trace.json', '{data}')")
    page = os.path.join(npm_folder(), "speedscope/dist/release/index.html")
    dom = chromium(f"file://{page}#localProfilePath={os.path.abspath('loaded.js')}&view=sandwich")
    check("malloc" in dom and "4711" in dom, "speedscope shows the slow calls of a thread")


def test_hgrm_and_json():
    for kind in KINDS:
        make(kind)
        text = run(ALLOCTRAP, "report", f"{kind}.atrap", "--json", text=False)
        with open(export(f"{kind}.atrap", "json", f"{kind}.json"), "rb") as file:
            check(file.read() == text, f"{kind}: json is what report prints")
        if kind == "large":  # 220 MB
            continue
        report = read_json(text.decode(), kind)
        check(report["totals"]["allocations"] == totals(f"{kind}.atrap")["allocations"], "json")
        lines = open(export(f"{kind}.atrap", "hgrm", "x.hgrm", "--call=malloc"), encoding="utf-8").read().splitlines()
        check(lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"], "HdrHistogram's head")
        rows = [[float(n) for n in line.split()] for line in lines[2:] if not line.startswith("#")]
        malloc = report["calls"]["malloc"]
        check(rows[-1][1] == 1.0 and rows[-1][2] == malloc["count"], f"{kind}: all calls are counted")
        check(all(a[0] <= b[0] and a[1] < b[1] and a[2] <= b[2] for a, b in zip(rows, rows[1:])), "it rises")
        check(any(r[0] == malloc["p50_ns"] and r[1] >= 0.5 for r in rows), f"{kind}: p50 is {malloc['p50_ns']}")
    run(ALLOCTRAP, "export", "tiny.atrap", "--format=hgrm", "--call=nothing", "-o", "x", status=2)


run_tests(test_dhat, test_firefox, test_callgrind, test_massif, test_heaptrack, test_chrome, test_hgrm_and_json)
