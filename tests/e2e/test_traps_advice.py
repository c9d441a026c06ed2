#!/usr/bin/env python3
"""The traps are the ground truth of advice: each is the first finding, on its line; its fix is not.

usage: test_traps_advice.py ALLOCTRAP TRAPS TRAPS_SOURCE_FOLDER DOCS_FOLDER
"""

import json
import os
import subprocess
import sys
import tempfile

ALLOCTRAP, TRAPS, SOURCES, DOCS = (os.path.abspath(a) for a in sys.argv[1:5])
failures = []

# trap: kind, allocating function, file, what stands on the line; at least so sure
TRUTH = {
    "concat": ("growth", "trap_concat_naive", "trap_concat.c",
               "malloc(bytes + piece_bytes + 1)", "high"),
    "fixed-concat": ("many-steps", "join", "trap_fixed_concat.c", "malloc(left_bytes", "high"),
    "pool": ("pool", "trap_pool_naive", "trap_pool.c",
             "char *scratch = malloc(SCRATCH_BYTES)", "high"),
    "escape": ("temporary", "middle_on_heap", "trap_escape.c", "malloc(sizeof *point)", "high"),
    "boxing": ("boxed", "box", "trap_boxing.c", "malloc(sizeof *boxed)", "high"),
    "subslice": ("retained", "load", "trap_subslice.c", "malloc(BUFFER_BYTES)", "low"),
    "presize": ("presize", "trap_presize_naive", "trap_presize.c", "realloc(items", "high"),
    "zeroed": ("zeroed", "trap_zeroed_naive", "trap_zeroed.c", "calloc(BUFFER_BYTES, 1)", "medium"),
    "arena": ("arena", "trap_arena_naive", "trap_arena.c", "malloc(sizeof *node)", "high"),
    "leak": ("leak", "make_record", "trap_leak.c", "malloc(RECORD_BYTES)", "high"),
}
# What the fixes of these still show is the next step; the others show nothing.
FIXED = {
    "fixed-concat": ["temporary"],
    "presize": ["scratch"],
    "zeroed": ["pool"],
    "leak": ["temporary"],
}


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def line_of(file, text):
    with open(os.path.join(SOURCES, file), encoding="utf-8") as source:
        lines = [i for i, line in enumerate(source, 1) if text in line]
    check(len(lines) == 1, f"'{text}' stands once in {file}: {lines}")
    return lines[0] if lines else 0


def advise(trap, way, *options):
    name = f"{trap}-{way}.atrap"
    if not os.path.exists(name):
        run(ALLOCTRAP, "record", "--quiet", "-o", name, "--", TRAPS, trap, f"--{way}")
    return run(ALLOCTRAP, "advise", name, *options)


def test_naive(trap):
    kind, function, file, text, confidence = TRUTH[trap]
    findings = json.loads(advise(trap, "naive", "--json"))["findings"]
    check(findings, f"{trap} --naive has findings")
    if not findings:
        return
    first = findings[0]
    check(first["kind"] == kind, f"{trap} --naive: {kind} first, not {first['kind']}")
    check(first["function"] == function, f"{trap}: {function}, not {first['function']}")
    check(os.path.basename(first["file"]) == file, f"{trap}: {file}, not {first['file']}")
    check(first["line"] == line_of(file, text), f"{trap}: line {first['line']} has {text}")
    check(first["confidence"] == confidence, f"{trap}: confidence {first['confidence']}")
    check(first["stack"] and first["stack"][0]["line"] == first["line"], f"{trap}: its stack")
    check(max(first["saves"].values()) > 0, f"{trap}: saves something: {first['saves']}")
    check(first["evidence"] and first["reason"] and first["advice"] and first["example"],
          f"{trap}: evidence, reason, advice, example")
    for other in findings[1:]:
        check(other["kind"] != kind, f"{trap}: {kind} once")
    text_out = advise(trap, "naive")
    check(f"1. {kind}: " in text_out and f"{function} at {file}:{first['line']}" in text_out,
          f"{trap}: the text says so too")
    quiet = json.loads(advise(trap, "naive", "--json", f"--silence={first['silence']}"))
    check(kind not in [f["kind"] for f in quiet["findings"]] and quiet["silenced"] == 1,
          f"{trap}: --silence={first['silence']} silences it")


