#!/usr/bin/env python3
"""Names that are an attack - a terminal's sequences, text that turns round, bytes that are not UTF-8,
the end of a script, a spreadsheet's formula, the beginning of another line - in every place of a
recording, through every output. What harmless means is said beside each kind below.

    test_hostile_names.py ALLOCTRAP MAKE_STORY FUZZ_SEED [TARGETS]

With TARGETS, a program with such a name and such arguments is recorded, too.
"""
import csv
import gzip
import html.parser
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from harness import Alloctrap, Checks, wait_for

checks = Checks()
alloctrap = Alloctrap(sys.argv[1])
MAKE_STORY, FUZZ_SEED = (os.path.abspath(path) for path in sys.argv[2:4])
TARGETS = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else None

NASTY = (b"\x1b[2J\x1b]0;owned\x07\x7f\xc2\x9b31m\xff\xc3\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xe2\x80\xa8"
         b"\"\\'</script><img src=x onerror=alert(1)>]]>&|`*_[x](y);\t\r\n# b,=cmd|' /C calc'!A0")
STARTS = [b"=1+1", b"+1", b"-1", b"@SUM(1)", b"\t=1", b"", b"::error::"]
# C0 but the line's end, DEL, C1, and what hides or turns text.
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
                    "\u2060-\u206f\ufeff\ufff9-\ufffb]")
TEXT_COLUMNS = [("module", "path"), ("symbol", "function"), ("symbol", "raw_name"),
                ("symbol", "file"), ("process", "command"), ("process", "allocator"),
                ("run", "command"), ("run", "host"), ("run", "service"), ("run", "labels"),
                ("run", "unit_name"), ("run", "settings"), ("run", "tool_version"),
                ("run", "run_id"), ("span", "name"), ("note", "name")]


def spoil(path):
    """Puts NASTY before each text of the recording, each time with another start."""
    database = sqlite3.connect(path)
    database.text_factory = bytes
    database.execute("INSERT INTO span SELECT coalesce(max(id), -1) + 1, 0, 'mark', 1000, 1, 0, 0"
                     " FROM span")
    database.execute("INSERT INTO span SELECT max(id) + 1, 2, 'phase', 2000, 1, 500, 0 FROM span")
    for number, (table, column) in enumerate(TEXT_COLUMNS):
        for row, text in database.execute(f"SELECT id, {column} FROM {table}").fetchall():
            if (table, row) in (("module", 0), ("symbol", 0)):
                continue
            start = STARTS[(row + number) % len(STARTS)]
            start = b"/" + start if column in ("path", "file") and row % 2 else start
            # A blob cast to text is text, whatever its bytes are.
            database.execute(f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE id = ?",
                             (start + NASTY + text, row))
    database.commit()
    database.close()


def is_text(data):
    """For a terminal and a log: UTF-8, and nothing in it that is not seen."""
    try:
        found = UNSEEN.search(data.decode())
    except UnicodeDecodeError as wrong:
        return str(wrong)
    return f"{found[0]!r} in {data.decode()[max(0, found.start() - 40):][:90]!r}" if found else None


def is_log(data):
    """The same for GitHub's log: and no command but those that are ours."""
    lines = data.decode(errors="replace").splitlines()
    strangers = [line for line in lines if not re.match(r"::(error|warning|notice) file=", line)]
    return is_text(data) or (f"{strangers[0]!r}" if strangers else None)


def is_markdown(data):
    """The same, and outside code no tag, link, heading or mention that is not ours."""
    text = re.sub(r"^```\n.*?^```$", "BLOCK", data.decode(errors="replace"), flags=re.M | re.S)
    text = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", text)
    found = re.search(r"(?<!\\)<(?!/?(details|summary|br)\b)|(?<!\\)\]\(y|^# b|\]\]>", text, re.M)
    return is_text(data) or (f"markup: {text[max(0, found.start() - 30):][:80]!r}" if found else None)


def is_json(data):
    """It parses, and holds no byte that a terminal would obey."""
    try:
        json.loads(data)
    except ValueError as wrong:
        return str(wrong)
    return is_text(data)


def is_ndjson(data):
    faults = [is_json(line) for line in data.splitlines()]
    return next((fault for fault in faults if fault), None if faults else "no lines")


