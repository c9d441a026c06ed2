#!/usr/bin/env python3
"""Runs `alloctrap check` as a build does: exit statuses, every kind of report against its schema or
consumer, baselines and their patches, runs of a command, slopes.

usage: test_check.py ALLOCTRAP MAKE_STORY WORKLOAD_FOLDER SOURCE_FOLDER NPM_FOLDER
NPM_FOLDER: where the validators of tests/ci/package.json are, or are put by npm.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ALLOCTRAP, MAKE_STORY, WORKLOAD, SOURCE, NPM = (os.path.abspath(a) for a in sys.argv[1:6])
CI = os.path.join(SOURCE, "tests/ci")
SCHEMAS = os.path.join(SOURCE, "docs/schema")
sys.path.insert(0, CI)
import validators  # noqa: E402  (beside the schemas)

failures = []
to_validate = []


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


def run(*args, env=None):
    full = {k: v for k, v in os.environ.items()
            if not k.startswith(("GITHUB_", "CI_"))} | (env or {})
    done = subprocess.run([ALLOCTRAP, *args], capture_output=True, env=full, check=False,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def write(name, text):
    with open(name, "w", encoding="utf-8") as out:
        out.write(text)


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


HEAD = "version: 1\ndefaults: { allow_dropped: true }\nbudgets:\n"
BROKEN = HEAD + """
  - name: "a <b> & \\"c\\""
    match: { function: concat_append }
    limits: { allocs: 100, bytes: 1 KiB, p50: 1ns }
    tolerance: { relative: 1%, absolute: 1ns }
  - name: holds
    limits: { allocs: 100000000 }
  - name: waits
    limits: { p99: 1ns }
    min_samples: 1000000000
  - name: warns
    limits: { peak: 1 B }
    severity: warn
  - name: nobody
    match: { under: nobody }
    limits: { allocs: 0 }
