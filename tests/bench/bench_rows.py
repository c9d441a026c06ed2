"""bench_rows - the loads that are measured: loops of the load program, and whole programs.

Every input is generated, the same each time. A row whose program is not installed is left out and named.
"""
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Callable, Optional

LOOPS = "loops"
PROGRAMS = "programs"


@dataclass
class Row:
    key: str
    name: str
    group: str
    prepare: Callable                  # (build, work folder, scale) -> the command, or None when missing
    environment: dict = field(default_factory=dict)
    client: Optional[object] = None    # for servers: what is timed is this client
    quick: bool = True
    goal: Optional[float] = None       # slow-down at most, everything recorded
    goal_no_free_stacks: Optional[float] = None


WARM_UP = 0.25  # of the pairs: a tool's start is not what the loops compare


@dataclass
class LoadCommand:
    """The load program; how many pairs it does depends on the tool, so that none takes minutes."""
    program: str
    options: str
    pairs: float
    warm_up: float = WARM_UP

    def for_share(self, share):
        pairs = max(1, int(self.pairs * share))
        return [self.program, "--result=load.json", *self.options.split(),
                f"--warm-up={int(pairs * self.warm_up)}", f"--pairs={pairs}"]


def load_command(build, options, pairs, warm_up=WARM_UP):
    return LoadCommand(os.path.join(build, "tests", "bench", "load"), options, pairs, warm_up)


def loop(key, name, options, pairs, quick=True):
    return Row(key, name, LOOPS, quick=quick,
               prepare=lambda build, work, scale: load_command(build, options, pairs * scale))


def loop_rows():
    deep = "--depth=32 --sites=64"
    return [
        loop("d3", "pair loop, depth 3", "--depth=3", 5000000),
        loop("d3-2t", "pair loop, depth 3, 2 threads", "--depth=3 --threads=2", 10000000),
        loop("d3-8t", "pair loop, depth 3, 8 threads", "--depth=3 --threads=8", 10000000, quick=False),
        loop("d32", "depth 32, 64 paths", deep, 5000000),
        loop("d32-2t", "depth 32, 64 paths, 2 threads", f"{deep} --threads=2", 10000000),
        loop("d32-8t", "depth 32, 64 paths, 8 threads", f"{deep} --threads=8", 10000000, quick=False),
        loop("d32-every", "depth 32, 64 paths, all frames differ", f"{deep} --branch=every", 5000000),
        loop("cross", "freed by another thread", "--mode=cross --threads=2", 3000000),
        loop("realloc", "grown by realloc (a pair = one call)", "--mode=realloc", 5000000),
        loop("empty", "no allocation at all", "--mode=empty", 5000000, quick=False),
    ]


def write_file(work, name, text):
    path = os.path.join(work, name)
    with open(path, "w") as out:
        out.write(text)
    return path


def installed(command):
    return command if shutil.which(command[0]) else None


def prepare_logparse(builder):
    def prepare(build, work, scale):
        folder = os.path.join(build, "tests", "workloads", "logparse")
        if not os.path.exists(os.path.join(folder, "logparse")):
            return None
        log = os.path.join(work, "access.log")
        if not os.path.exists(log):
            subprocess.run([os.path.join(folder, "loggen"), "--seed=1", f"--lines={int(400000 * scale)}",
                            "-o", log], check=True)
        return [os.path.join(folder, "logparse"), f"--builder={builder}", log]
    return prepare


def prepare_python(build, work, scale):
    program = ("import json\n"
               f"for i in range({int(180000 * scale)}):\n"
               "    text = json.dumps({'id': i, 'name': 'n%d' % i, 'tags': ['a', 'b', str(i)],\n"
               "                       'at': {'x': i / 7, 'y': [i, i + 1]}})\n"
               "    assert json.loads(text)['id'] == i\n")
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    return [python, write_file(work, "json_loop.py", program)]


def prepare_sqlite(build, work, scale):
    rows = int(1000000 * scale)
    text = (f"create table t(id integer primary key, name text, size int);\n"
            f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})\n"
            "insert into t select i, 'name' || (i * 7919 % 100003), i * 31 % 997 from n;\n"
            "create index t_name on t(name);\n"
            "select size, count(*), group_concat(substr(name, 5, 2)) from t group by size having size < 3;\n"
            "select count(*) from t a join t b on a.name = b.name where a.id < 20000;\n")
    return installed(["sqlite3", ":memory:", f".read {write_file(work, 'load.sql', text)}"])


def prepare_perl(build, work, scale):
    program = (f"my %h; for my $i (1 .. {int(1000000 * scale)}) {{\n"
               "  my @words = map { \"w$_\" . ($i * $_ % 1013) } 1 .. 4;\n"
               "  $h{join '-', @words[0, 1]} .= $words[2]; delete $h{$words[3]};\n"
               "}\nprint scalar(keys %h), \"\\n\";\n")
    return installed(["perl", write_file(work, "words.pl", program)])


def prepare_xmllint(build, work, scale):
    items = "".join(f'<item id="i{i}"><name>thing {i}</name><price unit="eur">{i % 997}.50</price></item>\n'
                    for i in range(int(600000 * scale)))
    return installed(["xmllint", "--noout", write_file(work, "items.xml", f"<list>\n{items}</list>\n")])


