#!/usr/bin/env python3
"""Draws the lines that the bench `load` prints in some of its modes, as SVG. Knows no figure of its own.

    cargo bench --bench load -- flat | benches/plot.py flat > docs/flat.svg
    cargo bench --bench load -- pinned | benches/plot.py pinned > docs/pinned.svg
    cargo bench --bench load -- batches | benches/plot.py batches > docs/batches.svg
    (cargo bench --bench load -- latency; cargo bench --bench load -- latency-remote) |
        benches/plot.py latency > docs/latency.svg
"""

import json
import sys
from math import log

WIDTH, LEFT = 820, 300
COLOURS = ["#3465a4", "#f57900", "#4e9a06", "#a40000", "#75507b", "#c4a000", "#888a85", "#06989a"]


def text(x, y, words, anchor="start", colour="#333"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{colour}"/>'


def document(height, parts):
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>'
    )


def flat(lines):
    """Two bars a case: what a pick-up and a job take, as multiples of the same with an empty table."""
    bars = ["pick_up_ratio", "throughput_ratio"]
    scale = (WIDTH - LEFT - 60) / max(2.0, *(row[bar] for row in lines for bar in bars))
    names = ["pick-up of one job", "time a job in a drain"]
    parts = [text(LEFT + 230 * i, 20, f"{name}, empty = 1", colour=COLOURS[i]) for i, name in enumerate(names)]
    y = 34
    for row in lines:
        parts.append(text(LEFT - 8, y + 18, f"{row['case']}: {row['rows']:,} rows", "end"))
        for index, bar in enumerate(bars):
            width, top = row[bar] * scale, y + 14 * index
            parts.append(f'<rect x="{LEFT}" y="{top}" width="{width:.0f}" height="12" fill="{COLOURS[index]}"/>')
            parts.append(text(LEFT + width + 5, top + 10, f"{row[bar]:.2f}"))
        y += 38
    limit = LEFT + 1.5 * scale
    parts += [line(limit, 28, limit, y, "#999"), text(limit, y + 14, "1.5, the goal", "middle", "#999")]
    return document(y + 24, parts)


