#!/usr/bin/env python3
"""Exports of stacks, each read by the program it is for: speedscope, pprof, folded.

The totals that the program shows are the recording's own. Usage: export_stacks.py (environment: see
consumers.py).
"""

import base64
import json
import os
import re

from consumers import (ALLOCTRAP, KINDS, PPROF, check, chromium, export, make, npm_folder,
                       read_json, run, run_tests, totals)

UNITS = {"B": 1, "kB": 1024, "KB": 1024, "MB": 1024**2, "GB": 1024**3}


def near(shown, value, what):
    """A number with its unit as a viewer shows it is this value, to its last digit."""
    match = re.fullmatch(r"([\d,.]+)\s*(B|[kKMG]B)?", shown.strip())
    check(match is not None, f"{what} shows a number, not {shown!r}")
    if match:
        number = float(match[1].replace(",", "")) * UNITS.get(match[2] or "B", 1)
        check(abs(number - value) <= max(0.006 * value, 0), f"{what} shows {shown}, not {value}")


def test_folded():
    for kind in KINDS:
        path = make(kind)
        for metric in ("time",) if kind == "large" else ("bytes", "allocations", "peak", "time"):
            out = export(path, "folded", "out.folded", f"--metric={metric}")
            lines = open(out, encoding="utf-8").read().splitlines()
            stacks = [line.rsplit(" ", 1)[0] for line in lines]
            check(len(set(stacks)) == len(stacks), f"{kind} {metric}: no stack twice")
            total = sum(int(line.rsplit(" ", 1)[1]) for line in lines)
            check(total == totals(path)[metric], f"{kind}: {metric} adds up to {total}")
            check(all(line.split(" ")[0] != "" for line in lines), f"{kind}: no empty line")
    again = run(ALLOCTRAP, "export", "large.atrap", "--format=folded", "--metric=time", "-o", "-", text=False)
    check(again == open("out.folded", "rb").read(), "the same bytes each time, and by -o -")


def test_difffolded():
    make("tiny")
    out = run(ALLOCTRAP, "export", make("after"), "--base=tiny.atrap", "--format=folded", "--metric=allocations", "-o", "-")
    check(out == "_start;main;basket_add 1000 3000\n_start;main;order_send 0 2\n"
                 "_start;main;order_send;asprintf 40 0\n", f"both sides: {out}")
    out = run(ALLOCTRAP, "export", "after.atrap", "--base=tiny.atrap", "--per-unit", "--format=folded",
              "--metric=allocations", "-o", "-")
    check("basket_add 2000 3000\n" in out, f"for as much work: {out}")


def speedscope(path):
    """What speedscope's own page shows of a file: {profile name: total}."""
    with open(path, "rb") as file:
        data = base64.b64encode(file.read()).decode()
    with open("loaded.js", "w", encoding="ascii") as file:
        file.write(f"speedscope.loadFileFromBase64({json.dumps(os.path.basename(path))}, '{data}')")
    page = os.path.join(npm_folder(), "speedscope/dist/release/index.html")
    dom = chromium(f"file://{page}#localProfilePath={os.path.abspath('loaded.js')}&view=sandwich")
    texts = [t for t in re.findall(r">([^<>]+)<", dom) if t.strip()]
    return texts


def test_speedscope():
    for kind in KINDS:
        path = make(kind)
        own = totals(path)
        texts = speedscope(export(path, "speedscope", f"{kind}.speedscope.json"))
        for title, metric in (("bytes allocated", "bytes"), ("allocations", "allocations"),
                              ("bytes live at the peak", "peak"), ("bytes live at the end", "live"),
                              ("temporary allocations", "temporaries")):
            check(title in texts, f"speedscope lists {title}: {texts[:40]}")
            if title in texts:
                near(texts[len(texts) - 1 - texts[::-1].index(title) + 1], own[metric], f"{kind} {title}")
    # speedscope reads folded stacks, too, and has its schema for what it is given.
    texts = speedscope(export("tiny.atrap", "folded", "tiny.folded", "--metric=allocations"))
    check("basket_add" in texts or any("1,040" in t for t in texts), f"folded: {texts[:40]}")
    check_schema("large")


