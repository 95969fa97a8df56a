# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tables and plots of docs/PERFORMANCE.md from the data of scripts/perf. Standard library only.

    python3 scripts/perf-render.py docs/perf docs/PERFORMANCE.md

A table stands between `<!-- NAME -->` and `<!-- end -->` and is written anew; all other text is left as it is.
"""

import csv
import html
import math
import pathlib
import re
import sys

DATA, PAGE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
COLOURS = ["#1f6f8b", "#c8553d", "#e09f3e", "#6a994e", "#7b5ea7", "#555555"]
INK, PALE = "#222222", "#dddddd"


def rows(name):
    path = DATA / f"{name}.tsv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def pairs(name):
    path = DATA / f"{name}.tsv"
    return [line.split("\t", 1) for line in path.read_text().splitlines() if "\t" in line] if path.exists() else []


def table(head, body, left=1):
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in [head, rule, *body])


def count(text):
    return f"{int(text):,}" if text not in ("", "-", None) else "–"


def nanoseconds(text):
    value = float(text)
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def ratio(row):
    def show(name):
        value = float(row[name])
        return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"

    return f"**{show('ratio')}** ({show('ratio low')}–{show('ratio high')})"


# --- tables ---------------------------------------------------------------------------------------------------------------


def machine():
    return table(["", ""], [[name, value] for name, value in pairs("machine")], left=2)


def by_operation(data):
    out = {}
    for row in data:
        out.setdefault(row["operation"], {})[row["by"]] = row
    return out


PEERS = ["OpenSSL low level", "OpenSSL EVP", "mbedTLS", "crate des"]


def ratios():
    body = []
    for operation, by in by_operation(rows("ratios")).items():
        line = [operation, nanoseconds(by["payhsm"]["ns"])]
        line += [ratio(by[peer]) if peer in by else "" for peer in PEERS]
        body.append(line)
    return table(["operation", "payhsm, ns"] + [f"to {peer}" for peer in PEERS], body)


def callgrind():
    body = []
    for operation, by in by_operation(rows("callgrind")).items():
        own = int(by["payhsm"]["instructions"])
        line = [operation, count(own)]
        for peer in PEERS:
            line.append(f"{count(by[peer]['instructions'])} ({own / int(by[peer]['instructions']):.2f})" if peer in by else "")
        body.append(line)
    return table(["operation", "payhsm"] + PEERS, body)


def growth_of(against):
    lines = {}
    for row in rows("growth"):
        if row["against"] == against:
            lines.setdefault(row["what"], {})[int(row["n"])] = float(row["ns"])
    return lines


def growth(against):
    lines = growth_of(against)
    sizes = sorted({n for values in lines.values() for n in values})
    body = []
    for what, values in lines.items():
        body.append([what] + [f"{values[n]:,.2f}" if n in values else "" for n in sizes])
    return table([f"nanoseconds, at so many {against}"] + [str(n) for n in sizes], body)


def cell(row, image):
    average, most = row.get(image, "-"), row.get(f"{image} most", "-")
    if average == "-":
        return "–"
    return count(average) if average == most else f"{count(average)} (at most {count(most)})"


IMAGES = ["payhsm-2", "payhsm-s", "payhsm-z", "mbedtls"]


def instructions():
    body = [[row["operation"]] + [cell(row, image) for image in IMAGES] for row in rows("instructions")]
    return table(["operation", "payhsm, as shipped (`2`)", "`s`", "`z`", "mbedTLS's tables"], body)


def flash():
    return table(["what", "bytes"], [[row["what"], count(row["bytes"])] for row in rows("flash")])


def count_versions():
    return table(["", ""], pairs("instructions-versions"), left=2)


def john_rate():
    """John's DES a second, in millions: 25 DES a crypt."""
    text = dict(pairs("john")).get("crypts a second") or ""
    return float(text.rstrip("KMG")) * {"K": 1e3, "M": 1e6, "G": 1e9}.get(text[-1:], 1) * 25 / 1e6 if text else None


def john():
    data, theirs = dict(pairs("john")), john_rate()
    body, own = [], [(name, float(values.split("\t")[0])) for name, values in pairs("core")]
    for name, rate in own:
        body.append([f"batch, {name}", f"{rate:,.0f}", f"{rate / theirs:.2f}" if theirs else "–"])
    if theirs:
        body.append([f"John the Ripper {data['version']}: {data['build']}", f"{theirs:,.0f}", "1"])
    return table(["DES a second, one thread", "millions", "to John"], body)


def crossovers():
    data = rows("crossovers")
    if not data:
        return "Not measured: `scripts/perf crossovers`."
    return table(["operation", "engine", "faster together from", "`Engine::crossover`"], [list(row.values()) for row in data], left=2)


