# SPDX-License-Identifier: MIT OR Apache-2.0
"""Mutation testing with one build: every mutant that cargo-mutants lists for some files stands in the source behind a switch
of its own. Each test runs once alone, with no switch thrown, and it is written down which switches it passes and how long it
takes. Then each mutant is thrown (PAYHSM_MUTANT) for the tests that pass it, one after the other, the quickest first, until
one fails: first those of the module itself, then the wider ones.

    mutants.py TREE FILE...        in TREE, a copy of the repository, which it changes
    environment: OPERATORS         the program of mutants/
                 EXPLAINED         scripts/mutants.txt
                 VERDICTS          a file of what was found before: what was caught, or cannot be compiled, stays so as long
                                   as the source is the same but for its tests
                 JOBS              tests at a time (1)
                 MINUTES           when to stop; the rest is said to be left
                 PAYHSM_SHARD      k/n: every n-th mutant
                 WIDER             the wider programs
                 CONSTANTS         n: of the mutants in tables of ciphers that are computed at compile time every n-th
                 PAYHSM_ONLY       a regular expression: the mutants of such names alone

Prints a line for each file: mutants, caught, timeouts, unviable, missed, explained, constant, left; then `missed: NAME` for each
that no test saw and EXPLAINED does not name, and `stale: LINE` for each line there that explains none.
A mutant that the compiler does not take is unviable, as for cargo-mutants; so are those of a function for which the compiler
says no more than that something in it is wrong. Where a constant needs a function at compile time no switch can stand: these
mutants are built one by one, with the layers below the module alone, and judged by its unit tests; `constant` are those that
were not built, and those that the unit tests alone do not see.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

TREE, FILES = os.path.abspath(sys.argv[1]), sys.argv[2:]
OPERATORS = os.environ["OPERATORS"]
# The tests that judge a module: its unit tests, and programs of tests/; what these do not see, the wider ones may.
TESTS = {
    "cipher": ["kat_cipher", "prop_cipher", "zeroize"],
    "mac": ["kat_mac", "wycheproof", "zeroize"],
    "dukpt": ["kat_dukpt", "prop_dukpt", "store", "zeroize"],
    "pin": ["kat_pin", "kat_card", "prop_pin", "prop_card", "zeroize"],
    "keyblock": ["kat_keyblock", "prop_keyblock", "key_block_profiles", "zeroize"],
    "policy": ["key_usage", "key_confusion"],
}
WIDER = os.environ.get("WIDER", "hsm power_cut").split()
DEADLINE = time.monotonic() + 60 * float(os.environ.get("MINUTES", "600"))
# In seconds without a mutant: no test that takes longer is run with one; and so much of the wider tests is run.
SLOWEST = 20
WIDER_TIME = 40
# Lints are no judges of mutants; and what is run a thousand times is worth being optimised, but not debugged.
BUILD = dict(os.environ, RUSTFLAGS="--cap-lints=warn", CARGO_PROFILE_DEV_OPT_LEVEL="1", CARGO_PROFILE_DEV_DEBUG="0",
             CARGO_INCREMENTAL="0")
SKIP = "impl .*(Debug|Display).* for|fn fmt|zeroize|declassify"
SWITCH = """
#[doc(hidden)]
#[allow(missing_docs, missing_debug_implementations)]
pub mod mutated {
    pub extern crate std;
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};

    static PASSED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

    fn thrown() -> (u32, Option<std::fs::File>) {
        let id = std::env::var("PAYHSM_MUTANT").ok().and_then(|id| id.parse().ok()).unwrap_or(0);
        (id, std::env::var_os("PAYHSM_PASSED").map(|path| std::fs::File::create(path).unwrap()))
    }

    #[inline(never)]
    pub fn is(id: u32) -> bool {
        static THROWN: std::sync::OnceLock<(u32, Option<std::fs::File>)> = std::sync::OnceLock::new();
        let (thrown, passed) = THROWN.get_or_init(thrown);
        if let Some(mut file) = passed.as_ref()
            && !PASSED[id as usize].swap(true, Ordering::Relaxed)
        {
            file.write_all(std::format!("{id}\\n").as_bytes()).unwrap();
        }
        *thrown == id
    }
}
"""


HEAP = {"Vec::": "crate::mutated::std::vec::Vec::", "vec!": "crate::mutated::std::vec!", "Box::": "crate::mutated::std::boxed::Box::"}


def module(file):
    return file.removeprefix("src/").split("/")[0].removesuffix(".rs")


MODULES = sorted({module(file) for file in FILES})
PROGRAMS = list(dict.fromkeys(test for tests in [*(TESTS[name] for name in MODULES), WIDER] for test in tests))


def log(text):
    print(text, file=sys.stderr, flush=True)


def title(one):
    return re.sub(r"^([^:]+):\d+:\d+: ", r"\1: ", one["name"])


def source_of(file):
    """What a file says before its tests, in short."""
    text = open(os.path.join(TREE, file)).read().split("\n#[cfg(test)]\nmod tests {")[0]
    return hashlib.sha256(text.encode()).hexdigest()


def known():
    """The verdicts of earlier runs that stand."""
    try:
        old = json.load(open(os.environ["VERDICTS"]))
    except (KeyError, FileNotFoundError):
        return {}
    return {key(one): one["state"] for one in old if one.get("state", "left") not in ("missed", "explained", "left")}


def key(one):
    return json.dumps([one["name"], one["replacement"], one["source"]])


def save(mutants):
    if os.environ.get("VERDICTS"):
        json.dump(mutants, open(os.environ["VERDICTS"], "w"), indent=1)


def listed():
    arguments = [word for file in FILES for word in ("--file", file)]
    out = subprocess.run(
        ["cargo", "mutants", "--list", "--json", "--no-shuffle", "--all-features", "--exclude-re", SKIP, *arguments],
        cwd=TREE, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    found, seen = [], set()
    for one in json.loads(out):
        place = json.dumps([one["file"], one["span"], one["replacement"]])
        if place not in seen:
            seen.add(place)
            found.append(one)
    only = re.compile(os.environ.get("PAYHSM_ONLY", ""))
    found = [one for one in found if only.search(title(one))]
    if os.environ.get("PAYHSM_SHARD"):
        shard, of = map(int, os.environ["PAYHSM_SHARD"].split("/"))
        found = found[shard::of]
    verdicts = known()
    for number, one in enumerate(found, 1):
        one["id"] = number
        one["source"] = source_of(one["file"])
        if key(one) in verdicts:
            one["state"] = verdicts[key(one)]
    return found


class Source:
    """A file, and what goes into it."""

    def __init__(self, path):
        self.path, self.text = path, open(os.path.join(TREE, path)).read()
        self.starts = [0]
        for line in self.text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.operators = {}
        lines = subprocess.run([OPERATORS, os.path.join(TREE, path)], check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in lines.splitlines():
            operator, start, end = (self.at(*map(int, place.split(":"))) for place in line.split())
            self.operators[operator] = (start, end)

    def at(self, line, column):
        return self.starts[line - 1] + column - 1

    def span(self, span):
        return self.at(span["start"]["line"], span["start"]["column"]), self.at(span["end"]["line"], span["end"]["column"])

    def write(self, mutants, constant):
        """The file with the switches of `mutants`; gives the ranges of what each of them put there."""
        before, behind = collections.defaultdict(list), collections.defaultdict(list)
        unfixed = set()
        for one in mutants:
            start, end = self.span(one["span"])
            switch = f"crate::mutated::is({one['id']})"
            # The crate has no heap of its own.
            genre, new = one["genre"], re.sub(r"\b(Vec::|vec!|Box::)", lambda word: HEAP[word[1]], one["replacement"])
            function = one.get("function")
            if function:
                first, last = self.span(function["span"])
                head = re.compile(r"const ((?:unsafe )?fn )").search(self.text, first, start)
                if head and "{" not in self.text[first:head.start()]:
                    if (self.path, head.start()) in constant:
                        one["state"] = "constant"
                        continue
                    unfixed.add(head.start())
            if genre == "FnValue":
                before[start].append((end, one, f"if {switch} {{ return {new}; }} "))
            elif genre in ("BinaryOperator", "UnaryOperator"):
                if start not in self.operators:
                    one["state"] = "unviable"
                    continue
                first, last = self.operators[start]
                other = self.text[first:start] + new + self.text[end:last]
                before[first].append((last, one, f"(if {switch} {{ {other} }} else {{ "))
                behind[last].append((first, " })"))
            elif genre == "MatchArmGuard":
                before[start].append((end, one, f"(if {switch} {{ {new} }} else {{ "))
                behind[end].append((start, " })"))
            elif genre == "MatchArm":
                arrow = top(self.text, start, end, "=>")
                guard = top(self.text, start, arrow, " if ") if arrow is not None else None
                if arrow is None:
                    one["state"] = "unviable"
                elif guard is None:
                    before[arrow].append((arrow, one, f"if !{switch} "))
                else:
                    before[guard + 4].append((arrow, one, f"!{switch} && ("))
                    behind[arrow].append((guard + 4, ") "))
            else:
                one["state"] = "unviable"
        out, ranges = "", []
        for place in range(len(self.text) + 1):
            # Inner ends first; outer beginnings first.
            for _, text in sorted(behind.get(place, []), key=lambda item: -item[0]):
                out += text
            for _, one, text in sorted(before.get(place, []), key=lambda item: -item[0]):
                ranges.append((len(out.encode()), len(out.encode()) + len(text.encode()), one))
                out += text
            if place < len(self.text):
                inside = any(fn <= place < fn + len("const ") for fn in unfixed)
                out += "" if inside else self.text[place]
        open(os.path.join(TREE, self.path), "w").write(out)
        return ranges, out


def top(text, start, end, what):
    """Where `what` stands outside of all brackets."""
    depth = 0
    for place in range(start, end):
        if depth == 0 and text.startswith(what, place):
            return place
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[place], 0)
    return None


def build(sources, mutants):
    """Writes and compiles, and leaves out what does not compile, until all compiles. Gives the test programs."""
    constant = set()
    while True:
        alive = [one for one in mutants if "state" not in one]
        ranges, texts = {}, {}
        for path, source in sources.items():
            ranges[path], texts[path] = source.write([one for one in alive if one["file"] == path], constant)
        alive = [one for one in mutants if "state" not in one]
        log(f"building with {len(alive)} mutants")
        tests = [word for test in PROGRAMS for word in ("--test", test)]
        # Only what is checked and taken is worth being compiled.
        for command in (["check", "--profile", "test", "--lib"], ["test", "--lib", *tests, "--no-run"]):
            run = subprocess.run(["cargo", *command, "--locked", "--all-features", "--message-format=json"], cwd=TREE, env=BUILD,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            messages = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
            if run.returncode != 0:
                break
        else:
            return [m["executable"] for m in messages if m.get("executable") and m["reason"] == "compiler-artifact"]
        fell = 0
        for message in messages:
            if message["reason"] != "compiler-message" or message["message"]["level"] != "error":
                continue
            error = message["message"]
            name = re.search(r"non-const (?:associated )?(?:function|method) `([^`]+)`", error["message"])
            inside, state = [], "unviable"
            if name and name[1].split("::")[-1] != "is":
                known, fixed = fix(sources, constant, name[1].split("::")[-1])
                fell += fixed
                if known:
                    continue
            elif name:
                # In the value of a constant.
                state = "constant"
            places = [(os.path.relpath(os.path.join(TREE, span["file_name"]), TREE), span["byte_start"], span["is_primary"])
                      for span in error["spans"]]
            places = [place for place in places if place[0] in ranges]
            for wanted in (True, False):
                inside = inside or [one for path, at, primary in places if primary == wanted
                                    for a, b, one in ranges[path] if a <= at < b]
            if not inside:
                # What a mutant made of the function around it: likely one of those that return.
                for path, at, _ in places:
                    text = texts[path].encode()
                    first = max((match.start() for match in re.finditer(rb"\bfn ", text[:at])), default=0)
                    last = re.search(rb"\bfn ", text[at:])
                    last = at + last.start() if last else len(text)
                    around = [one for a, _, one in ranges[path] if first <= a < last and "state" not in one]
                    inside = [one for one in around if one["genre"] == "FnValue"] or around
                    log(f"{error['message']}: {path}: {len(inside)} of {len(around)}: {text[first:first + 40].decode()}")
            for one in inside:
                fell += "state" not in one
                one.setdefault("state", state)
        if not fell:
            for message in messages:
                if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
                    print(message["message"]["rendered"], file=sys.stderr)
            sys.exit("mutants: the copy does not compile")


def fix(sources, constant, name):
    """Functions of this name stay constant: how many there are, and how many were not."""
    known, before = 0, len(constant)
    for path, source in sources.items():
        for match in re.finditer(r"const ((?:unsafe )?fn " + re.escape(name) + r"\b)", source.text):
            constant.add((path, match.start()))
            known += 1
    return known, len(constant) - before


class Test:
    """A test alone, what it passes and how long it takes."""

    def __init__(self, program, name):
        self.program, self.name = program, name
        self.file = os.path.basename(program).rsplit("-", 1)[0]

    def run(self, timeout, **switches):
        environment = dict(os.environ, CARGO_MANIFEST_DIR=TREE, RUST_BACKTRACE="0", PROPTEST_CASES="32", PROPTEST_RNG_SEED="1", **switches)
        return subprocess.run([self.program, "--quiet", "--exact", self.name], cwd=TREE, env=environment, timeout=timeout,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def measure(self):
        self.passed, self.sound = set(), False
        with tempfile.NamedTemporaryFile() as file:
            start = time.monotonic()
            try:
                self.sound = self.run(2 * SLOWEST, PAYHSM_PASSED=file.name)
                self.passed = set(map(int, file.read().split()))
            except subprocess.TimeoutExpired:
                self.sound = True
            self.time = time.monotonic() - start

    def judges(self, name):
        """0 for a test of the module, 1 for a wider one, None."""
        if self.file == "payhsm":
            return 0 if self.name.startswith(name + "::") else 1
        return 0 if self.file in TESTS[name] else 1


def tests(programs, workers):
    found = []
    for program in programs:
        names = subprocess.run([program, "--list", "--format", "terse"], cwd=TREE, check=True, stdout=subprocess.PIPE, text=True).stdout
        ignored = subprocess.run([program, "--list", "--format", "terse", "--ignored"], cwd=TREE, check=True, stdout=subprocess.PIPE, text=True).stdout
        found += [Test(program, line.removesuffix(": test")) for line in sorted(set(names.splitlines()) - set(ignored.splitlines())) if line.endswith(": test")]
    log(f"measuring {len(found)} tests")
    list(workers.map(Test.measure, found))
    for test in found:
        if not test.sound:
            log(f"fails without a mutant: {test.file} {test.name}")
    slow = [test for test in found if test.time > SLOWEST]
    for test in slow:
        log(f"not run with mutants: {test.file} {test.name}: {test.time:.0f} s")
    return [test for test in found if test.sound and test not in slow]


def judge(one, found):
    name = module(one["file"])
    mine = sorted((test for test in found if one["id"] in test.passed), key=lambda test: (test.judges(name), test.time))
    one["state"] = "missed"
    wider = 0
    for test in mine:
        if test.judges(name):
            # That the wider tests see no more is what an explanation says.
            wider += test.time
            if one["explained"] or wider > WIDER_TIME:
                return
        if time.monotonic() > DEADLINE:
            one["state"] = "left"
            return
        try:
            if not test.run(3 + 5 * test.time, PAYHSM_MUTANT=str(one["id"])):
                one["state"], one["by"] = "caught", f"{test.file} {test.name}"
                return
        except subprocess.TimeoutExpired:
            one["state"], one["by"] = "timeout", f"{test.file} {test.name}"
            return


# Modules that others do not need, and those that one does not need.
UPPER = ["hsm", "capi", "store", "batch", "emv", "inject", "card"]
LOWER = {
    "cipher": ["kdf", "mac", "rsa", "ecdh", "ecdsa", "key", "dukpt", "keyblock", "pin", "policy"],
    "policy": ["kdf", "rsa", "ecdh", "ecdsa", "dukpt", "keyblock", "pin"],
}


def built_and_run(name):
    # What is computed at compile time may never end: the compiler is stopped then, as it would stop by itself.
    command = ["timeout", "300", "cargo", "test", "--locked", "--all-features", "--lib", "--no-run", "--message-format=json"]
    run = subprocess.run(command, cwd=TREE, env=dict(BUILD, CARGO_INCREMENTAL="1"), stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True)
    if run.returncode != 0:
        return "unviable"
    messages = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    (program,) = [m["executable"] for m in messages if m.get("executable")]
    try:
        done = subprocess.run([program, "--quiet", name + "::"], cwd=TREE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, CARGO_MANIFEST_DIR=TREE, PROPTEST_CASES="32"), timeout=60)
    except subprocess.TimeoutExpired:
        return "timeout"
    return "caught" if done.returncode else "missed"


def constants(sources, mutants, text):
    """Judges mutants that a constant needs at compile time by a build for each, of their layer and those below it."""
    for path, source in sources.items():
        open(os.path.join(TREE, path), "w").write(source.text)
    work = [one for one in mutants if one["state"] == "constant"]
    tables = [one for one in work if module(one["file"]) == "cipher"]
    work = [one for one in work if one not in tables] + tables[:: int(os.environ.get("CONSTANTS", "1"))]
    log(f"building for each of {len(work)} constant mutants")
    sound = set()
    for one in work:
        if one["explained"]:
            one["state"] = "missed"
            continue
        if time.monotonic() > DEADLINE:
            return
        name = module(one["file"])
        lib = text
        for other in UPPER + LOWER.get(name, []):
            lib = re.sub(rf"^( *)(?:pub )?(mod )?{other}([;,])$", rf"\1#[cfg(any())]\n\1\2{other}\3", lib, flags=re.M)
        open(os.path.join(TREE, "src/lib.rs"), "w").write(lib)
        if name not in sound and built_and_run(name) != "missed":
            sys.exit(f"mutants: the tests of {name} alone fail without a mutant")
        sound.add(name)
        source = sources[one["file"]]
        start, end = source.span(one["span"])
        new = one["replacement"] if one["genre"] not in ("MatchArm", "StructField") else ""
        path = os.path.join(TREE, one["file"])
        open(path, "w").write(source.text[:start] + new + source.text[end:])
        verdict = built_and_run(name)
        # The other tests were not asked.
        one["state"] = "constant" if verdict == "missed" else verdict
        if one["state"] != "caught":
            log(f"constant, {verdict}: {title(one)} (line {one['span']['start']['line']})")
        open(path, "w").write(source.text)
        save(mutants)


def explained():
    """The lines of EXPLAINED: a name, or a regular expression between slashes; a tab; why."""
    for line in open(os.environ["EXPLAINED"]):
        if not line.startswith("#"):
            name, _ = line.rstrip("\n").split("\t")
            yield name, re.compile(name[1:-1] if name.startswith("/") else re.escape(name))


def main():
    # cargo-mutants follows modules, and no macro that declares them.
    path = os.path.join(TREE, "src/lib.rs")
    text = open(path).read()
    open(path, "w").write(text + "\n#[cfg(any())]\nmod cipher;\n#[cfg(any())]\nmod mac;\n")
    mutants = listed()
    sources = {path: Source(path) for path in sorted({one["file"] for one in mutants})}
    open(path, "w").write(text + SWITCH.replace("COUNT", str(len(mutants) + 1)))
    explanations = list(explained())
    for one in mutants:
        one["explained"] = any(pattern.fullmatch(title(one)) for _, pattern in explanations)
    start = time.monotonic()
    programs = build(sources, mutants)
    built = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "1"))) as workers:
        found = tests(programs, workers)
        measured = time.monotonic()
        # From all places alike, if the time is short.
        order = sorted((one for one in mutants if "state" not in one), key=lambda one: one["id"] * 7919 % 10007)
        for done, one in enumerate(workers.map(lambda one: judge(one, found) or one, order), 1):
            if one["state"] != "caught":
                log(f"{done}/{len(order)} {one['state']}: {title(one)} (line {one['span']['start']['line']})")
    log(f"built in {built - start:.0f} s, measured in {measured - built:.0f}, judged in {time.monotonic() - measured:.0f}")
    save(mutants)
    constants(sources, mutants, text)
    save(mutants)
    stale = []
    for name, pattern in explanations:
        hit = [one for one in mutants if pattern.fullmatch(title(one))]
        for one in hit:
            if one["state"] == "missed":
                one["state"] = "explained"
        if hit and all(one["state"] in ("caught", "timeout") for one in hit):
            stale.append(name)
    states = ("caught", "timeout", "unviable", "missed", "explained", "constant", "left")
    print("\t".join(["file", "mutants", *states]))
    for path in [*sources, "all"]:
        count = collections.Counter(one["state"] for one in mutants if path in (one["file"], "all"))
        print("\t".join([path, str(sum(count.values())), *(str(count[state]) for state in states)]))
    for one in mutants:
        if one["state"] == "missed":
            print(f"missed: {title(one)} (line {one['span']['start']['line']})")
    for name in stale:
        print(f"stale: {name}")


main()
