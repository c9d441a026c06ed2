#!/usr/bin/env python3
"""Real programs behave the same under `alloctrap record`: output, exit status, and a recording
that lost nothing and knows the processes.

    real_programs.py ALLOCTRAP
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_S = 20


class Checks:
    def __init__(self):
        self.failed = 0
        self.made = 0

    def that(self, good, what):
        self.made += 1
        self.failed += not good
        print(("ok   " if good else "FAIL ") + what)


def commands(work):
    """(name, command, processes expected at least)"""
    source = os.path.join(work, "hello.c")
    with open(source, "w") as out:
        out.write('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    repository = os.path.join(work, "repo")
    subprocess.run(["git", "init", "-q", repository], check=True)
    subprocess.run(["git", "-C", repository, "-c", "user.name=t", "-c", "user.email=t@example.org",
                    "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    return [
        ("python3", [sys.executable, "-c", "import json; print(sum(len(json.dumps(i)) for i in range(9999)))"], 1),
        ("python3 threads", [sys.executable, "-c",
                             "import threading\nr=[]\nts=[threading.Thread(target=lambda i=i: r.append(len(str(i)*9999))) for i in range(16)]\n"
                             "[t.start() for t in ts]; [t.join() for t in ts]; print(sum(r))"], 1),
        ("sqlite3", ["sqlite3", ":memory:", "with recursive n(i) as (select 1 union all select i+1 from n where i<5000)"
                     " select count(*), sum(i) from n;"], 1),
        ("git log", ["git", "-C", repository, "--no-pager", "log", "--format=%s"], 1),
        ("bash pipe", ["bash", "-c", "printf 'b\\na\\n' | sort | cat -n"], 3),
        ("gcc", ["gcc", "-O1", source, "-o", os.path.join(work, "hello")], 4),
        ("perl", ["perl", "-e", 'my %h; $h{$_}=$_ x 3 for 1..2000; print scalar(keys %h), "\\n"'], 1),
        ("perl fork", ["perl", "-e", 'for (1..5) { my $p = fork; if (!$p) { my @a = map { "x$_" } 1..100; exit 3 } waitpid $p, 0; print $? >> 8, "\\n" }'], 6),
        ("xargs", ["bash", "-c", "seq 1 6 | xargs -n 2 echo got"], 4),
        ("openssl", ["openssl", "prime", "-generate", "-bits", "32", "-hex"], 1),
        ("jq", ["jq", "-n", "[range(1000)] | add"], 1),
        ("false", ["false"], 0),
        ("exit 42", ["bash", "-c", "exit 42"], 1),
        ("killed by 9", ["bash", "-c", "kill -9 $$"], 1),
        ("aborts", ["perl", "-e", "kill 'ABRT', $$"], 1),
        ("no such program", ["./no-such-program"], 0),
        ("not executable", [source], 0),
    ]


def normal_status(code):
    return 128 - code if code < 0 else code


def plain_status(command, **options):
    try:
        run = subprocess.run(command, capture_output=True, **options)
    except FileNotFoundError:
        return 127, b""
    except PermissionError:
        return 126, b""
    return normal_status(run.returncode), run.stdout


def report(alloctrap, recording):
    run = subprocess.run([alloctrap, "report", recording, "--json"], capture_output=True)
    return json.loads(run.stdout) if run.returncode == 0 else None


def check_commands(checks, alloctrap, work):
    for name, command, processes in commands(work):
        status, output = plain_status(command, cwd=work, stdin=subprocess.DEVNULL)
        recording = os.path.join(work, "run.atrap")
        if os.path.exists(recording):
            os.unlink(recording)
        run = subprocess.run([alloctrap, "record", "-o", recording, "--", *command], cwd=work,
                             capture_output=True, stdin=subprocess.DEVNULL)
        checks.that(run.returncode == status, f"{name}: exit status {run.returncode}, plain {status}")
        if name != "openssl":
            checks.that(run.stdout == output, f"{name}: the same output")
        if processes == 0:
            continue
        found = report(alloctrap, recording)
        checks.that(found is not None, f"{name}: the recording can be read")
        if found is None:
            continue
        checks.that(found["loss"]["events"] == 0, f"{name}: nothing lost: {found['loss']}")
        checks.that(len(found["processes"]) >= processes, f"{name}: {len(found['processes'])} processes")
        checks.that(found["totals"]["allocations"] > 0, f"{name}: {found['totals']['allocations']} allocations")
        checks.that(not os.path.exists(recording + ".session"), f"{name}: no session left behind")


def check_streams(checks, alloctrap, work):
    recording = os.path.join(work, "streams.atrap")
    data = os.urandom(300000)
    run = subprocess.run([alloctrap, "record", "-o", recording, "--", "cat"], input=data, capture_output=True)
    checks.that(run.stdout == data, "standard input and output pass through, byte for byte")
    shown = "import os; print(sorted(os.listdir('/proc/self/fd')))"
    plain = subprocess.run([sys.executable, "-c", shown], capture_output=True).stdout
    run = subprocess.run([alloctrap, "record", "-o", recording, "--", sys.executable, "-c", shown],
                         capture_output=True)
    checks.that(run.stdout == plain, "the host sees the same descriptors")
    shown = "import threading, os; print(len(os.listdir('/proc/self/task')))"
    run = subprocess.run([alloctrap, "record", "-o", recording, "--", sys.executable, "-c", shown],
                         capture_output=True)
    checks.that(run.stdout == b"1\n", "the host has no thread of ours")


def check_signal(checks, alloctrap, work):
    recording = os.path.join(work, "signal.atrap")
    run = subprocess.Popen([alloctrap, "record", "--quiet", "-o", recording, "--", "perl", "-e",
                            '$| = 1; $SIG{TERM} = sub { print "term\\n"; exit 7 }; print "up\\n"; sleep 30'],
                           stdout=subprocess.PIPE)
    run.stdout.readline()
    run.send_signal(signal.SIGTERM)
    checks.that(run.stdout.readline() == b"term\n", "a signal to the recorder reaches the host")
    checks.that(run.wait(timeout=START_S) == 7, "and its exit status comes back")


def wait_for(condition):
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def port_free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def check_redis(checks, alloctrap, work):
    address = os.path.join(work, "redis.sock")
    recording = os.path.join(work, "redis.atrap")
    run = subprocess.Popen([alloctrap, "record", "-o", recording, "--", "redis-server", "--port", "0",
                            "--unixsocket", address, "--save", "", "--dir", work],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    talk = lambda *words: subprocess.run(["redis-cli", "-s", address, *words], capture_output=True).stdout
    checks.that(wait_for(lambda: talk("ping") == b"PONG\n"), "redis: starts under record")
    for i in range(50):
        talk("set", f"key{i}", "v" * i)
    checks.that(talk("get", "key9") == b"v" * 9 + b"\n", "redis: answers")
    talk("shutdown", "nosave")
    checks.that(run.wait(timeout=START_S) == 0, "redis: exits with 0")
    found = report(alloctrap, recording)
    checks.that(found is not None and found["totals"]["allocations"] > 0 and found["loss"]["events"] == 0,
                "redis (its allocator is jemalloc): recorded, nothing lost")


def check_nginx(checks, alloctrap, work):
    port = port_free()
    config = os.path.join(work, "nginx.conf")
    with open(config, "w") as out:
        out.write(f"daemon off; pid {work}/nginx.pid; error_log stderr; worker_processes 2; user root;\n"
                  f"events {{}} http {{ access_log off; client_body_temp_path {work}; proxy_temp_path {work};\n"
                  f"fastcgi_temp_path {work}; uwsgi_temp_path {work}; scgi_temp_path {work};\n"
                  f"server {{ listen 127.0.0.1:{port}; location / {{ return 200 'hello'; }} }} }}\n")
    recording = os.path.join(work, "nginx.atrap")
    run = subprocess.Popen([alloctrap, "record", "-o", recording, "--", "nginx", "-c", config],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answer():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            return connection.getresponse().read()
        except OSError:
            return b""

    checks.that(wait_for(lambda: answer() == b"hello"), "nginx: answers under record")
    for _ in range(100):
        answer()
    run.send_signal(signal.SIGQUIT)
    checks.that(run.wait(timeout=START_S) == 0, "nginx: SIGQUIT is passed on, exits with 0")
    found = report(alloctrap, recording)
    checks.that(found is not None and len(found["processes"]) >= 3 and found["loss"]["events"] == 0,
                "nginx: master and workers are in the recording, nothing lost")


def main():
    alloctrap = os.path.abspath(sys.argv[1])
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="alloctrap-e2e.") as work:
        check_commands(checks, alloctrap, work)
        check_streams(checks, alloctrap, work)
        check_signal(checks, alloctrap, work)
        for server, check in (("redis-server", check_redis), ("nginx", check_nginx)):
            if shutil.which(server):
                check(checks, alloctrap, work)
            else:
                print(f"skip {server}: not installed; scripts/setup --test installs it")
    print(f"{checks.made - checks.failed} of {checks.made} checks hold")
    sys.exit(checks.failed != 0)


main()