def is_csv(data):
    """RFC 4180, the same number of cells in each row; no cell is a formula."""
    rows = list(csv.reader(data.decode().splitlines(keepends=True)))
    if len(rows) < 2 or len({len(row) for row in rows}) != 1:
        return f"{len(rows)} rows of {sorted({len(row) for row in rows})} cells"
    cells = [cell for row in rows for cell in row]
    formulas = [c for c in cells if re.match(r"[=+@\t\r-]", c) and not re.fullmatch(r"-?[0-9.]+", c)]
    return is_text(data.replace(b"\r\n", b"\n")) or (
        f"a formula: {formulas[0][:60]!r}" if formulas else None)


def is_xml(data):
    """It is well-formed; tags, and attributes that run something, are ours."""
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as wrong:
        return str(wrong)
    for element in root.iter():
        if element.tag.endswith("}img") or element.tag == "img":
            return "an image"
        if any(name.lower().startswith("onerror") for name in element.attrib):
            return "a handler"
    return is_text(data.replace(b"\t", b" "))


class Page(html.parser.HTMLParser):
    """Counts what a browser would take for markup."""

    def __init__(self, text):
        super().__init__()
        self.images, self.handlers, self.scripts = 0, 0, 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.images += tag == "img"
        self.scripts += tag == "script"
        self.handlers += any(name == "onerror" for name, _ in attrs)


def is_html(data):
    """No image, no handler, no script more than the page of a harmless recording has."""
    with open("clean.html", encoding="utf-8") as clean:
        wanted = Page(clean.read()).scripts
    page = Page(data.decode())
    if (page.images, page.handlers, page.scripts) != (0, 0, wanted):
        return f"{page.images} images, {page.handlers} handlers, {page.scripts} of {wanted} scripts"
    found = re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", data.decode())
    return f"{found[0]!r}" if found else None


def is_folded(data):
    """A line is a stack and its numbers: a name makes no line and no frame."""
    bad = [line for line in data.decode(errors="replace").split("\n")[:-1]
           if not re.fullmatch(r".+ \d+( \d+)?", line)]
    return is_text(data) or (f"{bad[0]!r}" if bad else None)


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def is_pprof(data):
    """Its strings are UTF-8, as protobuf wants them, and hold nothing unseen."""
    data, at, strings = gzip.decompress(data), 0, 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            if key >> 3 == 6:
                strings += 1
                fault = is_text(data[at:at + value])
                if fault:
                    return fault
            at += value
    return None if strings > 10 else f"{strings} strings"


def is_zipped_text(data):
    return is_text(gzip.decompress(data))


def is_numbers(data):
    return None if re.fullmatch(rb"[ -~\n]+", data) else "more than numbers"


POLICY = "version: 1\ndefaults: { allow_dropped: true }\nbudgets:\n" + "".join(
    f"  - {{ name: 'b{i}', limits: {{ allocs: {i}, bytes: 1, peak: 1 }} }}\n" for i in range(3))

