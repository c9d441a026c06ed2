#!/usr/bin/env python3
"""`alloctrap push` against a server of ours that checks every field and gives the profile to pprof.

Usage: export_push.py (environment: see consumers.py).
"""

import email.parser
import email.policy
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse

from consumers import ALLOCTRAP, PPROF, check, make, run, run_tests, totals


class Server(http.server.ThreadingHTTPServer):
    """Answers in turn what `answers` says: a status, or "hang" or "drop"; 200 when there is no more."""

    daemon_threads = True

    def __init__(self, *answers, headers=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.more_headers = headers
        self.requests = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.released.set()
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        if answer == "hang":
            self.server.released.wait(30)
        if answer in ("hang", "drop"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer)
        for name, value in self.server.more_headers if answer != 200 else ():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"why \x1b[2J not")

    do_GET = do_POST

    def log_message(self, *unused):
        pass


def push(*options, status=0):
    done = subprocess.run([ALLOCTRAP, "push", *options], capture_output=True, check=False, timeout=60,
                          env={k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")})
    err = done.stderr.decode()
    check(done.returncode == status, f"push {options} ends with {done.returncode}, not {status}: {err}")
    return done.stdout.decode(), err


def parts_of(headers, body):
    """The form's parts by name, taken apart by Python's own reader of MIME."""
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    return {p.get_param("name", header="content-disposition"): (p.get_content_type(), p.get_payload(decode=True))
            for p in message.iter_parts()}


def test_fields():
    make("tiny")
    with open("token", "w", encoding="ascii") as file:
        file.write("s3cret-token\nsecond line\n")
    with Server() as server:
        out, _ = push("tiny.atrap", f"--url={server.url}/", "--token-file=token", "--tenant=team-a")
        check(len(server.requests) == 1 and "1 try" in out, f"one request: {out}")
        method, path, headers, body = server.requests[0]
        address = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(address.query, strict_parsing=True))
        check((method, address.path) == ("POST", "/ingest"), f"{method} {path}")
        check(query == {"name": "shop{__delta__=false,build_id=cafebabe,host=build-7,env=prod,zone=eu-1}",
                        "from": "1790000000", "until": "1790000002", "format": "pprof", "spyName": "alloctrap"},
              f"query: {query}")
        check(headers["Authorization"] == "Bearer s3cret-token", "the token, its first line")
        check(headers["X-Scope-OrgID"] == "team-a" and "Expect" not in headers, f"headers: {headers}")
        parts = parts_of(headers, body)
        check(sorted(parts) == ["profile", "sample_type_config"], f"parts: {list(parts)}")
        check_parts(parts)
    check("s3cret" not in out, "the token is not shown")


def check_parts(parts):
    kind, text = parts["sample_type_config"]
    config = json.loads(text)
    check(kind == "application/json" and len(config) == 9, f"types: {kind} {list(config)}")
    check(config["alloc_space"] == {"units": "bytes", "aggregation": "sum", "display-name": "alloc_space",
                                    "sampled": False}, f"alloc_space: {config['alloc_space']}")
    with open("got.pb.gz", "wb") as file:
        file.write(parts["profile"][1])
    raw = run(PPROF, "-symbolize=none", "-raw", "got.pb.gz")
    types = re.search(r"^Samples:\n(.+)$", raw, re.MULTILINE)[1].replace("[dflt]", "").split()
    check({t.split("/")[0] for t in types} == set(config), f"types are those of the profile: {types}")
    top = run(PPROF, "-symbolize=none", "-top", "-unit=B", "-sample_index=alloc_space", "got.pb.gz")
    check(f"Total samples = {totals('tiny.atrap')['bytes']}B" in top, f"pprof reads it: {top}")
    run(ALLOCTRAP, "export", "tiny.atrap", "--format=pprof", "-o", "own.pb.gz")
    check(parts["profile"][1] == open("own.pb.gz", "rb").read(), "the same as export's")


def test_retries():
    quick = ("--retry-wait=1", "--timeout=20")
    with Server(503, 429, "drop", 500) as server:
        out, _ = push("tiny.atrap", f"--url={server.url}", *quick)
        check(len(server.requests) == 5 and "5 tries" in out, f"what passes is tried again: {out}")
        check(len({r[3].split(b"\r\n", 1)[1].split(b"\r\n--")[0] for r in server.requests}) == 1, "with the same profile")
    with Server(*[503] * 9) as server:
        _, err = push("tiny.atrap", f"--url={server.url}", "--retries=2", *quick, status=3)
        check(len(server.requests) == 3 and "3 tries: status 503: why \\x1b[2J not" in err, f"bounded: {err}")
    for status in (400, 401, 413, 302):
        with Server(status, headers=[("Location", "http://127.0.0.1:1/")]) as server:
            _, err = push("tiny.atrap", f"--url={server.url}", *quick, status=3)
            check(len(server.requests) == 1 and f"1 try: status {status}" in err, f"{status} is final: {err}")
    with Server("hang") as server:
        start = time.monotonic()
        _, err = push("tiny.atrap", f"--url={server.url}", "--timeout=1", "--retries=0", status=3)
        check("imeout" in err and time.monotonic() - start < 20, f"a server that hangs: {err}")
    with Server(429, headers=[("Retry-After", "1")]) as server:
        start = time.monotonic()
        push("tiny.atrap", f"--url={server.url}", *quick)
        check(time.monotonic() - start >= 1, "the server's own wait is kept")
        check(len(server.requests) == 2, "and then it is tried again")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        _, err = push("tiny.atrap", f"--url={url}", "--retries=1", *quick, status=3)
        check("after 2 tries" in err, f"nobody there: {err}")


def test_usage():
    push("tiny.atrap", status=2)
    push("--url=http://127.0.0.1:1", status=2)
    push("tiny.atrap", "--url=file:///etc/passwd", "--retries=0", status=3)
    push("nothing.atrap", "--url=http://127.0.0.1:1", status=3)
    _, err = push("tiny.atrap", "--url=http://example.org", "--token-file=token", status=2)
    check("https" in err, f"a token does not travel in the open: {err}")
    _, err = push("tiny.atrap", "--url=https://localhost:1", "--token-file=no-such", status=3)
    check("token" in err, err)
    with open("bad", "w", encoding="ascii") as file:
        file.write("two words\n")
    push("tiny.atrap", "--url=https://localhost:1", "--token-file=bad", status=2)
    push("tiny.atrap", "--url=https://localhost:1", "--timeout=x", status=2)


def test_series():
    """Labels cannot break out of the series' name."""
    import shutil
    import sqlite3
    shutil.copy("tiny.atrap", "odd.atrap")
    with sqlite3.connect("odd.atrap") as db:
        db.execute("UPDATE run SET labels = 'a-b.c=x{y}\"z=1,env=prod', host = 'h,x={'")
    with Server() as server:
        out, _ = push("odd.atrap", f"--url={server.url}", "--name=my app")
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(server.requests[0][1]).query))
    name = "my app{__delta__=false,build_id=cafebabe,host=h_x__,a_b_c=x_y__z_1,env=prod}"
    check(query["name"] == name and name in out, f"series: {query['name']}")


run_tests(test_fields, test_retries, test_usage, test_series)
