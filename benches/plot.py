#!/usr/bin/env python3
"""Draws the lines that `cargo bench --bench load -- flat` and `-- pinned` print, as SVG. Knows no figure of its own.

    cargo bench --bench load -- flat | benches/plot.py flat > docs/flat.svg
    cargo bench --bench load -- pinned | benches/plot.py pinned > docs/pinned.svg
"""

import json
import sys

WIDTH, LEFT, COLOURS = 760, 250, ["#3465a4", "#f57900", "#4e9a06", "#a40000"]


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
    highest = max(least, *(row[name] for row in lines for name in names))
    last = lines[-1]["second"]
    x = lambda second: left + (right - left) * second / last
    y = lambda value: top + height * (1 - value / highest)
    parts = [line(left, top, left, top + height, "#999"), line(left, top + height, right, top + height, "#999")]
    parts += [text(left - 5, y(v) + 4, f"{v:,.0f}", "end") for v in (0, highest / 2, highest)]
    parts += [text(x(s), top + height + 15, f"{s} s", "middle") for s in (last // 2, last)]
    for index, name in enumerate(names):
        points = " ".join(f"{x(row['second']):.0f},{y(row[name]):.1f}" for row in lines)
        colour = COLOURS[index]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        words = name.removesuffix("_ms").removesuffix("_mb").replace("_", " ")
        parts.append(text(right + 12, top + 14 + 18 * index, f"{words}, {unit}", colour=colour))
    return parts


def pinned(lines):
    times = ["claim_p50_ms", "promotion_p50_ms", "admission_p50_ms", "claim_p99_ms"]
    parts = panel(lines, 20, times, "ms", 10) + panel(lines, 240, ["dead_tuples"], "rows", 1)
    begin = next((row["second"] for row in lines if row["pinned"]), None)
    if begin is not None:
        parts.append(text(60, 450, f"a snapshot is held from second {begin - 10} on", colour="#999"))
    return document(464, parts)


if __name__ == "__main__":
    draw = {"flat": flat, "pinned": pinned}.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if draw is None:
        sys.exit("usage: plot.py flat|pinned < LINES > FILE.svg")
    print(draw([json.loads(row) for row in sys.stdin if row.startswith("{")]))