FORMS = [
    (["info", "BAD"], is_text),
    (["report", "BAD", "--top=0"], is_text), (["report", "BAD", "--tree"], is_text),
    (["report", "BAD", "--callers"], is_text), (["report", "BAD", "--latency"], is_text),
    (["report", "BAD", "--source", "--top=0"], is_text), (["report", "BAD", "--raw-names"], is_text),
    (["report", "BAD", "--fold-templates"], is_text), (["report", "BAD", "--hgrm"], is_numbers),
    (["report", "BAD", "--json"], is_json), (["report", "BAD", "--source", "--json"], is_json),
    (["report", "BAD", "--latency", "--json"], is_json),
    (["report", "BAD", "--markdown", "--top=0"], is_markdown),
    (["report", "BAD", "--tree", "--markdown"], is_markdown),
    (["report", "BAD", "--callers", "--markdown"], is_markdown),
    (["report", "BAD", "--latency", "--markdown"], is_markdown),
    (["compare", "BAD", "WORSE"], is_text), (["compare", "BAD", "WORSE", "--json"], is_json),
    (["compare", "BAD", "WORSE", "--markdown"], is_markdown),
    (["advise", "BAD", "--top=0", "--threshold=0"], is_text), (["advise", "BAD", "--json"], is_json),
    (["advise", "BAD", "--top=0", "--markdown"], is_markdown),
    (["scaling", "10=BAD", "100=BAD", "1000=WORSE"], is_text),
    (["scaling", "10=BAD", "100=BAD", "1000=WORSE", "--json"], is_json),
    (["scaling", "10=BAD", "100=BAD", "1000=WORSE", "--markdown"], is_markdown),
    (["scaling", "10=BAD", "100=BAD", "1000=WORSE", "--svg=OUT"], is_xml),
    (["symbolize", "BAD", "-o", "new.atrap"], is_text),
    (["html", "BAD", "-o", "OUT"], is_html), (["html", "BAD", "WORSE", "-o", "OUT"], is_html),
] + [(["check", "BAD", "--budget=policy.yaml", f"--report={kind}=OUT"], harmless)
     for kind, harmless in (("text", is_text), ("json", is_json), ("junit", is_xml),
                            ("github", is_log), ("markdown", is_markdown), ("gitlab", is_json),
                            ("sarif", is_json), ("bench-json", is_json))
] + [(["export", "BAD", f"--format={name}", "-o", "OUT"], harmless)
     for name, harmless in (("svg", is_xml), ("folded", is_folded), ("pprof", is_pprof),
                            ("speedscope", is_json), ("dhat", is_json), ("firefox", is_json),
                            ("callgrind", is_text), ("massif", is_text), ("chrome", is_json),
                            ("hgrm", is_numbers), ("json", is_json), ("csv", is_csv),
                            ("ndjson", is_ndjson))
] + [(["export", "WORSE", "--base=BAD", "--format=svg", "-o", "OUT"], is_xml),
     (["export", "WORSE", "--base=BAD", "--format=folded", "-o", "OUT"], is_folded),
     (["export", "TRACED", "--format=heaptrack", "-o", "OUT"], is_zipped_text)]


def check_form(form, harmless):
    words = [{"BAD": "before.atrap", "WORSE": "after.atrap", "TRACED": "traced.atrap"}.get(word, word)
             .replace("BAD", "before.atrap").replace("WORSE", "after.atrap").replace("OUT", "out")
             for word in form]
    if os.path.exists("out"):
        os.unlink("out")
    run = alloctrap.run(*words)
    data = run.stdout
    if "OUT" in " ".join(form) and os.path.exists("out"):
        with open("out", "rb") as out:
            data = out.read()
    fault = None
    if run.returncode not in (0, 1):
        fault = f"exit {run.returncode}: {run.stderr!r}"
    elif data == b"":
        fault = "no output"
    else:
        fault = harmless(data) or is_text(run.stderr)
    checks.that(fault is None, " ".join(form) + (f": {fault}" if fault else ""))


def check_judges():
    """Each of them refuses the names as they are, even those that are UTF-8."""
    for judge in {harmless for _, harmless in FORMS}:
        try:
            fault = judge(NASTY.replace(b"\xff\xc3", b"") + b" 1\n")
        except Exception as wrong:  # not even of its format
            fault = wrong
        checks.that(fault is not None, f"{judge.__name__} refuses the name itself")


def check_lake():
    """Service and host become folders: of the lake, whatever they are called."""
    os.mkdir("lake")
    run = alloctrap.run("export", "before.atrap", "--lake=lake")
    files = [os.path.join(folder, name) for folder, _, names in os.walk("lake") for name in names]
    checks.that(run.returncode == 0 and len(files) == 1 and len(files[0].split("/")) == 5 and
                is_text(os.fsencode(files[0])) is None, f"a lake's folders: {files} {run.stderr!r}")