"""


def test_statuses():
    write("holds.yaml", HEAD + "  - { name: a, limits: { allocs: 100000000 } }\n")
    write("broken.yaml", BROKEN)
    write("base.yaml", HEAD + "  - { name: a, baseline: { allocs: 0 }, on_improvement: fail }\n")
    write("typo.yaml", HEAD + "  - { name: a, limits: { alocs: 1 } }\n")
    write("strict.yaml", "version: 1\nbudgets:\n  - { name: a, limits: { allocs: 100000000 } }\n")
    for status, args in {
        0: ["before.atrap", "--budget=holds.yaml"],
        1: ["before.atrap", "--budget=broken.yaml"],
        2: ["before.atrap", "--budget=typo.yaml"],
        3: ["before.atrap", "--budget=strict.yaml"],  # it lost events
        5: ["before.atrap", "--budget=base.yaml"],
    }.items():
        got, out, err = run("check", *args)
        check(got == status, f"{args} ends with {status}, not {got}: {out}{err}")
    check("typo.yaml:4:26: 'alocs' is not known here; did you mean 'allocs'?" in
          run("check", "before.atrap", "--budget=typo.yaml")[2], "a mistake has its place")
    for args in ([], ["before.atrap", "--run", "true"], ["before.atrap", "--report=pdf"],
                 ["none.atrap", "--runs=2"], ["before.atrap", "--budget=none.yaml"]):
        got, _, err = run("check", *args)
        check(got == 2 and err.count("\n") == 1, f"{args} is told in one line: {got} {err}")
    check(run("check", "none.atrap", "--budget=holds.yaml")[0] == 3, "a missing recording is 3")
    check(run("check", "--validate", "--budget=broken.yaml")[0] == 0, "--validate reads it")


def test_text():
    _, out, _ = run("check", "before.atrap", "--budget=broken.yaml")
    lines = out.splitlines()
    check(len(lines) <= 30, f"{len(lines)} lines")
    for wanted in ("1 of 5 budgets broken (broken.yaml; before.atrap)",
                   "5,100,000 allocations, limit 100 (up to 101 tolerated): 51,000x", "concat_append at /src/logparse/concat.c:31",
                   "waits", "min_samples is 1,000,000,000", "matches no call site",
                   "alloctrap report before.atrap"):
        check(wanted in out, f"the text has '{wanted}':\n{out}")
    write("one.yaml", HEAD + "  - { name: a, match: { function: concat_append }, limits: { sites: 0 } }\n")
    _, out, _ = run("check", "before.atrap", "--budget=one.yaml")
    check("1 call site that allocates, limit 0\n" in out, f"one is not several: {out}")
    many = "".join(f"  - {{ name: 'b{i}', limits: {{ allocs: 1, bytes: 1, peak: 1 }} }}\n" for i in range(40))
    write("many.yaml", HEAD + many)
    status, out, _ = run("check", "before.atrap", "--budget=many.yaml")
    check(status == 1 and len(out.splitlines()) <= 30, f"many: {len(out.splitlines())} lines")
    check("more budgets" in out, "many: what is left out is told")
    _, out, _ = run("check", "hostile.atrap", "--budget=many.yaml")
    check("\x1b" not in out and "\u202e" not in out, "hostile names are escaped")


def reports(recording, policy, prefix):
    names = {"json": f"{prefix}.json", "junit": f"{prefix}.xml", "gitlab": f"{prefix}-gitlab.json",
             "sarif": f"{prefix}.sarif", "bench-json": f"{prefix}-bench.json",
             "markdown": f"{prefix}.md", "github": f"{prefix}.github"}
    args = [f"--report={kind}={name}" for kind, name in names.items()]
    status, _, err = run("check", recording, f"--budget={policy}", *args)
    check(status == 1, f"{recording}: {status} {err}")
    shutil.copy(names["sarif"], f"{prefix}-sarif.json")
    to_validate.extend([f"{SCHEMAS}/alloctrap-check.schema.json={names['json']}",
                        f"{CI}/gitlab.schema.json={names['gitlab']}", f"sarif={prefix}-sarif.json",
                        f"{CI}/bench.schema.json={names['bench-json']}"])
    return {kind: read(name) for kind, name in names.items()}


def xpath(name, expression):
    return subprocess.run(["xmllint", "--noout", "--xpath", expression, name], check=True,
                          capture_output=True, text=True).stdout.strip()


def test_reports():
    got = reports("before.atrap", "broken.yaml", "story")
    results = json.loads(got["json"])["results"]
    verdicts = {(r["budget"], r["metric"]): r["verdict"] for r in results}
    check(verdicts[("a <b> & \"c\"", "allocs")] == "broken" and verdicts[("holds", "allocs")] == "ok"
          and verdicts[("warns", "peak")] == "warned" and verdicts[("waits", "p99")] == "skipped",
          f"verdicts: {verdicts}")
    for what, count in {"count(//testcase)": 7, "count(//failure)": 3, "count(//skipped)": 1,
                        "string(/testsuites/@failures)": 3, "string(//testsuite/@tests)": 7}.items():
        check(xpath("story.xml", what) == str(count), f"JUnit: {what} is {xpath('story.xml', what)}")
    check("a <b> & \"c\"" in xpath("story.xml", "string(//testcase[1]/@name)"), "JUnit keeps the name")
    annotations = got["github"].splitlines()
    check(len(annotations) == 4 and annotations[0].startswith("::error file=broken.yaml,line=5,title="),
          f"annotations: {annotations[:1]}")
    check(annotations[3].startswith("::warning "), "a warning is one")
    check("| broken | " in got["markdown"] and "a <b>" not in got["markdown"], "markdown is escaped")
    many = reports("before.atrap", "many.yaml", "many")["github"].splitlines()
    check(len(many) == 10 and many[-1].endswith("+110 more of this kind: see the step's log"),
          f"ten annotations: {len(many)} {many[-1]}")
    hostile = reports("hostile.atrap", "many.yaml", "hostile")
    check(xpath("hostile.xml", "count(//testcase)") == "120", "JUnit of hostile names is XML")
    check("\x1b" not in hostile["github"], "annotations have no escapes of a terminal")
    quality = json.loads(got["gitlab"])
    prints = {f["fingerprint"] for f in quality}
    check(len(prints) == len(quality) == 4, "each finding has a fingerprint of its own")


def test_github_actions():
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": os.path.abspath("summary.md")}
    write("summary.md", "before\n")
    _, out, _ = run("check", "before.atrap", "--budget=broken.yaml", env=env)
    check("1 of 5 budgets broken" in out and "\n::error " in out, "text and annotations")
    check(read("summary.md").startswith("before\n### Allocation budgets"), "the summary is added")


def test_baseline():
    write("base.yaml", HEAD + "  - { name: a, baseline: { allocs: +1%, bytes: 0, sites: 0 }, on_improvement: fail }\n"
          "  - { name: b, each: site, baseline: { allocs: 0, new_sites: 0 } }\n")
    got, out, err = run("check", "after.atrap", "--budget=base.yaml", "--update-baseline",
                        "--baseline=b.json")
    check(got == 0, f"what was just written holds: {out}{err}")
    check(re.search(r"b\.json: variant 'default' is now what was measured: \d+ call sites\n", err),
          f"and is told: {err}")
    first = read("b.json")
    check(run("check", "after.atrap", "--budget=base.yaml", "--baseline=b.json")[0] == 0, "and again")
    check("0x" not in first and '{"key": "logparse!' in first, "no addresses, one site a line")
    to_validate.append(f"{SCHEMAS}/alloctrap-baseline.schema.json=b.json")
    got, out, _ = run("check", "before.atrap", "--budget=base.yaml", "--baseline=b.json",
                      "--print-patch")
    check(got == 1 and "new  concat_append at" in out, f"more is broken, and what is new: {out}")
    patch = re.search(r"=== BEGIN DIFF\n(.*)=== END DIFF", out, re.DOTALL).group(1)
    done = subprocess.run(["git", "apply", "--unsafe-paths", "-p1", "-"], input=patch.encode(), check=False,
                          capture_output=True)
    check(done.returncode == 0, f"git takes the patch: {done.stderr}")
    patched = read("b.json")
    check(patched != first, "the patch changes something")
    got = run("check", "before.atrap", "--budget=base.yaml", "--update-baseline", "--baseline=b.json")[0]
    check(got == 0 and read("b.json") == patched, "the patch is what --update-baseline writes")
    write("ratchet.yaml", HEAD + "  - { name: a, baseline: { allocs: +1% }, on_improvement: fail }\n")
    got, out, _ = run("check", "after.atrap", "--budget=ratchet.yaml", "--baseline=b.json")
    check(got == 4 and "better than the baseline" in out, f"improved past a ratchet: {got} {out}")
    got = run("check", "after.atrap", "--budget=base.yaml", "--baseline=b.json", "--variant=other",
              "--update-baseline")[0]
    names = [v["variant"] for v in json.loads(read("b.json"))["variants"]]
    check(got == 0 and names == ["default", "other"], f"variants: {names}")
    write("damaged.json", "<<<<<<< HEAD\n" + first)
    got, _, err = run("check", "after.atrap", "--budget=base.yaml", "--baseline=damaged.json")
    check(got == 3 and "line 1" in err, f"a damaged baseline: {got} {err}")


def test_runs():
    subprocess.run([f"{WORKLOAD}/loggen", "--lines=2000", "-o", "access.log"], check=True,
                   capture_output=True)
    write("run.yaml", "version: 1\nunits: { name: line }\nbudgets:\n"
          "  - { name: lean, per: line, limits: { allocs: 1, p99: 100 ms } }\n")
    command = f"{WORKLOAD}/logparse --builder=%s access.log"
    got, out, err = run("check", "--run", command % "pooled", "--runs=2", "--budget=run.yaml",
                        "--keep", "kept", "--report=json")
    results = json.loads(out)
    check(got == 0 and results["runs"] == 2, f"the pooled parser holds: {got} {out} {err}")
    check(results["results"][0]["least"] == results["results"][0]["most"] < 40, "no shell is counted")
    check(not os.path.exists("kept"), "nothing is kept of what went well")
    check(err.count("alloctrap: recording ") == 3, "a run to warm up, and two")
    got, out, _ = run("check", "--run", command % "concat", "--runs=1", "--budget=run.yaml",
                      "--keep", "kept")
    check(got == 1 and "concat_append at " in out and "allocations per line, limit 1" in out,
          f"concat breaks it: {got} {out}")
    check(json.loads(read("kept/check.json"))["status"] == 1, "and the verdict")
    has_pages = run("html", "--help")[0] == 0 and run("html", "kept/run-1.atrap", "-o", "p.html")[0] == 0
    check(os.path.exists("kept/check.html") == has_pages, "and a page, where there are pages")
    check(os.path.exists("kept/run-1.atrap") and "alloctrap report kept/run-1.atrap" in out, "it is kept")
    story = ["--runs=1", f"--budget={SOURCE}/docs/examples/logparse.yaml", "--baseline=lean.json"]
    got, out, err = run("check", "--run", command % "pooled", *story, "--update-baseline")
    check(got == 0 and "warm lines never allocate" in out, f"the story of docs/ci.md: {got} {out} {err}")
    got, out, _ = run("check", "--run", command % "concat", *story)
    check(got == 1 and re.search(r"BROKEN +warm lines never allocate\n +84\.\d allocations per line, limit 0",
                                 out), f"and its end: {got} {out}")
    write("find.yaml", "version: 1\nbudgets:\n"
          "  - { name: a, findings: [ { kind: temporary, above: none }, { kind: any, max: 1000 } ] }\n"
          "  - { name: b, match: { function: nobody }, findings: [ { kind: any } ] }\n")
    got, out, _ = run("check", "kept/run-1.atrap", "--budget=find.yaml", "--report=json")
    advice = json.loads(run("advise", "kept/run-1.atrap", "--json")[1])["findings"]
    actual = [r["actual"] for r in json.loads(out)["results"]]
    check(len(advice) > 0 and actual == [sum(f["kind"] == "temporary" for f in advice), len(advice), 0],
          f"findings as budget: {actual} {[f['kind'] for f in advice]}")
    to_validate.append(f"{SCHEMAS}/alloctrap.schema.json=find.yaml")
    got, _, err = run("check", "--run", "false", "--budget=run.yaml")
    check(got == 3 and "ended with status 1" in err, f"a command that fails is not judged: {got} {err}")
    got = run("check", "--run", "false || true", "--runs=1", "--budget=run.yaml", "--units=1:line")[0]
    check(got in (0, 1), f"a shell's words are run by one: {got}")


def test_slope():
    for name, lines in {"small": 100, "big": 300}.items():
        subprocess.run([f"{WORKLOAD}/loggen", f"--lines={lines}", "--malformed=0", "-o", f"{name}.log"],
                       check=True, capture_output=True)
        run("record", "--quiet", "-o", f"{name}.atrap", "--", f"{WORKLOAD}/logparse",
            "--builder=concat", f"{name}.log")
    write("slope.yaml", "version: 1\nbudgets:\n  - { name: a, per: line, limits: { allocs: 1 } }\n"
          "  - { name: b, limits: { allocs: 1 } }\n")
    got, out, err = run("check", "--slope", "small.atrap:100", "big.atrap:300", "--budget=slope.yaml",
                        "--report=json")
    both = [json.loads(run("report", f"{n}.atrap", "--json")[1])["totals"]["allocations"]
            for n in ("small", "big")]
    line = json.loads(out)["results"][0]
    check(got == 1 and abs(line["actual"] - (both[1] - both[0]) / 200) < 1e-9, f"slope: {line} {both} {err}")
    check(json.loads(out)["results"][1]["verdict"] == "skipped", "a budget of the whole run is skipped")
    check(run("check", "--slope", "small.atrap", "big.atrap:300", "--budget=slope.yaml")[0] == 2,
          "a slope needs to know its units")


def validate():
    trouble = validators.install(NPM)
    check(not trouble, trouble)
    policy = f"{SCHEMAS}/alloctrap.schema.json"
    good = ["holds.yaml", "broken.yaml", "base.yaml", "run.yaml"]
    bad = ["typo.yaml"]
    examples = [os.path.join(SOURCE, "docs/examples", name)
                for name in sorted(os.listdir(f"{SOURCE}/docs/examples")) if name.endswith(".yaml")]
    check(len(examples) >= 2, "there are examples")
    for name in examples:
        check(run("check", "--validate", f"--budget={name}")[0] == 0, f"{name} is valid")
    for i, text in enumerate(["limits: { bytes: 1 MiBB }", "limits: { p99: 5 }", "severity: wran",
                              "match: { functoin: a }", "each: frame", "baseline: { p99: +1% }",
                              "limits: { allocs: -1 }", "limits: {}, tolerance: 5"]):
        name = f"bad-{i}.yaml"
        more = "" if text.startswith("limits") else ", limits: { peak: 1 }"
        write(name, HEAD + f"  - {{ name: a, {text}{more} }}\n")
        check(run("check", "--validate", f"--budget={name}")[0] == 2, f"{text} is a mistake")
        bad.append(name)
    pairs = to_validate + [f"{policy}={name}" for name in good + examples] + [
        f"!{policy}={name}" for name in bad]
    done = subprocess.run(["node", f"{CI}/validate.mjs", NPM, *pairs], capture_output=True, text=True,
                          check=False)
    check(done.returncode == 0, f"schemas:\n{done.stdout}{done.stderr}")
    check(f"{len(pairs)} files" in done.stdout and len(pairs) > 20, "all files were looked at")


def main():
    subprocess.run([MAKE_STORY, "before.atrap", "after.atrap", "hostile.atrap"], check=True)
    test_statuses()
    test_text()
    test_reports()
    test_github_actions()
    test_baseline()
    test_runs()
    test_slope()
    validate()


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
