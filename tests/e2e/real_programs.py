#!/usr/bin/env python3
"""Real programs behave the same under `alloctrap record`: output, errors, exit status; and the
recording lost nothing and knows the tree of processes, in JSON and in the report's text.

    real_programs.py ALLOCTRAP
"""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from harness import WAIT_S, Alloctrap, Checks, shell_status, wait_for

REQUESTS = 60

checks = Checks()
alloctrap = Alloctrap(sys.argv[1])

PYTHON_THREADS = """
import threading
found = []
work = lambda i: found.append(len(str(i) * 9999))
threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sum(found))
"""
PERL_FORK = """for (1..5) { my $p = fork;
    if (!$p) { my @a = map { "x$_" } 1..100; exit 3 } waitpid $p, 0; print $? >> 8, "\\n" }"""
SQL = ("with recursive n(i) as (select 1 union all select i+1 from n where i<5000)"
       " select count(*), sum(i) from n;")


def make_inputs():
    with open("hello.c", "w") as out:
        out.write('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    with open("wrong.c", "w") as out:
        out.write("int main(void) { return nothing; }\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q", "repo"], check=True)
    subprocess.run([*git, "-C", "repo", "commit", "-q", "--allow-empty", "-m", "first"], check=True)


def commands():
    """(name, command, the programs that its process tree has at least)"""
    python = [sys.executable, "-c"]
    return [
        ("python3", [*python, "import json; print(sum(len(json.dumps(i)) for i in range(9999)))"],
         ["python3"]),
        ("python3, 16 threads", [*python, PYTHON_THREADS], ["python3"]),
        ("python3 raises", [*python, "import json; json.loads('{')"], ["python3"]),
        ("python3 subprocess", [*python, "import os; os.system('echo a; exit 4')"],
         ["python3", "sh"]),
        ("sqlite3", ["sqlite3", ":memory:", SQL], ["sqlite3"]),
        ("sqlite3 errs", ["sqlite3", ":memory:", "select * from nothing"], ["sqlite3"]),
        ("git log", ["git", "-C", "repo", "--no-pager", "log", "--format=%s"], ["git"]),
        ("bash pipe", ["bash", "-c", "printf 'b\\na\\n' | sort | cat -n"], ["bash", "sort", "cat"]),
        ("gcc", ["gcc", "-O1", "hello.c", "-o", "hello"], ["gcc", "cc1", "as", "collect2", "ld"]),
        ("gcc errs", ["gcc", "-c", "wrong.c"], ["gcc", "cc1"]),
        ("perl", ["perl", "-e", 'my %h; $h{$_}=$_ x 3 for 1..2000; print scalar(keys %h), "\\n"'],
         ["perl"]),
        ("perl dies", ["perl", "-e", 'die "no\\n"'], ["perl"]),
        ("perl forks", ["perl", "-e", PERL_FORK], ["perl"] * 6),
        ("xargs", ["bash", "-c", "seq 1 6 | xargs -n 2 echo got"],
         ["bash", "seq", "xargs", "echo"]),
        ("xmllint", ["xmllint", "--noout", "hello.c"], ["xmllint"]),
        ("jq", ["jq", "-n", "[range(1000)] | add"], ["jq"]),
        ("bash, killed by 9", ["bash", "-c", "kill -9 $$"], ["bash"]),
        ("perl aborts", ["perl", "-e", "kill 'ABRT', $$"], ["perl"]),
    ]


def check_tree(report, programs, name):
    """Each program is there, and each process but the first hangs under another of them."""
    found = [os.path.basename(process["command"][0]) for process in report["processes"]]
    missing = [program for program in set(programs)
               if sum(have == program or have.startswith(program + ".") for have in found)
               < programs.count(program)]
    checks.same(missing, [], f"{name}: its programs are in the tree {found}")
    pids = {process["pid"] for process in report["processes"]}
    first = report["processes"][0]["pid"]
    strangers = [process for process in report["processes"]
                 if process["parent_pid"] not in pids and process["pid"] != first]
    checks.same(strangers, [], f"{name}: one tree")
    if len(pids) > 1:
        text = alloctrap.run("report", "run.atrap").stdout.decode()
        tree = text[text.find("\nProcesses\n"):]
        checks.that(all(str(pid) in tree for pid in sorted(pids)[:20]), f"{name}: and in the text")


