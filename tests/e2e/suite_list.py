"""The test suites that suites.py runs, and how the results of each are read.

A suite's tests are a Counter of (result, name) with result one of "passed", "failed", "skipped";
names are kept without what differs from run to run.
"""
import collections
import dataclasses
import re


@dataclasses.dataclass
class Suite:
    """One row. Commands are the shell's, run in the folder of the sources."""
    name: str
    program: str  # the package whose version is shown
    long: str  # the command of scripts/soak
    parse: object  # output -> tests
    least: int  # passed tests of LONG, so that a suite that has fallen apart is no success
    seen: str  # a program that must be in the recording's tree of processes
    source: str = ""  # Debian's source package
    deb: str = ""  # a binary package, unpacked in a folder `deb` and not installed
    folder: str = ""  # where the commands run, within the sources
    prepare: str = ""  # run once
    needs: tuple = ()  # programs and headers that PREPARE and LONG use
    short: str = ""  # the command of scripts/test; none: not there
    short_least: int = 0
    pristine: bool = False  # without Debian's patches


WORDS = {"PASS": "passed", "ok": "passed", "PASSED": "passed", "Ok": "passed", "OK": "passed",
         "XFAIL": "passed", "expected failure": "passed",
         "FAIL": "failed", "not ok": "failed", "FAILED": "failed", "ERROR": "failed",
         "XPASS": "failed", "err": "failed", "exception": "failed",
         "SKIP": "skipped", "SKIPPED": "skipped", "skipped": "skipped", "UNTESTED": "skipped",
         "UNSUPPORTED": "skipped", "ignore": "skipped"}


def by_lines(pattern, flags=re.MULTILINE):
    """Each match of PATTERN is a test: its groups `result` and `name`."""
    compiled = re.compile(pattern, flags)

    def parse(output):
        return collections.Counter((WORDS[match["result"]], match["name"].strip())
                                   for match in compiled.finditer(output))
    return parse


def by_tap(output):
    """TAP lines; the file that they belong to is the last line "# FILE name" before them."""
    tests = collections.Counter()
    place = ""
    for line in output.split("\n"):
        if line.startswith("# FILE "):
            place = line[7:]
        match = re.match(r"\s*(not ok|ok)\b *(\d*)(.*)", line)
        if match:
            note = (re.findall(r"# *(todo|skip)\b", match[3], re.IGNORECASE) or [""])[0].lower()
            result = "failed" if match[1] == "not ok" and note != "todo" else "passed"
            result = "skipped" if note == "skip" else result
            tests[result, f"{place} {match[2]}"] += 1
    return tests


def by_silence(output):
    """bash's: a line "run-NAME", and whatever follows it says that the test has failed."""
    tests = collections.Counter()
    blocks = re.split(r"^(run-[\w-]+)$", output, flags=re.MULTILINE)
    for name, body in zip(blocks[1::2], blocks[2::2]):
        said = [line for line in body.split("\n") if re.match(r"\d+(,\d+)?[acd]\d", line)]
        tests["failed" if said else "passed", f"{name} {len(said)}"] += 1
    return tests


def by_sums(pattern):
    """For suites that name only what fails: each match of PATTERN has `passed` and `all`."""
    compiled = re.compile(pattern, re.MULTILINE)

    def parse(output):
        tests = collections.Counter()
        for match in compiled.finditer(output):
            tests["passed", "without a name"] += int(match["passed"])
            tests["failed", "without a name"] += int(match["all"]) - int(match["passed"])
        return tests
    return parse


AUTOMAKE = by_lines(r"^(?P<result>PASS|FAIL|SKIP|XFAIL|XPASS|ERROR|UNTESTED): (?P<name>.*)$")
PYTHON_TESTS = ("test_configparser test_ipaddress test_textwrap test_fractions test_string"
                " test_shlex test_urlparse")
PYTHON = "PYTHONMALLOC=malloc PYTHONPATH=$PWD/usr/lib/python3.11 /usr/bin/python3.11 -m test -v "

