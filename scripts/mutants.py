# SPDX-License-Identifier: MIT OR Apache-2.0
"""Mutation testing with one build: every mutant that cargo-mutants lists for some files stands in the source behind a switch
of its own, and the tests run once for each with that switch thrown (PAYHSM_MUTANT).

    mutants.py TREE FILE...        in TREE, a copy of the repository, which it changes
    environment: OPERATORS         the program of mutants/
                 MINUTES           when to stop; the rest is said to be left
                 PAYHSM_SHARD      k/n: every n-th mutant

Prints a line for each file: mutants, caught, timeouts, missed, unviable, left; then `missed: NAME` for each that no test saw.
A mutant that the compiler does not take is unviable, as for cargo-mutants; so are those of a function for which the compiler
says no more than that something in it is wrong. Where a constant needs a function at compile time no switch can stand:
`constant` counts its mutants. What is unviable here, constant or left, `cargo mutants --file` alone can judge.
"""

import collections
import json
import os
import re
import subprocess
import sys
import time

TREE, FILES = os.path.abspath(sys.argv[1]), sys.argv[2:]
OPERATORS = os.environ["OPERATORS"]
# The tests that judge a module: its unit tests, and programs of tests/. Those of the layers below the module itself are
# built without the module and the C interface, which they do not use.
TESTS = {
    "cipher": ["kat_cipher", "prop_cipher"],
    "mac": ["kat_mac", "wycheproof"],
    "dukpt": ["kat_dukpt", "prop_dukpt"],
    "pin": ["kat_pin", "kat_card", "prop_pin", "prop_card"],
    "keyblock": ["kat_keyblock", "prop_keyblock"],
    "policy": ["key_usage", "key_confusion"],
}
DEADLINE = time.monotonic() + 60 * float(os.environ.get("MINUTES", "600"))
TIMEOUT = 60
SKIP = "impl .*(Debug|Display).* for|fn fmt|zeroize|declassify"
SWITCH = """
#[doc(hidden)]
#[allow(missing_docs)]
pub mod mutated {
    extern crate std;
    #[inline(never)]
    pub fn is(id: u32) -> bool {
        static ID: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
        *ID.get_or_init(|| std::env::var("PAYHSM_MUTANT").ok().and_then(|id| id.parse().ok()).unwrap_or(0)) == id
    }
}
"""


def module(file):
    return file.removeprefix("src/").split("/")[0].removesuffix(".rs")


MODULES = sorted({module(file) for file in FILES})
LOWER = "policy" not in MODULES


def listed():
    arguments = [word for file in FILES for word in ("--file", file)]
    out = subprocess.run(
        ["cargo", "mutants", "--list", "--json", "--no-shuffle", "--all-features", "--exclude-re", SKIP, *arguments],
        cwd=TREE, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    found, seen = [], set()
    for one in json.loads(out):
        key = json.dumps([one["file"], one["span"], one["replacement"]])
        if key not in seen:
            seen.add(key)
            found.append(one)
    if os.environ.get("PAYHSM_SHARD"):
        shard, of = map(int, os.environ["PAYHSM_SHARD"].split("/"))
        found = found[shard::of]
    for number, one in enumerate(found, 1):
        one["id"] = number
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
            genre, new = one["genre"], one["replacement"]
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
        print(f"building with {len(alive)} mutants", file=sys.stderr, flush=True)
        tests = [word for name in MODULES for test in TESTS[name] for word in ("--test", test)]
        run = subprocess.run(["cargo", "test", "--locked", "--all-features", "--lib", *tests, "--no-run", "--message-format=json"],
                             cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        messages = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        if run.returncode == 0:
            return [m["executable"] for m in messages if m.get("executable") and m["reason"] == "compiler-artifact"]
        fell = 0
        for message in messages:
            if message["reason"] != "compiler-message" or message["message"]["level"] != "error":
                continue
            error = message["message"]
            name = re.search(r"non-const (?:associated )?(?:function|method) `([^`]+)`", error["message"])
            if name:
                fell += fix(sources, constant, name[1].split("::")[-1])
            for span in error["spans"]:
                path = os.path.relpath(os.path.join(TREE, span["file_name"]), TREE)
                if path not in ranges or not span["is_primary"]:
                    continue
                inside = [one for a, b, one in ranges[path] if a <= span["byte_start"] < b and "state" not in one]
                if not inside and not name:
                    # What a mutant made of the function around it.
                    text = texts[path].encode()
                    line = text[: span["byte_start"]].rfind(b"\nfn "), text[: span["byte_start"]].rfind(b" fn ")
                    first = max(line)
                    last = text.find(b" fn ", span["byte_start"])
                    last = len(text) if last < 0 else last
                    inside = [one for a, _, one in ranges[path] if first <= a < last and "state" not in one]
                for one in inside:
                    one["state"] = "unviable"
                    fell += 1
        if not fell:
            for message in messages:
                if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
                    print(message["message"]["rendered"], file=sys.stderr)
            sys.exit("mutants: the copy does not compile")


def fix(sources, constant, name):
    fell = 0
    for path, source in sources.items():
        for match in re.finditer(r"const ((?:unsafe )?fn " + re.escape(name) + r"\b)", source.text):
            if (path, match.start()) not in constant:
                constant.add((path, match.start()))
                fell += 1
    return fell


def run(programs, mutant, name):
    environment = dict(os.environ, PAYHSM_MUTANT=str(mutant), CARGO_MANIFEST_DIR=TREE, RUST_BACKTRACE="0", PROPTEST_CASES="32")
    for program in programs:
        test = os.path.basename(program).rsplit("-", 1)[0]
        if test != "payhsm" and test not in TESTS[name]:
            continue
        filters = [name + "::"] if test == "payhsm" else []
        try:
            done = subprocess.run([program, "--quiet", *filters], cwd=TREE, env=environment, timeout=TIMEOUT,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return "timeout"
        if done.returncode != 0:
            return "caught"
    return "missed"


def main():
    # cargo-mutants follows modules, and no macro that declares them.
    path = os.path.join(TREE, "src/lib.rs")
    text = open(path).read()
    open(path, "w").write(text + "\n#[cfg(any())]\nmod cipher;\n#[cfg(any())]\nmod mac;\n")
    mutants = listed()
    sources = {path: Source(path) for path in sorted({one["file"] for one in mutants})}
    if LOWER:
        text = re.sub(r"^pub mod (hsm|capi);$", "#[cfg(any())] mod \\1;", text, flags=re.M)
    open(path, "w").write(text + SWITCH)
    programs = build(sources, mutants)
    programs.sort(key=lambda program: not os.path.basename(program).startswith("payhsm-"))
    for name in MODULES:
        assert run(programs, 0, name) == "missed", f"the tests of {name} fail without a mutant"
    # From all places alike, if the time is short.
    for one in sorted(mutants, key=lambda one: one["id"] * 7919 % 10007):
        if "state" not in one:
            one["state"] = run(programs, one["id"], module(one["file"])) if time.monotonic() < DEADLINE else "left"
    states = ("caught", "timeout", "missed", "unviable", "constant", "left")
    for path in sources:
        count = collections.Counter(one["state"] for one in mutants if one["file"] == path)
        print("\t".join([path, str(sum(count.values())), *(str(count[state]) for state in states)]))
    for one in mutants:
        if one["state"] == "missed":
            print("missed: " + re.sub(r"^([^:]+):\d+:\d+: ", r"\1: ", one["name"]) + f" (line {one['span']['start']['line']})")


main()
