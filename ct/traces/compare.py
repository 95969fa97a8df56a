#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs an image (image.c) with several secrets under QEMU's user emulation with the plugin (plugin.c), compares the hashes
of each operation and prints them; names the first place where two traces differ. Called by scripts/traces-x86.

    compare.py BUILD IMAGE PROCESSOR SEEDS [PAGE]

With a page the table is written there as well, between `<!-- IMAGE PROCESSOR -->` and `<!-- end -->`.
"""
import bisect
import itertools
import os
import re
import subprocess
import sys

LEAKS, REVEALS = 4, 16
build, image, processor, seeds, *page = sys.argv[1:]
declared_list = f"{os.path.dirname(os.path.realpath(__file__))}/declared.txt"
path = f"{build}/{image}"
seeds = [int(seed) for seed in seeds.split(",")]
# Nothing of the surroundings may change what runs.
SURROUNDINGS = {"PATH": os.environ["PATH"]}


def symbols():
    """Functions of the image by address: (address, length, name)."""
    text = subprocess.run(["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in "tTwWi":
            found.append((int(words[0], 16), int(words[1], 16), words[3]))
    names = subprocess.run(["c++filt"], input="\n".join(n for _, _, n in found), capture_output=True, text=True, check=True)
    return sorted((at, size, readable(name)) for (at, size, _), name in zip(found, names.stdout.splitlines()))


def readable(name):
    return re.sub(r"::h[0-9a-f]{16}$|\[[0-9a-f]{16}\]", "", name)


FUNCTIONS = symbols()
STARTS = [at for at, _, _ in FUNCTIONS]


def function(pc):
    i = bisect.bisect_right(STARTS, pc) - 1
    if i < 0 or pc >= FUNCTIONS[i][0] + max(FUNCTIONS[i][1], 1):
        return None
    return FUNCTIONS[i]


def place(pc):
    found = function(pc)
    return f"{found[2]} + {pc - found[0]:#x}" if found else f"{pc:#x}"


def address_of(name):
    return next(at for at, _, found in FUNCTIONS if found == name)


def declared():
    """Lines of the list: kind (hold or slow), expression over the function's name, reason."""
    with open(declared_list, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    return [(kind, re.compile(expression), reason) for kind, expression, reason in lines]


DECLARED = declared()
HELD = [at for at, _, name in FUNCTIONS for kind, expression, _ in DECLARED if kind == "hold" and expression.search(name)]


def run(seed, *more, emulated=True):
    """What the image says: [(name, status, digest)]."""
    command = ["setarch", "-R"]
    if emulated:
        plugin = [f"{build}/libtraces.so", f"begin={address_of('proof_begin'):x}", f"end={address_of('proof_end'):x}"]
        plugin += [f"hold={at:x}" for at in HELD] + list(more)
        command += ["qemu-x86_64", "-cpu", processor, "-plugin", ",".join(plugin)]
    # The plugin ends the run behind the operation that is dumped.
    done = subprocess.run(command + [path, str(seed)], capture_output=True, text=True, env=SURROUNDINGS, check=False)
    if done.returncode != 0:
        sys.exit(f"traces: seed {seed} ended with {done.returncode}: {done.stdout[-300:]} {done.stderr[-2000:]}")
    return [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]


def read(file):
    """By operation: (hashes and counts, {place: how often})."""
    found = []
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            words = line.rstrip("\n").split("\t")
            if words[0] == "":
                found[-1][1][int(words[1], 16)] = int(words[2])
            else:
                found.append((words[1:], {}))
    return found


def first_difference(number, one, other):
    """Where the traces of an operation with two secrets part."""
    files = []
    for seed in one, other:
        files.append(f"{build}/{image}-{seed}.trace")
        run(seed, f"out={build}/again.tsv", f"dump={number}", f"trace={files[-1]}")
    pc = 0
    with open(files[0], encoding="utf-8") as a, open(files[1], encoding="utf-8") as b:
        for x, y in itertools.zip_longest(a, b):
            if x != y:
                what = "branch" if not x or not y or "I" in (x[0], y[0]) else "address"
                return f"{what} in {place(pc)}"
            if x[0] == "I":
                pc = int(x[2:], 16)
    return "not again"


def main():
    operations = [line.split("\t") for line in
                  subprocess.run([path, "list"], capture_output=True, text=True, check=True).stdout.splitlines()]
    said, traces = [], []
    for seed in seeds:
        said.append(run(seed, f"out={build}/{image}-{seed}.tsv"))
        traces.append(read(f"{build}/{image}-{seed}.tsv"))
    for number, seed in enumerate(seeds[:2]):
        if run(seed, emulated=False) != said[number]:
            sys.exit(f"traces: seed {seed}: the emulator does not compute what this processor computes")
    if any(len(each) != len(operations) for each in said + traces):
        sys.exit("traces: the secrets change the list of operations")

    bad = total = held = count = 0
    slow = {}
    say(HEAD)
    for number, (name, expected, flags, reason) in enumerate(operations):
        for each in said:
            if each[number][0] != name or each[number][1] != expected:
                sys.exit(f"traces: {name}: status {each[number][1]}, not {expected}")
        flags = int(flags)
        if flags & LEAKS and reason != "trace":
            continue
        (instructions, accesses, *hashes, entries), slow_here = traces[0][number]
        differs = next((i for i, trace in enumerate(traces) if trace[number] != traces[0][number]), None)
        difference = None
        if differs is not None:
            # Where it is known that they differ, and why, nobody asks for the place.
            difference = "differs" if flags & REVEALS else first_difference(number, seeds[0], seeds[differs])
        elif flags & LEAKS and slow_here and all(not of_list(pc) for pc in slow_here):
            # Operands are not seen: that there is a division at all is the finding.
            difference = f"division in {place(min(slow_here))}"
        if not flags & LEAKS:
            for pc, times in slow_here.items():
                slow[pc] = slow.get(pc, 0) + times
        if difference is None and flags & (LEAKS | REVEALS):
            remark, bad = "NOT CAUGHT, or declared without need", bad + 1
        elif difference is None:
            remark = "but for a declared function" if int(entries) else ""
            held += int(entries) > 0
        elif flags & LEAKS:
            remark = f"caught: {difference}"
        elif flags & REVEALS:
            remark = f"declared: {reason}"
        else:
            remark, bad = f"DIFFERENT: {difference}", bad + 1
        count += 1
        total += int(instructions)
        say([name, instructions, accesses, *(hashes if difference is None else ["-", "-"]), remark])
    say([f"{count} operations on `{processor}`, {len(seeds)} secrets each, {total} instructions each; "
         f"{held} with declared functions"])
    for at in HELD:
        say([f"  {function(at)[2]}: {of_hold(at)}"])
    if slow:
        say([f"Places that divide or compute with floating point: {len(slow)}"])
    for pc, times in sorted(slow.items()):
        why = of_list(pc)
        bad += why is None
        say([f"  {place(pc)}: {times} times: {why or 'NOT DECLARED'}"])
    if page:
        write(page[0])
    sys.exit(1 if bad else 0)


SAID = []
HEAD = ["operation", "instructions", "accesses", "instruction hash", "address hash", "remark"]


def say(words):
    print("\t".join(words))
    SAID.append(words)


def write(name):
    """The table, and below it the sentences, in the page; all other text is left as it is."""
    lines = []
    for words in SAID:
        if len(words) > 1:
            lines.append("| " + " | ".join(words) + " |")
            if words == HEAD:
                lines.append("| --- | ---: | ---: | ---: | ---: | --- |")
        else:
            lines += ["- " + words[0].strip()] if words[0].startswith(" ") else ["", words[0]]
    with open(name, encoding="utf-8") as file:
        before, rest = file.read().split(f"<!-- {image} {processor} -->\n", 1)
    after = rest[rest.index("<!-- end -->"):]
    with open(name, "w", encoding="utf-8") as file:
        file.write(before + f"<!-- {image} {processor} -->\n\n" + "\n".join(lines) + "\n\n" + after)


def of_hold(at):
    return next(reason for kind, expression, reason in DECLARED if kind == "hold" and expression.search(function(at)[2]))


def of_list(pc):
    name = (function(pc) or (0, 0, ""))[2]
    return next((reason for kind, expression, reason in DECLARED if kind == "slow" and expression.search(name)), None)


main()