def threads():
    data = dict(pairs("threads"))
    if not data:
        return "Not measured: `scripts/perf threads`."
    return table(["", ""], [
        ["PINs of TDEA DUKPT a second, one thread", f"{float(data['one thread, jobs a second']):,.0f}"],
        ["two threads to one", f"**{float(data['two threads to one']):.2f}** ({float(data['two threads to one, least']):.2f}–{float(data['two threads to one, most']):.2f})"],
    ])


PIN, ARQC = "TDEA DUKPT, PIN deciphered from BDK and KSN, 29 DES", "ARQC verified with both derivations, 19 DES"
BATCHES = [
    ("batch of PINs", "a job of 1024: TDEA DUKPT, PIN deciphered from BDK and KSN"),
    ("batch of ARQCs, messages read before", "a job of 1024: ARQC verified with both derivations, 20 DES"),
    ("batch of ARQCs, field 55 read and PANs of 19 digits hashed too", "a job of 1024: ARQC, by payhsm with reading field 55 and hashing 19 digits of PAN"),
]
LOW = "OpenSSL low level"

# What limits a figure, and what was tried: shown where an aim is missed or was not measured. Kept true for whatever machine
# measures: no figure of one.
NOT_HERE = ("This processor has no AVX-512, or the operation was not run. The engine of single blocks runs on an emulated processor (`scripts/avx512`); the batches are the one source of all words, "
            "and run in the tests over words in memory. Neither says anything of speed.")
CHAIN = ("Latency: {steps} DESes that wait for each other, each with 16 rounds that do. Independent DESes of a derivation run in pairs already; "
         "a wider vector does not shorten a round.")
READING = ("Reading BER-TLV and SHA-1 (option B) are done job by job, and the peer does neither. Tried: tags found in one table in place of one walk each, digits judged by bytes, the message copied in pieces; "
           "`ArqcMessage::read` takes all of it out of the batch.")
REASONS = {
    "ARQC": CHAIN.format(steps="13"),
    "PIN of TDEA DUKPT": CHAIN.format(steps="16"),
    "retail MAC": "A single chain hides no latency, and tends to the ratio of a DES block: see \"What limits what\".",
    "PIN of AES DUKPT": "Key setups, one after the other, on both sides; payhsm's include typed keys, checks and wiping.",
    "AES CMAC": "The latency of one block after the other, on both sides.",
    "batch of PINs": "The gates of the S-box circuits first, then reading jobs and transposing. Tried: circuits found by `scripts/sboxes`, of two inputs a gate and of three; each key scheduled once for all that is done with it; S-boxes in the order that waits least for the round before; three stages of a transposition in registers.",
    "batch of ARQCs, messages": "12 words a job are transposed where a PIN has 6, for two thirds of the DESes. Tried: as with PINs; only as many blocks as the longest message has are transposed, and those that all jobs have are not selected; jobs that are neighbours lie side by side in memory; parity bits are left as they fall, no DES takes them.",
    "batch of ARQCs, field": READING,
    "DES core": "The gates of the S-box circuits, and registers: circuits with two inputs a gate need more than there are.",
    "two threads": "The threads share nothing: what is missing is the machine's (another load, two processors of one core, a lower clock of both).",
    "TDEA block": "The polynomial of the S-boxes: see \"Cortex-M4\".",
    "DES key setup": "See \"Cortex-M4\".",
    "DES kernel": "See \"Cortex-M4\".",
    "a command": "Slots are looked through: see \"Growth\".",
}


def reason(what):
    return next((text for start, text in REASONS.items() if what.startswith(start)), "")