def check_commands():
    for name, command, programs in commands():
        plain = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
        run = alloctrap.record("run.atrap", command)
        error, _, last = run.stderr.rstrip(b"\n").rpartition(b"\n")
        checks.same((run.returncode, run.stdout, error),
                    (shell_status(plain.returncode), plain.stdout, plain.stderr.rstrip(b"\n")),
                    f"{name}: status, output and errors as without")
        checks.that(last.startswith(b"alloctrap: run.atrap: ") and b"nothing lost" in last,
                    f"{name}: {last.decode()}")
        report = alloctrap.report("run.atrap")
        if checks.that(report is not None, f"{name}: the recording can be read"):
            checks.that(report["totals"]["allocations"] > 0 and report["loss"]["events"] == 0,
                        f"{name}: {report['totals']['allocations']} allocations")
            check_tree(report, programs, name)


def check_server(name, report, processes):
    checks.that(report is not None and report["totals"]["allocations"] > 0 and
                report["loss"]["events"] == 0 and len(report["processes"]) >= processes,
                f"{name}: recorded, nothing lost, {processes} processes at least")


def check_redis():
    recorder = alloctrap.start_record(
        "run.atrap", ["redis-server", "--port", "0", "--unixsocket", "redis.sock", "--save", "",
                      "--dir", "."], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def talk(*words, **options):
        return subprocess.run(["redis-cli", "-s", "redis.sock", *words], capture_output=True,
                              **options).stdout

    checks.that(wait_for(lambda: talk("ping") == b"PONG\n"), "redis: starts under record")
    lines = "".join(f"set key{i} {'v' * (i + 1)}\n" for i in range(REQUESTS)).encode()
    checks.same(talk(input=lines), b"OK\n" * REQUESTS, "redis: answers")
    checks.same(talk("get", "key9"), b"v" * 10 + b"\n", "redis: keeps what it was told")
    talk("shutdown", "nosave")
    checks.same(recorder.wait(timeout=WAIT_S), 0, "redis: exits with 0")
    report = alloctrap.report("run.atrap")
    check_server("redis (its allocator is jemalloc)", report, 1)
    checks.that("jemalloc" in report["processes"][0]["allocator"], "redis: by jemalloc")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answer_of(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        return connection.getresponse().read()
    except OSError:
        return b""


def check_nginx():
    port = free_port()
    here = os.getcwd()
    user = "user root;" if os.getuid() == 0 else ""
    paths = " ".join(f"{kind}_temp_path {here};" for kind in
                     ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open("nginx.conf", "w") as out:
        out.write(f"daemon off; pid {here}/nginx.pid; error_log stderr; {user}\n"
                  "worker_processes 2;\n"
                  f"events {{}} http {{ access_log off; {paths}\n"
                  f"server {{ listen 127.0.0.1:{port};\n"
                  f"location / {{ return 200 'hello'; }} }} }}\n")
    recorder = alloctrap.start_record("run.atrap", ["nginx", "-c", f"{here}/nginx.conf"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checks.that(wait_for(lambda: answer_of(port) == b"hello"), "nginx: answers under record")
    checks.same([answer_of(port) for _ in range(REQUESTS)], [b"hello"] * REQUESTS,
                "nginx: answers again and again")
    recorder.send_signal(signal.SIGQUIT)
    checks.same(recorder.wait(timeout=WAIT_S), 0, "nginx: SIGQUIT is passed on, exits with 0")
    check_server("nginx", alloctrap.report("run.atrap"), 3)


def main():
    make_inputs()
    check_commands()
    for server, check in (("redis-server", check_redis), ("nginx", check_nginx)):
        if shutil.which(server):
            check()
        else:
            print(f"skip {server}: not installed; scripts/setup --test installs it")


with tempfile.TemporaryDirectory(prefix="alloctrap-real.") as work:
    os.chdir(work)
    main()
    os.chdir("/")
checks.finish()
