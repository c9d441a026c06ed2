#!/usr/bin/env python3
"""Flame graphs: well-formed, whole without scripts, and at work in Chromium.

Usage: export_svg.py (environment: see consumers.py).
"""

import os
import re
import xml.etree.ElementTree as ElementTree

from consumers import ALLOCTRAP, KINDS, check, chromium, export, make, read_json, run, run_tests, totals

SVG = "{http://www.w3.org/2000/svg}"
METRICS = ("allocations", "bytes", "peak", "live", "temporaries", "time", "free-time")

# Appended to a graph: works it as a person would, and leaves what it saw in an attribute.
DRIVER = """<script><![CDATA[
(function () {
  const seen = {};
  const svg = document.documentElement;
  const frames = function () { return Array.from(svg.querySelectorAll('.frame')); };
  const named = function (text) {
    /* labels are cut where room is short */
    return frames().find(function (f) { return f.textContent.startsWith(text.slice(0, 2)); });
  };
  const press = function (key) {
    document.dispatchEvent(new KeyboardEvent('keydown', { key: key, bubbles: true }));
  };
  const details = function () { return svg.querySelector('#details').textContent; };
  seen.frames = frames().length;
  seen.titles = svg.querySelectorAll('.frame title').length;
  seen.texts = frames().map(function (f) { return f.textContent; }).slice(0, 30);
  const target = named(FRAME);
  if (target) {
    target.dispatchEvent(new MouseEvent('mousemove', { bubbles: true, clientX: 50, clientY: 200 }));
    seen.tip = Array.from(svg.querySelectorAll('#tip text')).map(function (t) { return t.textContent; });
    seen.details = details();
    target.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    seen.zoomedWidth = Number(named(FRAME).querySelector('rect').getAttribute('width'));
    seen.zoomedFrames = frames().length;
    seen.above = svg.querySelectorAll('.above').length;
    press('Escape');
    seen.outFrames = frames().length;
  }
  const before = frames()[0].querySelector('rect').getAttribute('y');
  press('i');
  seen.flips = frames()[0].querySelector('rect').getAttribute('y') !== before;
  press('i');
  press('Home');
  press('ArrowUp');
  seen.walked = details();
  press('ArrowDown');
  const input = svg.querySelector('#search');
  input.value = SEARCH;
  input.dispatchEvent(new Event('input'));
  seen.matched = svg.querySelector('#matched').textContent;
  seen.found = svg.querySelectorAll('.found').length;
  input.value = '(';
  input.dispatchEvent(new Event('input'));
  seen.broken = svg.querySelector('#matched').textContent;
  svg.setAttribute('data-seen', JSON.stringify(seen));
})();
]]></script>"""


def drive(path, frame, search):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    code = DRIVER.replace("FRAME", repr(frame)).replace("SEARCH", repr(search))
    with open("driven.svg", "w", encoding="utf-8") as file:
        file.write(text.replace("</svg>", code + "</svg>"))
    dom = chromium(f"file://{os.path.abspath('driven.svg')}", budget_ms=2000)
    match = re.search(r'data-seen="([^"]*)"', dom)
    check(match is not None, f"{path} was driven: {dom[:300]}")
    if not match:
        return {}
    return read_json(match[1].replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">")
                     .replace("&amp;", "&"), path)


def data_of(path):
    tree = ElementTree.parse(path)
    texts = [e.text for e in tree.iter(SVG + "script") if e.get("id") == "data"]
    check(len(texts) == 1, f"{path} has its data")
    return tree, read_json(texts[0], path)


def test_metrics():
    for kind in KINDS:
        path = make(kind)
        own = totals(path)
        for metric in METRICS if kind != "large" else ("bytes",):
            for options in ([], ["--inverted", "--icicle"]) if kind != "large" else ([],):
                out = export(path, "svg", f"{kind}.svg", f"--metric={metric}", *options)
                run("xmllint", "--noout", "--nonet", out)
                tree, data = data_of(out)
                check(data["value"][0] == own[metric], f"{kind}: {metric} is {data['value'][0]}")
                frames = [e for e in tree.iter(SVG + "g") if e.get("class", "").startswith("frame")]
                check(len(frames) > 3, f"{kind} {metric}: frames are drawn without scripts")
                check(all(f.find(SVG + "title").text for f in frames), "each has a title")
                check_widths(data)


def check_widths(data):
    """Children are never wider than what they stand on."""
    room = []
    for depth, value in zip(data["depth"], data["value"]):
        del room[depth:]
        if depth > 0:
            room[depth - 1] -= value
            check(room[depth - 1] >= 0, "children fit")
        room.append(value)


