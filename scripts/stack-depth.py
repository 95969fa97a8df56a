# SPDX-License-Identifier: MIT OR Apache-2.0
"""Worst-case stack of each C function of a linked image, from its frames and its call graph.

    stack-depth.py IMAGE     prints TSV: "stack" C function, bytes, deepest way
                             "indirect" function, calls through a register
                             "taken" function whose address is taken, "unasked" function without a record

IMAGE is an ARM ELF file with symbols, linked from objects compiled with `-Z emit-stack-sizes`. A frame is what the
compiler says (`.stack_sizes`); for a function that the compiler was not asked about (built-ins, assembly) it is what its
instructions push. A call through a register goes to the platform, or to any function of the image whose address is
taken: the deepest of them is counted, the platform's own stack is not. Recursion is an error: there is no bound for it.
"""

import bisect
import os
import re
import struct
import subprocess
import sys


def fail(text):
    sys.exit(f"stack-depth: {text}")


class Elf:
    def __init__(self, path):
        self.data = open(path, "rb").read()
        if self.data[:6] != b"\x7fELF\x01\x01":
            fail("not a little-endian 32-bit ELF file")
        (offset,) = struct.unpack_from("<I", self.data, 32)
        size, count, names = struct.unpack_from("<HHH", self.data, 46)
        raw = [struct.unpack_from("<10I", self.data, offset + n * size) for n in range(count)]
        self.sections = [(self.text(raw[names], r[0]), r) for r in raw]

    def text(self, section, at):
        start = section[4] + at
        return self.data[start : self.data.index(b"\0", start)].decode()

    def content(self, section):
        return self.data[section[4] : section[4] + section[5]] if section[1] != 8 else b""

    def symbols(self):
        """(address, size, name, type) of every symbol."""
        for _, section in self.sections:
            if section[1] == 2:
                strings = self.sections[section[6]][1]
                for at in range(section[4], section[4] + section[5], 16):
                    name, value, size, info, _, index = struct.unpack_from("<IIIBBH", self.data, at)
                    if index:
                        yield value, size, self.text(strings, name), info & 15

    def stack_sizes(self):
        frames = {}
        for name, section in self.sections:
            if name == ".stack_sizes":
                data, at = self.content(section), 0
                while at + 4 < len(data):
                    (address,) = struct.unpack_from("<I", data, at)
                    at, shift, value = at + 4, 0, 0
                    while True:
                        byte = data[at]
                        value |= (byte & 127) << shift
                        at, shift = at + 1, shift + 7
                        if byte < 128:
                            break
                    frames[address & ~1] = value
        return frames


CALL = re.compile(r"^(bl|blx)\s+([0-9a-f]+) <")
JUMP = re.compile(r"^(b|b\.n|b\.w|b(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)(?:\.[nw])?)\s+([0-9a-f]+) <")
THROUGH = re.compile(r"^(?:blx|bx)(?:\w\w)?\s+(?!lr)(r\d+|ip|sl|fp)\b")
WORD = re.compile(r"^\.word\s+0x([0-9a-f]*[13579bdf])$")
MOVW = re.compile(r"^movw\s+(\w+), #(\d+)")
MOVT = re.compile(r"^movt\s+(\w+), #(\d+)")