def prepare_git(build, work, scale):
    if not shutil.which("git"):
        return None
    folder = os.path.join(work, "repository")
    commits = int(40000 * scale)
    stream = "".join(
        f"commit refs/heads/main\ncommitter T <t@example.org> {1600000000 + i} +0000\n"
        f"data <<END\nchange {i}\nEND\nM 644 inline dir{i % 20}/file{i % 400}.txt\ndata <<END\nline {i}\nEND\n\n"
        for i in range(commits))
    subprocess.run(["git", "init", "-q", "--bare", folder], check=True)
    subprocess.run(["git", "-C", folder, "fast-import", "--quiet"], input=stream, text=True, check=True)
    return ["git", "-C", folder, "--no-pager", "log", "--stat", "main"]


def compiler_command(driver, source):
    """The compiler proper: what the driver would run, so that it is one process."""
    if not shutil.which(driver):
        return None
    said = subprocess.run([driver, "-###", "-O2", "-S", source, "-o", "/dev/null"], capture_output=True, text=True)
    lines = [line for line in said.stderr.splitlines() if "/cc1" in line]
    return shlex.split(lines[0]) if lines else None


def prepare_cc1(build, work, scale):
    functions = "".join(
        f"struct s{i} {{ int a[{i % 7 + 1}]; struct s{i} *next; }};\n"
        f"int f{i}(struct s{i} *s, int n)\n{{\n    int sum = {i};\n"
        f"    for (; s; s = s->next)\n        for (int i = 0; i < n; i++)\n"
        f"            sum += s->a[i % {i % 7 + 1}] * (n ^ {i}) + (sum >> {i % 5 + 1});\n    return sum;\n}}\n"
        for i in range(max(20, int(250 * scale))))
    return compiler_command("gcc", write_file(work, "generated.c", functions))


def prepare_cc1plus(build, work, scale):
    uses = "".join(f"int use{i}(std::map<std::string, std::vector<int>> &m) {{\n"
                   f"    auto &v = m[std::to_string({i})]; std::sort(v.begin(), v.end(), "
                   f"[](int a, int b) {{ return (a ^ {i}) < b; }});\n    return v.empty() ? 0 : v[0]; }}\n"
                   for i in range(max(2, int(20 * scale))))
    headers = "".join(f"#include <{name}>\n" for name in ("algorithm", "map", "string", "vector"))
    return compiler_command("g++", write_file(work, "generated.cc", headers + uses))


class RedisClient:
    """SETs in pipelines of 16 over a Unix socket, so that the server and not the socket is the limit."""
    requests = 1000000

    def cli(self, folder, *words):
        return subprocess.run(["redis-cli", "-s", "socket", *words], cwd=folder, capture_output=True,
                              text=True).stdout

    def is_up(self, folder):
        return self.cli(folder, "ping") == "PONG\n"

    def work(self, folder):
        subprocess.run(["redis-benchmark", "-s", "socket", "-t", "set", "-n", str(self.requests), "-P", "16",
                        "-c", "4", "-r", "100000", "-d", "64", "-q"], cwd=folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    def stop(self, folder):
        self.cli(folder, "shutdown", "nosave")


def redis(key, name, environment, goal=None, quick=True):
    client = RedisClient()

    def prepare(build, work, scale):
        client.requests = int(RedisClient.requests * scale)
        if not shutil.which("redis-benchmark"):
            return None
        return installed(["redis-server", "--port", "0", "--unixsocket", "socket", "--save", "", "--dir", "."])
    return Row(key, name, PROGRAMS, prepare, environment, client, quick, goal)


def program_rows():
    return [
        Row("concat", "log parser, naive", PROGRAMS, prepare_logparse("concat"), goal=2.6, goal_no_free_stacks=2.0),
        Row("pooled", "log parser, pooled", PROGRAMS, prepare_logparse("pooled")),
        Row("python", "python3 json, PYTHONMALLOC=malloc", PROGRAMS, prepare_python, {"PYTHONMALLOC": "malloc"},
            goal=1.6),
        Row("sqlite", "sqlite3, a table in memory", PROGRAMS, prepare_sqlite, goal=1.3),
        Row("cc1", "gcc's cc1 -O2, generated C", PROGRAMS, prepare_cc1, goal=1.15),
        Row("cc1plus", "g++'s cc1plus -O2, generated C++", PROGRAMS, prepare_cc1plus, goal=1.15, quick=False),
        Row("git", "git log --stat", PROGRAMS, prepare_git, goal=1.1),
        Row("xmllint", "xmllint", PROGRAMS, prepare_xmllint, goal=1.4),
        Row("perl", "perl, strings in a hash", PROGRAMS, prepare_perl, goal=1.25),
        redis("redis", "redis SET, Debian's (jemalloc)", {}, quick=False),
        redis("redis-libc", "redis SET, on libc's malloc", {"LD_PRELOAD": "libc.so.6"}, goal=1.2),
    ]


def all_rows():
    return loop_rows() + program_rows()