def check_schema(kind):
    data = read_json(open(export(make(kind), "speedscope", "large.json"), encoding="utf-8").read(), kind)
    frames = len(data["shared"]["frames"])
    own = totals(f"{kind}.atrap")
    for profile in data["profiles"]:
        check(len(profile["samples"]) == len(profile["weights"]), "a weight for each sample")
        check(sum(profile["weights"]) == profile["endValue"], "weights add up")
        check(all(0 <= f < frames for s in profile["samples"] for f in s), "frames are there")
    check({p["name"]: p["endValue"] for p in data["profiles"]}["bytes allocated"] == own["bytes"], "bytes")


def pprof(*arguments):
    return run(PPROF, "-symbolize=none", *arguments)


def pprof_total(path, index, unit):
    """The total that `pprof -raw`'s samples add up to; exact, where -top would round."""
    text = pprof("-raw", path)
    head = re.search(r"^Samples:\n(.+)\n((?:.*\n)*?)Locations$", text, re.MULTILINE)
    check(head is not None, f"pprof -raw shows samples: {text[:300]}")
    types = [t.split("/")[0] for t in head[1].replace("[dflt]", "").split()]
    column = types.index(index)
    rows = re.findall(r"^\s*((?:\d+\s+)+\d*): ", head[2], re.MULTILINE)
    return sum(int(row.split()[column]) for row in rows)


def test_pprof():
    pairs = {"alloc_objects": "allocations", "alloc_space": "bytes", "inuse_objects": "live-blocks",
             "inuse_space": "live", "contentions": "calls", "delay": "time", "peak_space": "peak",
             "temporary_objects": "temporaries", "free_delay": "free-time"}
    for kind in KINDS:
        path = make(kind)
        out = export(path, "pprof", f"{kind}.pb.gz")
        for index, metric in pairs.items() if kind != "large" else [("alloc_space", "bytes")]:
            total = pprof_total(out, index, metric)
            check(total == totals(path)[metric], f"{kind}: pprof's {index} is {total}")
    top = pprof("-top", "-sample_index=alloc_objects", "tiny.pb.gz")
    check(re.search(r"^ +1000 .* basket_add$", top, re.MULTILINE), f"pprof -top: {top}")
    tags = pprof("-tags", "tiny.pb.gz")
    check("env: Total" in tags and "prod" in tags and "bytes: Total" in tags, f"tags: {tags}")
    focus = pprof("-top", "-sample_index=alloc_objects", "-tagfocus=bytes=:100b", "tiny.pb.gz")
    check("basket_add" in focus and "asprintf" not in focus, f"-tagfocus: {focus}")
    test_pprof_pairs()


def test_pprof_pairs():
    export(make("after"), "pprof", "after.pb.gz")
    diff = pprof("-top", "-sample_index=alloc_objects", "-diff_base=tiny.pb.gz", "after.pb.gz")
    check(re.search(r"^ +2000 .* basket_add$", diff, re.MULTILINE), f"-diff_base: {diff}")
    check(re.search(r"^ +-40 .* asprintf$", diff, re.MULTILINE), f"-diff_base: {diff}")
    run(PPROF, "-symbolize=none", "-proto", "-output=sum.pb.gz", "tiny.pb.gz", "after.pb.gz")
    both = totals("tiny.atrap")["bytes"] + totals("after.atrap")["bytes"]
    check(pprof_total("sum.pb.gz", "alloc_space", "bytes") == both, "merging adds up")
    lines = pprof("-list=basket_add", "-sample_index=alloc_space", "tiny.pb.gz")
    check("basket.c" in lines or "no such file" in lines, f"-list knows the file: {lines[:200]}")
    traces = pprof("-traces", "-lines", "hostile.pb.gz")
    check("caller<T>::run()" in traces and "main.cpp:9" in traces, "inlines and lines are there")


run_tests(test_folded, test_difffolded, test_speedscope, test_pprof)