def aims():
    """What is aimed at, what was measured, and where it is missed by how much, why, and what was tried."""
    measured = {(row["operation"], row["by"]): float(row["ratio"]) for row in rows("ratios")}
    times_measured = {(row["operation"], row["by"]): float(row["ns"]) for row in rows("ratios")}
    body = []

    def line(what, aim, value, most, show, missed=lambda value, most: value / most - 1, absent=NOT_HERE):
        if value is None:
            body.append([what, aim, "–", "not measured", absent])
        elif value <= most:
            body.append([what, aim, show(value), "met", ""])
        else:
            percent = missed(value, most) * 100
            body.append([what, aim, show(value), f"**missed by {percent:.0f} %**" if percent >= 1 else "**missed by less than 1 %**", reason(what)])

    def at_most(what, operation, peer, most):
        line(what, f"≤ {most:g} × {peer}", measured.get((operation, peer)), most, lambda v: f"{v:.2f}")

    def at_least(what, aim, value, least, show, absent=NOT_HERE):
        # Compared as its inverse: small is good.
        line(what, aim, value and least / value, 1, lambda v: show(least / v), lambda v, _: 1 - 1 / v, absent)

    for engine, name, pin, arqc in (("Avx512", "AVX-512", 0.5, 0.5), ("Avx2", "AVX2", 0.9, 0.9), ("Portable", "portable", 1.8, 1.8)):
        at_most(f"PIN of TDEA DUKPT, {name}", f"{PIN} ({engine})", LOW, pin)
        at_most(f"ARQC, {name}", f"{ARQC} ({engine})", LOW, arqc)
    at_most("retail MAC, 256 bytes, AVX-512", "retail MAC, 256 bytes (Avx512)", LOW, 1.5)
    at_most("PIN of AES DUKPT", "AES-128 DUKPT, PIN deciphered from BDK and KSN, 16 steps", "mbedTLS", 1)
    worst = [v for (operation, peer), v in measured.items() if operation.startswith("AES-128 CMAC") and peer == "mbedTLS"]
    line("AES CMAC, the length that does worst", "≤ 1 × mbedTLS", max(worst) if worst else None, 1, lambda v: f"{v:.2f}")
    for engine, times in (("AVX-512", 100), ("AVX2", 50), ("64-bit words", 12)):
        for what, operation in BATCHES:
            ratio_ = measured.get((f"{operation} ({engine})", LOW))
            at_least(f"{what}, {engine}", f"≥ {times} times {LOW}", ratio_ and 1 / ratio_, times, lambda v: f"{v:.0f} times")
    for (what, operation), millions in zip(BATCHES, (30, 50)):
        ns = times_measured.get((f"{operation} (AVX-512)", "payhsm"))
        at_least(f"{what}, AVX-512, a second", f"≥ {millions} million", ns and 1e3 / ns, millions, lambda v: f"{v:.0f} million")
    john_ = john_rate()
    for name, values in pairs("core"):
        if john_:
            at_least(f"DES core, {name.removeprefix('payhsm ').strip('()')}", "≥ 1.1 × John the Ripper (its build: see below)", float(values.split("\t")[0]) / john_, 1.1, lambda v: f"{v:.2f}")
    if not john_:
        line("DES core", "≥ 1.1 × John the Ripper", None, 1, str, absent="No john on this machine: `scripts/perf setup`.")
    both = dict(pairs("threads")).get("two threads to one")
    at_least("two threads", "≥ 1.9 × one", both and float(both), 1.9, lambda v: f"{v:.2f}", "`scripts/perf threads`")
    for what, values in sorted(growth_of("slots").items()):
        line(f"a command at most slots to that at fewest: {what}", "flat: ≤ 1.25", values[max(values)] / values[min(values)], 1.25, lambda v: f"{v:.2f}")
    counts = {row["operation"]: row["payhsm-s"] for row in rows("instructions")}
    for operation, most in (("TDEA block, encipher", 10000), ("DES key setup", 3000)):
        value = counts.get(operation)
        line(f"{operation}, Cortex-M4", f"≤ {most:,} instructions", value and int(value), most, lambda v: f"{v:,}", absent="`scripts/perf instructions`")
    kernel = {row["what"]: int(row["bytes"]) for row in rows("flash")}.get("DES kernel (rounds, constants, key schedule), payhsm-s")
    line("DES kernel, Cortex-M4", "≤ 4,096 bytes", kernel, 4096, lambda v: f"{v:,}", absent="`scripts/perf instructions`")
    return table(["what", "aim", "measured", "", "why, and what was tried"], body, left=5)


# --- plots ----------------------------------------------------------------------------------------------------------------


class Plot:
    def __init__(self, width, height, title):
        self.size, self.parts = (width, height), []
        self.text(width / 2, 22, title, size=15, anchor="middle")

    def text(self, x, y, text, size=12, anchor="start", colour=INK):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{html.escape(str(text))}</text>')

    def line(self, x1, y1, x2, y2, colour=INK, width=1.0):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>')

    def box(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" fill="{colour}"/>')

    def path(self, points, colour):
        self.parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')

    def save(self, name):
        width, height = self.size
        text = "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
                          "<!-- SPDX-License-Identifier: MIT OR Apache-2.0; made by scripts/perf-render.py -->",
                          f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *self.parts, "</svg>", ""])
        (DATA / f"{name}.svg").write_text(text)