SUITES = [
    Suite(name="tcl", program="tcl8.6", source="tcl8.6", folder="tests", needs=("tclsh8.6",),
          short="tclsh8.6 all.tcl -singleproc 0 -verbose ps -file 'string.test list.test"
                " dict.test lsearch.test var.test proc.test apply.test binary.test format.test"
                " scan.test switch.test util.test trace.test namespace.test oo.test'",
          short_least=5000,
          long="tclsh8.6 all.tcl -singleproc 0 -verbose ps -notfile 'reg*.test http*.test"
               " socket*.test exec.test clock.test event.test io*.test chan*.test thread.test'",
          parse=by_lines(r"^(\+{4}|={4}) (?P<name>\S+)(?:.*?) (?P<result>PASSED|FAILED|SKIPPED)\b"),
          least=10000, seen="tclsh8.6"),
    Suite(name="python", program="python3.11", deb="libpython3.11-testsuite", folder="deb",
          needs=("/usr/bin/python3.11",),
          prepare="cp -rn /usr/lib/python3.11/test/. usr/lib/python3.11/test",
          long=PYTHON + PYTHON_TESTS,
          parse=by_lines(r"^(?P<name>test\w* \([\w.]+\))[^\n]*?(?:\n[^\n]*?)? \.\.\. [^\n]*?"
                         r"(?P<result>ok|FAIL|ERROR|skipped|expected failure)\b"),
          least=700, seen="python3.11"),
    Suite(name="bash", program="bash", source="bash", folder="tests", needs=("gcc",),
          prepare="touch ../config.h; for one in recho zecho printenv xcase; do"
                  " gcc -w -I.. -I../include -DHAVE_STRING_H -DHAVE_STDLIB_H -DHAVE_UNISTD_H"
                  " -o $one ../support/$one.c || exit; done",
          # 6,856 comparisons of one kind, with two subshells each
          long="rm -f run-ifs-posix; THIS_SH=/bin/bash bash run-all",
          parse=by_silence, least=60, seen="bash"),
    Suite(name="jq", program="jq", source="jq", pristine=True, needs=("jq",),
          long="for file in jq onig base64; do jq -L tests/modules --run-tests tests/$file.test;"
               " done",
          parse=by_sums(r"^(?P<passed>\d+) of (?P<all>\d+) tests passed"),
          least=300, seen="jq"),
    Suite(name="busybox", program="busybox", source="busybox", folder="testsuite",
          deb="busybox",
          long="bindir=$PWD/.. tsdir=$PWD sh ./runtest -v awk grep sed sort tar cut diff find"
               " printf tr uniq xargs od head tail tee wc expr patch test cp mv ls",
          prepare="cp ../deb/bin/busybox ..; cp ../debian/config/pkg/deb ../.config",
          parse=AUTOMAKE, least=200, seen="busybox"),
    Suite(name="redis", program="redis-server", source="redis",
          needs=("redis-server", "redis-cli", "redis-benchmark", "tclsh8.6"),
          prepare="for one in server cli benchmark check-aof check-rdb sentinel; do"
                  " ln -sf $(command -v redis-$one) src/redis-$one; done",
          long="tclsh8.6 tests/test_helper.tcl --clients 1 --verbose --tags '-needs:debug'"
               " --single unit/type/string --single unit/type/list --single unit/type/hash",
          parse=by_lines(r"^\[(?P<result>ok|err|exception|ignore)\]: (?P<name>.*?)"
                         r"(?: \(\d+ ms\))?$"),
          least=100, seen="redis-server"),
    Suite(name="gawk", program="gawk", source="gawk", folder="test", needs=("gawk", "make"),
          # its Makefile without what configure would fill in, and without the rules that call it
          prepare="sed -e 's/@srcdir@/./; s/@[A-Za-z_]*@//g' -e '/^$(srcdir).Makefile.in:/,"
                  "/^$(am__aclocal_m4_deps):/d' -e '/^Makefile:/,/esac;/d'"
                  " Makefile.in >Makefile",
          long="for ok in *.ok; do name=${ok%.ok}; rm -f _$name;"
               " make -s AWKPROG=/usr/bin/gawk SHELL=/bin/sh $name 2>&1;"
               " if [ -e _$name ]; then echo FAIL: $name; else echo PASS: $name; fi; done",
          parse=AUTOMAKE, least=400, seen="gawk"),
    Suite(name="perl", program="perl", source="perl", folder="t", needs=("perl",),
          prepare="cp -rLn /usr/share/perl/5.36/. /usr/lib/x86_64-linux-gnu/perl/5.36/."
                  " /usr/lib/x86_64-linux-gnu/perl-base/. ../lib; ln -sf /usr/bin/perl perl",
          long="for file in base/*.t cmd/*.t op/[a-d]*.t op/h*.t; do echo \"# FILE $file\";"
               " timeout 60 ./perl -I../lib $file; done",
          parse=by_tap, least=8000, seen="perl"),
]