def panel(lines, top, names, unit, least):
    """Curves over the seconds of a run, from zero to the highest of them."""
    left, right, height = 60, WIDTH - 190, 170
    # Not all is there each time: a statement that was not called took no time.
    points_of = {name: [(row["second"], row[name]) for row in lines if row.get(name) is not None] for name in names}
    highest = max(least, *(value for points in points_of.values() for _, value in points))
    last = lines[-1]["second"]
    x = lambda second: left + (right - left) * second / last
    y = lambda value: top + height * (1 - value / highest)
    parts = axes(left, right, top, height)
    parts += [text(left - 5, y(v) + 4, f"{v:,.3g}" if v < 10 else f"{v:,.0f}", "end") for v in (0, highest / 2, highest)]
    parts += [text(x(s), top + height + 15, f"{s} s", "middle") for s in (last // 2, last)]
    for index, name in enumerate(names):
        parts.append(polyline(((x(second), y(value)) for second, value in points_of[name]), COLOURS[index]))
        words = name.removesuffix("_ms").removesuffix("_mb").replace("_", " ")
        parts.append(text(right + 12, top + 14 + 18 * index, f"{words}, {unit}", colour=COLOURS[index]))
    return parts


def axes(left, right, top, height):
    return [line(left, top, left, top + height, "#999"), line(left, top + height, right, top + height, "#999")]


def polyline(points, colour):
    points = " ".join(f"{x:.0f},{y:.1f}" for x, y in points)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def pinned(lines):
    """What jobs wait for, what the statements take in the server, and what is dead."""
    waits = ["claim_p50_ms", "promotion_p50_ms", "admission_p50_ms", "claim_p99_ms", "cron_p50_ms"]
    statements = ["claim", "promote", "admit", "settle", "heartbeat", "rescue", "rescue_orphans", "cron"]
    statements = [f"{name}_ms" for name in statements if any(row.get(f"{name}_ms") is not None for row in lines)]
    waits = [name for name in waits if name in lines[0]]
    panels = [(waits, "ms", 10)] + [(statements, "ms a call", 1)] * bool(statements) + [(["dead_tuples"], "rows", 1)]
    parts = [part for n, (names, unit, least) in enumerate(panels) for part in panel(lines, 20 + 220 * n, names, unit, least)]
    end = 10 + 220 * len(panels)
    begin = next((row["second"] for row in lines if row["pinned"]), None)
    if begin is not None:
        parts.append(text(60, end, f"a snapshot is held from second {begin - 10} on", colour="#999"))
    return document(end + 14, parts)


def rates(series, left, words):
    """Jobs a second over sizes, which are spread by their logarithms, from zero on. Series that are not there are left out."""
    top, right, height = 40, left + 300, 200
    series = {name: lines for name, lines in series.items() if lines}
    highest = max(row["per_second"] for lines in series.values() for row in lines)
    sizes = [row["size"] for row in next(iter(series.values()))]
    first, last = log(sizes[0]), log(max(2, sizes[-1]))
    x = lambda size: left + (right - left) * (log(size) - first) / max(last - first, 1e-9)
    y = lambda value: top + height * (1 - value / highest)
    parts = axes(left, right, top, height) + [text(left, 20, words)]
    parts += [text(left - 5, y(v) + 4, f"{v:,.0f}", "end") for v in (0, highest / 2, highest)]
    parts += [text(x(size), top + height + 15, f"{size:,}", "middle") for size in sizes]
    for (name, lines), colour in zip(series.items(), COLOURS):
        places = [(x(row["size"]), y(row["per_second"])) for row in lines]
        parts.append(polyline(places, colour))
        parts += [f'<circle cx="{across:.0f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in places]
        parts.append(text(right, places[-1][1] - 8, name, "end", colour))
    return parts


def batches(lines):
    of = lambda what: [row for row in lines if row["what"] == what]
    added = {"without keys": of("enqueue"), "each with a key": of("enqueue with keys")}
    parts = rates(added, 80, "jobs added a second, by jobs a call")
    parts += rates({"": of("drain")}, 480, "jobs run a second, by concurrency")
    return document(272, parts)


def latency(lines):
    """How many jobs started after how long, in both modes, with one axis of logarithms."""
    left, right, height, most = 60, WIDTH - 20, 150, 1.2
    bounds = [bound for row in lines for bound, _ in row["histogram"]]
    # A bucket begins a fifth below its bound.
    first, last = log(min(bounds) / most), log(max(bounds))
    x = lambda ms: left + (right - left) * (log(ms) - first) / (last - first)
    parts, top = [], 34
    for index, row in enumerate(lines):
        highest = max(count for _, count in row["histogram"])
        words = f"{row['mode']}: {row['jobs']:,} jobs, p50 {row['p50_ms']:.2f} ms, p99 {row['p99_ms']:.2f} ms"
        parts += axes(left, right, top, height) + [text(left + 8, top - 10, words, colour=COLOURS[index])]
        parts += [text(left - 5, top + 4, f"{highest:,}", "end"), text(left - 5, top + height + 4, "0", "end")]
        for bound, count in row["histogram"]:
            tall, begin = height * count / highest, x(bound / most)
            size = f'width="{x(bound) - begin - 1:.1f}" height="{tall:.1f}"'
            parts.append(f'<rect x="{begin:.1f}" y="{top + height - tall:.1f}" {size} fill="{COLOURS[index]}"/>')
        for ms in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500):
            if first <= log(ms) <= last:
                parts.append(text(x(ms), top + height + 15, f"{ms} ms", "middle"))
        for name in ("p50_ms", "p99_ms"):
            parts.append(line(x(row[name]), top, x(row[name]), top + height, "#555"))
        top += height + 60
    return document(top - 30, parts)


if __name__ == "__main__":
    draw = {"flat": flat, "pinned": pinned, "batches": batches, "latency": latency}
    draw = draw.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if draw is None:
        sys.exit("usage: plot.py flat|pinned|batches|latency < LINES > FILE.svg")
    print(draw([json.loads(row) for row in sys.stdin if row.startswith("{")]))