def check_messages():
    """A path in a message is text as well, and the message one line."""
    os.mkdir(NASTY.replace(b"/", b""))
    hostile = NASTY.replace(b"/", b"") + b"/none"
    shutil.copy("policy.yaml", NASTY.replace(b"/", b"") + b"/policy.yaml")
    with open(NASTY.replace(b"/", b"") + b"/typo.yaml", "wb") as out:
        out.write(b"version: 1\nbudgets:\n  - { name: a, limits: { al\x1b[2J: 1 } }\n")
    for words in (["info", hostile], ["report", hostile], ["report", "before.atrap", b"--sort=" + NASTY],
                  ["report", "before.atrap", b"--focus=(" + NASTY], ["compare", hostile, hostile],
                  ["check", "before.atrap", b"--budget=" + hostile], ["advise", hostile],
                  ["check", "before.atrap", b"--budget=" + os.path.dirname(hostile) + b"/typo.yaml"],
                  ["check", "before.atrap", "--budget=policy.yaml", b"--report=" + NASTY],
                  ["export", "before.atrap", b"--format=" + NASTY, "-o", "out"],
                  ["export", "before.atrap", "--format=csv", "-o", hostile + b"/x"],
                  ["html", "before.atrap", "-o", hostile + b"/x"], [b"scaling", b"1=" + hostile, b"2=x",
                                                                   b"3=x"],
                  ["merge", hostile, hostile, "-o", "new.atrap"], ["recover", hostile, "-o", "r.atrap"],
                  ["symbolize", hostile], ["record", "-o", hostile + b"/r.atrap", "--", "true"],
                  ["record", "-o", "r.atrap", "--", hostile], ["top", hostile], ["attach", NASTY],
                  ["push", hostile, "--url=http://127.0.0.1:9/"],
                  ["push", "before.atrap", b"--url=" + NASTY], [NASTY], ["report", b"--" + NASTY]):
        run = alloctrap.run(*words)
        fault = is_text(run.stderr)
        fault = fault or (f"{run.stderr!r}" if run.stderr.count(b"\n") != 1 else None)
        checks.that(run.returncode in (2, 3, 126, 127) and fault is None,
                    f"message of {words[0]!r}: exit {run.returncode}" + (f": {fault}" if fault else ""))


def check_recorded():
    """A program with such a name, in such a folder, with such arguments."""
    folder = os.fsencode(os.getcwd()) + b"/" + NASTY.replace(b"/", b"")
    program = folder + b"/" + NASTY.replace(b"/", b"")
    state = folder + b"/state"  # the first byte ends the program
    shutil.copy(os.path.join(TARGETS, "target_endless"), program)
    with open(state, "wb") as out:
        out.write(bytes(64 * 17))
    output = NASTY.replace(b"/", b"") + b"/run.atrap"
    recorder = subprocess.Popen([alloctrap.path, "record", "-o", output, "--", program, state, b"1"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    session = output + b".session"
    checks.that(wait_for(lambda: os.path.isdir(session) and len(os.listdir(session)) > 1), "it runs")
    run = alloctrap.run("top", session, "--once", "--interval=200")
    checks.that(run.returncode == 0 and run.stdout != b"" and is_text(run.stdout) is None,
                f"top: {is_text(run.stdout)} {run.stderr!r}")
    run = alloctrap.run("html", b"--snapshot=" + session, "-o", "snapshot.html")
    if checks.that(run.returncode == 0, f"html --snapshot: exit {run.returncode} {run.stderr!r}"):
        with open("snapshot.html", "rb") as page:
            fault = is_html(page.read())
        checks.that(fault is None, f"html --snapshot: {fault}")
    with open(state, "r+b") as out:
        out.write(b"\x01")
    said = recorder.communicate(timeout=60)[1]
    checks.that(is_text(said) is None and b"alloctrap: " in said, f"record says: {is_text(said)}")
    for words, harmless in ((["report"], is_text), (["report", "--json"], is_json), (["info"], is_text)):
        run = alloctrap.run(words[0], output, *words[1:])
        fault = harmless(run.stdout)
        checks.that(run.returncode == 0 and fault is None, f"{words} of it: {fault} {run.stderr!r}")


with tempfile.TemporaryDirectory(prefix="alloctrap-names.") as work:
    os.chdir(work)
    subprocess.run([MAKE_STORY, "before.atrap", "after.atrap", "unused.atrap"], check=True)
    subprocess.run([FUZZ_SEED, "traced.atrap"], check=True)
    alloctrap.run("html", "before.atrap", "-o", "clean.html")
    for recording in ("before.atrap", "after.atrap", "traced.atrap"):
        spoil(recording)
    with open("policy.yaml", "w") as policy:
        policy.write(POLICY)
    check_judges()
    for form, harmless in FORMS:
        check_form(form, harmless)
    check_lake()
    check_messages()
    if TARGETS:
        check_recorded()
    os.chdir("/")
checks.finish()
