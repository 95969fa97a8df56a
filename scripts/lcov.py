# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads an lcov export: a table line for each file, and whether enough lines are reached.

    lcov.py NAME PERCENT FILE [--missing]                  every file must reach the percentage, in the functions of it
                                                           that are called at all; --missing names the others
    lcov.py --sum NAME PERCENT FILE PATTERN [--missing]    the files that match it together must

With --sum, lines that scripts/coverage.txt names (file, text of the line, why it cannot be reached; tabs between) do not count; one
that is reached all the same, or is nowhere, is an error.

A line counts once, however many instances of its function there are; it is reached if one of them is. Lines of a test
module at the end of a file do not count, nor do lines of brackets only.
"""

import os
import re
import sys


def read(path):
    files, current = {}, None
    for line in open(path):
        if line.startswith("SF:"):
            name = os.path.relpath(line[3:].strip())
            # Lines of the standard library that stand in a macro are nobody's here.
            current = {} if name.startswith("..") else files.setdefault(name, {})
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            current[int(number)] = max(current.get(int(number), 0), int(count))
    for file, lines in sorted(files.items()):
        source = open(file).read().splitlines()
        tests = next((n for n, text in enumerate(source, 1) if re.match(r"#\[cfg\((test|all\(test)", text)), len(source) + 1)
        yield file, source, {n: c for n, c in lines.items() if n < tests and not re.fullmatch(r"[\s{}()\[\];,?]*", source[n - 1])}


def functions(source):
    """(first line, last line, name) of each function that stands in no other."""
    end = 0
    for n, text in enumerate(source, 1):
        match = re.match(r"( *)(?:pub(?:\([^)]*\))? )?(?:const )?(?:unsafe )?(?:extern \"C\" )?fn (\w+)", text)
        if match and n > end:
            end = next((m for m in range(n, len(source) + 1) if source[m - 1] == match[1] + "}" or (m == n and text.endswith("}"))), n)
            yield n, end, match[2]


def excused():
    """The lines that nothing can reach, by file."""
    found = {}
    for line in open(os.path.join(os.path.dirname(__file__), "coverage.txt")):
        if not line.startswith("#"):
            file, text, _ = line.rstrip("\n").split("\t")
            found.setdefault(file, []).append(text)
    return found


def main():
    words = sys.argv[1:]
    missing = "--missing" in words
    words = [word for word in words if word != "--missing" and word]
    together = words[0] == "--sum"
    words = words[together:]
    name, percent, path = words[0], float(words[1]), words[2]
    pattern = re.compile(words[3]) if together else None
    unreachable, stale = excused() if together else {}, False
    bad, all_lines, all_reached = False, 0, 0
    for file, source, lines in read(path):
        if pattern and not pattern.search(file) or not lines or "/tests" in file:
            continue
        silent = []
        for text in unreachable.get(file, []):
            hit = [n for n in lines if source[n - 1].strip() == text]
            if not hit or any(lines[n] for n in hit):
                print(f"{name}: scripts/coverage.txt: {file}: {text}: {'reached' if hit else 'not there'}")
                stale = True
            for n in hit:
                del lines[n]
        if not together:
            for first, last, function in functions(source):
                inside = [n for n in lines if first <= n <= last]
                if inside and not any(lines[n] for n in inside):
                    silent.append(function)
                    for n in inside:
                        del lines[n]
            if not lines:
                print(f"{name}: nothing of {file} is called")
                bad = True
                continue
        reached = sum(1 for count in lines.values() if count)
        all_lines, all_reached = all_lines + len(lines), all_reached + reached
        share = 100 * reached / len(lines)
        low = share < percent
        bad |= low and not together
        print(f"{name:34} {len(lines):8} {reached:8} {share:8.1f}% {'<' if low else ' '} {file}")
        if missing:
            for n, count in sorted(lines.items()):
                if not count:
                    print(f"    {file}:{n}: {source[n - 1].strip()}")
            if silent:
                print(f"    {file}: not called: {' '.join(silent)}")
    if not all_lines:
        print(f"{name}: no lines")
        bad = True
    elif together:
        share = 100 * all_reached / all_lines
        bad = share < percent
        print(f"{name:34} {all_lines:8} {all_reached:8} {share:8.1f}% {'<' if bad else ' '} all")
    sys.exit(bad or stale)


main()