def test_script():
    seen = drive(export(make("tiny"), "svg", "t.svg", "--metric=allocations"), "order_send", "basket|order")
    check(seen.get("titles") == 0 and seen.get("frames") == 6, f"the script took over: {seen}")
    check(seen.get("tip", [None])[0] == "order_send", f"a tip: {seen}")
    check("40, 3.85 % of all" in " ".join(seen.get("tip", [])), f"the tip's numbers: {seen}")
    check("/src/shop/order.c:77" in " ".join(seen.get("tip", [])), f"the tip's place: {seen}")
    check(seen.get("zoomedWidth", 0) > 500 and seen.get("zoomedFrames") == 5, f"a click zooms: {seen}")
    check(seen.get("walked", "").endswith("_start"), f"ArrowUp walks: {seen}")
    check(seen.get("above") == 3 and seen.get("outFrames") == 6, f"Escape zooms out: {seen}")
    check(seen.get("flips") is True and seen.get("matched") == "2 frames, 100.0 %", f"search: {seen}")
    check(seen.get("found") == 2 and seen.get("broken", "").startswith("0 frames"), f"search: {seen}")


def test_hostile():
    seen = drive(export(make("hostile"), "svg", "h.svg", "--metric=allocations"), "main", "alert")
    check(seen.get("matched", "").startswith("4 frames"), f"hostile names are text: {seen}")
    check(any("\\xe2" in t for t in seen.get("texts", [])), f"a name that turns round is there: {seen}")
    check(not any("\u202e" in t for t in seen.get("texts", [])), f"and does not turn: {seen}")
    with open("h.svg", encoding="utf-8") as file:
        text = file.read()
    check(text.count("<script") == 2 and "<img" not in text, "no element that is not ours")
    check(not re.search(r"\son\w+=|https?://(?!www\.w3\.org/)", re.sub(r"<title>.*?</title>", "", text, flags=re.S)
                        .split('id="data"')[0]), "no handlers, nothing from outside")


def test_many():
    out = export(make("large"), "svg", "l.svg", "--metric=allocations")
    _, data = data_of(out)
    check(20000 < len(data["frame"]) <= 50001, f"50,000 frames: {len(data['frame'])}")
    joined = -sum(f for f in data["frame"][1:] if f < 0)
    shown = sum(1 for f in data["frame"] if f >= 0)
    every = data_of(export("large.atrap", "svg", "all.svg", "--metric=allocations", "--frames=0"))[1]
    check(shown + joined == len(every["frame"]) - 1, f"{shown} shown and {joined} joined are all")
    check(joined > 0 and every["value"][0] == data["value"][0], "none is lost")
    seen = drive(out, "nothing", "function_7")
    check(seen.get("frames", 0) > 100 and seen.get("found", 0) > 0, f"it renders: {seen}")


def test_difference():
    make("tiny")
    for options, base in (([], 1040), (["--per-unit"], 2080)):
        out = export(make("after"), "svg", "d.svg", "--base=tiny.atrap", "--metric=allocations", *options)
        run("xmllint", "--noout", "--nonet", out)
        tree, data = data_of(out)
        check(data["before"][0] == base and data["value"][0] == 3002, f"totals {options}: {data['before']}")
        classes = {e.find(SVG + "title").text.split("\n")[0]: e.get("class") for e in tree.iter(SVG + "g")
                   if e.get("class", "").startswith("frame")}
        check(classes["asprintf"] == "frame b5", f"gone is blue: {classes}")
        check(classes["basket_add"] == ("frame r3" if base == 1040 else "frame r2"), f"more: {classes}")
    text = open("d.svg", encoding="utf-8").read()
    check("for each order: 10.4 before, 15.0 after" in text, "numbers for each unit of work")
    check(re.search(r"before: [^<]+, for as much work as was done after \(", text),
          "what it is compared with")
    text = open(export("after.atrap", "svg", "b.svg", "--base=tiny.atrap", "--metric=bytes",
                       "--per-unit"), encoding="utf-8").read()
    check(re.search(r"for each order: [\d.,]+ B before, [\d.,]+ B after", text), "bytes are told")
    seen = drive("d.svg", "basket_add", "x")
    check("2,000 \u2192 3,000 (+1,000) per 200 order   basket_add" in seen.get("details", ""), f"{seen}")


def test_usage():
    for options, words in ((["--format=csv", "--metric=peak"], "--metric has no meaning"),
                           (["--format=svg", "--per-unit"], "--per-unit has no meaning"),
                           (["--format=svgz"], "no format 'svgz'"), (["--format=svg", "--metric=x"], "no metric")):
        run(ALLOCTRAP, "export", "tiny.atrap", *options, "-o", "x", status=2)
        check(not os.path.exists("x"), f"{words}: nothing is written")
    run(ALLOCTRAP, "export", "tiny.atrap", "--format=svg", "-o", "tiny.atrap", status=2)
    run(ALLOCTRAP, "export", "nothing.atrap", "--format=svg", "-o", "x", status=3)
    run(ALLOCTRAP, "export", "tiny.atrap", "--format=svg", "-o", "no/folder/x", status=3)
    check(totals("tiny.atrap")["allocations"] == 1040, "a recording is never replaced")


run_tests(test_metrics, test_script, test_hostile, test_many, test_difference, test_usage)