def disassemble(path):
    tool = os.environ.get("OBJDUMP", "arm-none-eabi-objdump")
    out = subprocess.run([tool, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        match = re.match(r"^\s*([0-9a-f]+):\t(.*)$", line)
        if match:
            yield int(match[1], 16), match[2].split(";")[0].strip()


def pushed(text):
    """Bytes by which an instruction lowers the stack pointer."""
    match = re.match(r"^(?:push|stmdb\s+sp!,|vpush)\w*(?:\.\w)?\s*\{([^}]*)\}", text)
    if match:
        count = 0
        for part in match[1].split(","):
            ends = [int(n) for n in re.findall(r"\d+", part)]
            count += ends[1] - ends[0] + 1 if "-" in part else 1
        return count * (8 if text.startswith("vpush") else 4)
    match = re.match(r"^sub(?:w|\.w)?\s+sp, (?:sp, )?#(\d+)", text)
    if match:
        return int(match[1])
    match = re.match(r"^str(?:\.w)?\s+\w+, \[sp, #-(\d+)\]!", text)
    return int(match[1]) if match else 0


def demangled(names):
    out = subprocess.run(["arm-none-eabi-c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    return dict(zip(names, (re.sub(r"\[[0-9a-f]{16}\]", "", line) for line in out.stdout.splitlines())))


def main():
    elf = Elf(sys.argv[1])
    names, extent = {}, {}
    for value, size, name, kind in elf.symbols():
        if kind == 2:
            start = value & ~1
            # The C name, where one function has several.
            if start not in names or name.startswith("payhsm_"):
                names[start] = name
            extent[start] = max(size, extent.get(start, 0))
    starts = sorted(names)

    frames, calls, jumps, through, taken = {}, {}, {}, {}, set()
    told = elf.stack_sizes()
    if not told:
        fail("no .stack_sizes in the image")
    low = {}
    def owner(address):
        at = bisect.bisect_right(starts, address) - 1
        return starts[at] if at >= 0 else None

    for address, text in disassemble(sys.argv[1]):
        here = owner(address)
        # Behind a function the linker fills up.
        if here is None or extent[here] and address >= here + extent[here]:
            continue
        frames[here] = frames.get(here, 0) + pushed(text)
        text = text.replace("\t", " ")
        if match := CALL.match(text):
            to = int(match[2], 16)
            # A Cortex-M0 has no other far branch within a function.
            if to == here or owner(to) != here:
                calls.setdefault(here, set()).add(to)
        elif match := JUMP.match(text):
            to = int(match[2], 16)
            if to in names and to != here:
                jumps.setdefault(here, set()).add(to)
            elif owner(to) != here:
                fail(f"{address:#x}: a branch from {names[here]} to {to:#x} in the middle of {names[owner(to)]}")
        elif THROUGH.match(text):
            through[here] = through.get(here, 0) + 1
        elif match := WORD.match(text):
            taken.add(int(match[1], 16) & ~1)
        if match := MOVW.match(text):
            low[match[1]] = int(match[2])
        elif match := MOVT.match(text):
            taken.add((int(match[2]) << 16 | low.get(match[1], 0)) & ~1)
    for address, frame in told.items():
        frames[address] = frame

    # Every word that could be the address of a function; in code those that the disassembler knows for data.
    for _, section in elf.sections:
        if section[1] == 1 and section[2] & 6 == 2:
            data = elf.content(section)
            for at in range(0, len(data) - 3, 4):
                (word,) = struct.unpack_from("<I", data, at)
                if word & 1:
                    taken.add(word & ~1)
    # A word may look like one; what the library gives out is never one of the C functions.
    taken = {a for a in taken if a in names and not names[a].startswith("payhsm_")}

    for caller, targets in calls.items():
        for to in targets:
            if to not in names:
                fail(f"{names[caller]} calls {to:#x}, which is no function")

    depth, on_way = {}, []

    def below(function):
        """Depth with its own frame, and the way."""
        if function in depth:
            return depth[function]
        if function in on_way:
            fail("recursion: " + " > ".join(names[f] for f in on_way[on_way.index(function) :]))
        on_way.append(function)
        frame = frames.get(function, 0)
        best, way = 0, []
        targets = set(calls.get(function, ()))
        if function in through:
            # Whoever is called back calls nothing that led here: it would be a recursion, and is reported as one.
            targets |= taken
        for to in targets:
            deep, on = below(to)
            if deep > best:
                best, way = deep, on
        total, best_way = frame + best, [function] + way
        # A tail call: the frame has gone.
        for to in jumps.get(function, ()):
            deep, on = below(to)
            if deep > total:
                total, best_way = deep, [function] + on
        on_way.pop()
        depth[function] = (total, best_way)
        return depth[function]

    sys.setrecursionlimit(10000)
    roots = [f for f in starts if names[f].startswith("payhsm_") and names[f] != "payhsm_unreachable_panic"]
    pretty = demangled([names[f] for f in starts])
    for root in sorted(roots, key=lambda f: names[f]):
        total, way = below(root)
        print("stack", names[root], total, " > ".join(f"{pretty[names[f]]} {frames.get(f, 0)}" for f in way), sep="\t")
    reached = set(depth)
    for function in sorted(through):
        if function in reached:
            print("indirect", pretty[names[function]], through[function], sep="\t")
    for function in sorted(taken & reached):
        print("taken", pretty[names[function]], frames.get(function, 0), sep="\t")
    for function in sorted(reached - set(told)):
        print("unasked", pretty[names[function]], frames.get(function, 0), sep="\t")


main()