def bars(name, title, groups, series, scale_text, reference=None):
    """Horizontal bars on a logarithmic scale. groups: (label, {series: (value, low, high)})."""
    # What was rounded to nothing still has a place on it.
    groups = [(label, {key: tuple(max(v, 1e-4) for v in spread) for key, spread in values.items()}) for label, values in groups if values]
    if not groups:
        return
    wide, left, right, top, bar, gap = 1120, 500, 40, 66, 13, 12
    height = top + sum(len(values) * bar + gap for _, values in groups) + 30
    plot = Plot(wide, height, title)
    everything = [v for _, values in groups for spread in values.values() for v in spread]
    low, high = math.log10(min(everything + ([reference] if reference else []))) - 0.1, math.log10(max(everything)) + 0.15
    at = lambda v: left + (math.log10(v) - low) / (high - low) * (wide - left - right)
    for power in range(math.floor(low), math.ceil(high) + 1):
        for digit in (1, 2, 5) if high - low < 4 else (1,):
            v = digit * 10.0**power
            if low <= math.log10(v) <= high:
                plot.line(at(v), top - 6, at(v), height - 26, PALE)
                plot.text(at(v), height - 10, f"{v:g}" if v < 1000 else f"{v:,.0f}", 11, "middle")
    if reference:
        plot.line(at(reference), top - 6, at(reference), height - 26, INK, 1.5)
    x = left
    for i, label in enumerate(series):
        plot.box(x, 36, 12, 12, COLOURS[i])
        plot.text(x + 16, 46, label)
        x += 30 + 7 * len(label)
    plot.text(12, 46, scale_text, 11)
    y = top
    for label, values in groups:
        plot.text(left - 8, y + len(values) * bar / 2 + 4, label, 12, "end")
        for i, key in enumerate(series):
            if key not in values:
                continue
            middle, least, most = values[key]
            plot.box(left, y + 1, at(middle) - left, bar - 2, COLOURS[i])
            plot.line(at(least), y + bar / 2, at(most), y + bar / 2, INK, 1)
            y += bar
        y += gap
    plot.save(name)


def lines(name, title, data, across, up):
    """Lines on two logarithmic scales. data: {label: [(x, y)]}."""
    if not data:
        return
    width, height, left, right, top, bottom = 900, 430, 70, 30, 44 + 18 * len(data), 50
    plot = Plot(width, height, title)
    xs, ys = [x for points in data.values() for x, _ in points], [y for points in data.values() for _, y in points]
    x0, x1 = math.log2(min(xs)) - 0.2, math.log2(max(xs)) + 0.2
    y0, y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    at = lambda x, y: (left + (math.log2(x) - x0) / (x1 - x0) * (width - left - right),
                       height - bottom - (math.log10(y) - y0) / max(y1 - y0, 1) * (height - top - bottom))
    for power in range(y0, y1 + 1):
        y = at(min(xs), 10.0**power)[1]
        plot.line(left, y, width - right, y, PALE)
        plot.text(left - 6, y + 4, f"{10.0**power:g}", 11, "end")
    for x in sorted(set(xs)):
        plot.text(at(x, ys[0])[0], height - bottom + 18, x, 11, "middle")
    plot.text(width / 2, height - 10, across, 12, "middle")
    plot.text(8, top - 10, up, 11)
    for i, (label, points) in enumerate(data.items()):
        colour = COLOURS[i % len(COLOURS)]
        plot.box(left + 160, 34 + 18 * i, 12, 12, colour)
        plot.text(left + 178, 44 + 18 * i, label)
        plot.path([at(x, y) for x, y in sorted(points)], colour)
    plot.save(name)


def plots():
    groups = [(operation, {peer: tuple(float(by[peer][k]) for k in ("ratio", "ratio low", "ratio high")) for peer in PEERS if peer in by})
              for operation, by in by_operation(rows("ratios")).items()]
    bars("ratios", "Time of payhsm to that of its peers (median; line: 95 % of the rounds)", groups, PEERS,
         "below 1: payhsm is faster", 1.0)
    groups = [(row["operation"], {label: (float(row[image]),) * 3 for label, image in (("payhsm", "payhsm-s"), ("mbedTLS's tables", "mbedtls"))
               if row.get(image, "-") not in ("-", "0")}) for row in rows("instructions")]
    bars("instructions", "Instructions on a Cortex-M4", groups, ["payhsm", "mbedTLS's tables"], "average of the runs")
    for against, title, across in (("bytes", "Cost of a byte against the length", "bytes"), ("slots", "Cost of a command against the number of slots", "slots"),
                                   ("jobs", "Cost of a job against the number of jobs in a batch", "jobs")):
        data = {}
        for row in rows("growth"):
            if row["against"] == against:
                data.setdefault(row["what"], []).append((int(row["n"]), float(row["ns"])))
        lines(f"growth-{against}", title, data, across, "ns")


def main():
    plots()
    page = PAGE.read_text()
    writers = {"machine": machine, "aims": aims, "ratios": ratios, "callgrind": callgrind, "instructions": instructions,
               "flash": flash, "count versions": count_versions, "john": john, "threads": threads, "crossovers": crossovers,
               "growth bytes": lambda: growth("bytes"), "growth slots": lambda: growth("slots"), "growth jobs": lambda: growth("jobs")}
    for name, writer in writers.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.S)
        if pattern.search(page):
            text = writer()
            page = pattern.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)
    PAGE.write_text(page)


main()