def test_fixed(trap):
    fixed = json.loads(advise(trap, "fixed", "--json"))
    kinds = [f["kind"] for f in fixed["findings"] if f["kind"] != "slow-calls"]
    check(kinds == FIXED.get(trap, []), f"{trap} --fixed: {kinds}")
    if not fixed["findings"]:
        check(fixed["nothing_because"].startswith("Nothing worth doing: "),
              f"{trap} --fixed says why")
        check("Nothing worth doing" in advise(trap, "fixed"), f"{trap} --fixed: text says why")


def test_fix_is_worth_it(trap):
    """The finding's kind is gone, and what it promised to save is about what is saved."""
    naive = json.loads(run(ALLOCTRAP, "report", "--json", f"{trap}-naive.atrap"))
    fixed = json.loads(run(ALLOCTRAP, "report", "--json", f"{trap}-fixed.atrap"))
    saves = naive["findings"][0]["saves"]
    before, after = naive["totals"], fixed["totals"]
    saved = before["allocations"] - after["allocations"]
    check(abs(saves["allocations"] - saved) <= 0.02 * before["allocations"] + 20,
          f"{trap}: {saves['allocations']} allocations promised, {saved} saved")
    if TRUTH[trap][0] == "retained":
        saved = before["peak_bytes"] - after["peak_bytes"]
        check(abs(saves["memory_bytes"] - saved) <= 0.05 * before["peak_bytes"],
              f"{trap}: {saves['memory_bytes']} bytes promised, {saved} saved")


def test_page(trap):
    """docs/traps.md shows this finding, on its line, and the counts of both runs."""
    with open(os.path.join(DOCS, "traps.md"), encoding="utf-8") as page:
        section = page.read().split(f"\n## {trap}\n")[1].split("\n## ")[0]
    first = json.loads(advise(trap, "naive", "--json"))["findings"][0]
    shown = f"  {first['function']} at {os.path.basename(first['file'])}:{first['line']}\n"
    check(f"\n1. {first['kind']}: " in section and shown in section,
          f"docs/traps.md, {trap}: {shown}")
    check(f"Confidence {first['confidence']}: {first['reason'][:40]}" in section,
          f"{trap}: its confidence")
    reports = [json.loads(run(ALLOCTRAP, "report", "--json", f"{trap}-{way}.atrap"))
               for way in ("naive", "fixed")]
    counts = [r["totals"]["allocations"] for r in reports]
    check(f"| allocations | {counts[0]:,} | {counts[1]:,} |" in section,
          f"docs/traps.md, {trap}: {counts}")


def test_forms():
    for form in "--json", "--markdown":
        check(advise("concat", "naive", form) == advise("concat", "naive", form), f"{form} repeats")
    markdown = advise("concat", "naive", "--markdown")
    check("```c\n" in markdown and "### 1\\. growth" in markdown or "### 1. growth" in markdown,
          "markdown has a heading and a code block")
    check("growth" in run(ALLOCTRAP, "report", "concat-naive.atrap"), "a section of report")
    every = json.loads(advise("concat", "naive", "--json", "--threshold=1000"))
    check(every["findings"] == [] and every["below_threshold"] == 1, "--threshold leaves out")
    bad = subprocess.run([ALLOCTRAP, "advise", "concat-naive.atrap", "--silence=nonsense"],
                         capture_output=True, text=True, check=False)
    check(bad.returncode == 2 and "nonsense" in bad.stderr and bad.stderr.count("\n") == 1,
          f"an unknown kind is a usage error: {bad.stderr}")


def main():
    for trap in TRUTH:
        test_naive(trap)
        test_fixed(trap)
        test_fix_is_worth_it(trap)
        test_page(trap)
    names = [line.split()[0] for line in run(TRAPS, "--list").splitlines()]
    check(sorted(names) == sorted(TRUTH), f"every trap has its truth: {names}")
    test_forms()


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
