#!/usr/bin/env python3
"""Draws a dashboard of ops/grafana with real figures, as SVG: its panels where they stand, each with what its query returns now.

    ops/draw.py ops/grafana/prometheus.json http://localhost:9090 > docs/dashboard-prometheus.svg
    ops/draw.py ops/grafana/postgresql.json postgres://localhost/app > docs/dashboard-postgresql.svg

A third argument is the span in minutes, by default 30. It asks Prometheus over HTTP, and PostgreSQL through `psql`.
"""

import csv
import io
import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from html import escape
from math import ceil, floor, isfinite, log10

# Grafana's grid has 24 columns, and rows of 30 pixels and their gaps.
COLUMN, ROW, GAP, HEAD = 50, 34, 8, 40
COLOURS = ["#3465a4", "#f57900", "#4e9a06", "#a40000", "#75507b", "#c4a000", "#06989a", "#888a85", "#ad7fa8", "#8f5902"]
# What a letter takes, about.
LETTER = 6.4
POINTS = 180


def prometheus(url, target, begin, end):
    """The series of a panel's target: names with points."""
    step = max(5, (end - begin) / POINTS)
    query = target["expr"].replace("$__rate_interval", "1m")
    arguments = urllib.parse.urlencode({"query": query, "start": begin, "end": end, "step": step})
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{arguments}") as reply:
        found = json.load(reply)["data"]["result"]
    name = lambda labels: re.sub(r"{{(\w+)}}", lambda label: labels.get(label[1], ""), target["legendFormat"])
    return {name(one["metric"]): [(float(at), float(value)) for at, value in one["values"]] for one in found}


def postgresql(url, target, begin, end):
    """The rows of a panel's target, the first of which has the names of the columns."""
    moments = [f"to_timestamp({moment:.0f})" for moment in (begin, end)]
    query = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {moments[0]} AND {moments[1]}", target["rawSql"])
    command = ["psql", url, "--no-psqlrc", "--quiet", "--csv", "-c", "SET timezone = 'UTC'", "-c", query]
    return list(csv.reader(io.StringIO(subprocess.run(command, check=True, capture_output=True, text=True).stdout)))


def series_of(rows):
    found = {}
    for at, name, value in rows[1:]:
        moment = datetime.fromisoformat(at.replace("+00", "+00:00")).timestamp()
        found.setdefault(name, []).append((moment, float(value) if value else float("nan")))
    return found


def shown(value, unit):
    """A number with its unit, as Grafana writes it."""
    if not isfinite(value):
        return ""
    if unit in ("s", "ms"):
        seconds = value / 1000 if unit == "ms" else value
        for limit, factor, name in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (60, 1, "s"), (3600, 1 / 60, "min"), (1e99, 1 / 3600, "h")):
            if abs(seconds) < limit and (seconds or name == "s"):
                return f"{seconds * factor:.3g} {name}"
    for limit, name in ((1e6, "M"), (1e3, "K")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {name}"
    return f"{value:.3g}" + (" /s" if unit == "ops" else "")


def text(x, y, words, anchor="start", colour="#444", size=11, weight="normal"):
    style = "" if (size, weight) == (11, "normal") else f' font-size="{size}" font-weight="{weight}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}"{style}>{escape(words)}</text>'


def line(x1, y1, x2, y2, colour="#e4e4e4", width=1):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def ticks(highest, unit, most=4):
    """Round numbers from zero to the highest or beyond, also when they are shown in minutes or hours."""
    second = {"s": 1, "ms": 1000}.get(unit)
    for scale in [3600 * second, 60 * second] if second else []:
        if highest >= 2 * scale:
            return [mark * scale for mark in ticks(highest / scale, None, most)]
    rough = highest / most
    power = 10 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return [step * n for n in range(ceil(highest / step - 1e-9) + 1)]


def legend(names, left, right, bottom):
    """The names with their colours in lines that end at the bottom, and where the first of them begins."""
    places, x, row = [], left, 0
    for name in names:
        width = 22 + LETTER * len(name)
        if x > left and x + width > right:
            x, row = left, row + 1
        places.append((x, row))
        x += width + 8
    top = bottom - 15 * row
    parts = []
    for (x, row), name, colour in zip(places, names, COLOURS * 5):
        y = top + 15 * row
        parts += [line(x, y - 4, x + 14, y - 4, colour, 3), text(x + 18, y, name)]
    return parts, top - 12


def curves(series, unit, box, begin, end):
    left, top, right, bottom = box
    series = {name: points for name, points in series.items() if any(isfinite(value) for _, value in points)}
    if not series:
        return [text((left + right) / 2, (top + bottom) / 2, "No data", "middle", "#888")]
    names = sorted(series)
    parts, bottom = legend(names, left + 4, right - 4, bottom - 8)
    values = [value for points in series.values() for _, value in points if isfinite(value)]
    marks = ticks(max([*values, 0]) or 1, unit)
    left, right, top, bottom = left + 58, right - 14, top + 6, bottom - 20
    x = lambda moment: left + (right - left) * (moment - begin) / (end - begin)
    y = lambda value: bottom - (bottom - top) * value / marks[-1]
    for mark in marks:
        parts += [line(left, y(mark), right, y(mark)), text(left - 6, y(mark) + 4, shown(mark, unit), "end", "#777")]
    minutes = next(step for step in (1, 2, 5, 10, 15, 30, 60, 120) if (end - begin) / 60 / step <= (right - left) / 60)
    moment = ceil(begin / (60 * minutes)) * 60 * minutes
    while moment <= end:
        words = datetime.fromtimestamp(moment, timezone.utc).strftime("%H:%M")
        parts += [line(x(moment), top, x(moment), bottom), text(x(moment), bottom + 15, words, "middle", "#777")]
        moment += 60 * minutes
    for name, colour in zip(names, COLOURS * 5):
        for part in unbroken(series[name]):
            points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in part)
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
            if len(part) == 1:
                parts.append(f'<circle cx="{x(part[0][0]):.1f}" cy="{y(part[0][1]):.1f}" r="2" fill="{colour}"/>')
    return parts


def unbroken(points):
    """The parts without a gap of what is no number."""
    part = []
    for at, value in points:
        if isfinite(value):
            part.append((at, value))
        elif part:
            yield part
            part = []
    if part:
        yield part


def table(rows, unit, box):
    left, top, right, bottom = box
    if len(rows) < 2:
        return [text((left + right) / 2, (top + bottom) / 2, "No data", "middle", "#888")]
    is_number = lambda cell: re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", cell) is not None
    written = lambda cell: shown(float(cell), unit) if is_number(cell) else re.sub(r"(:\d\d)\.\d+\+00$", r"\1", cell)
    rows = [rows[0]] + [[written(cell) for cell in row] for row in rows[1 : 1 + floor((bottom - top - 24) / 20)]]
    wide = [max(len(row[n]) for row in rows) * LETTER + 24 for n in range(len(rows[0]))]
    parts, y = [], top + 16
    for number, row in enumerate(rows):
        x = left + 10
        for cell, width in zip(row, wide):
            parts.append(text(x, y, cell, colour="#3465a4" if number == 0 else "#444"))
            x += max(width, (right - left - 10) * width / sum(wide))
        parts.append(line(left + 6, y + 6, right - 6, y + 6))
        y += 20
    return parts


def panel(panel, source, begin, end):
    grid, unit = panel["gridPos"], panel["fieldConfig"]["defaults"]["unit"]
    left, top = GAP + COLUMN * grid["x"], HEAD + ROW * grid["y"]
    width, height = COLUMN * grid["w"] - GAP, ROW * grid["h"] - GAP
    parts = [f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="3" fill="white" stroke="#d6d6d6"/>']
    parts.append(text(left + 10, top + 20, panel["title"], colour="#222", size=13, weight="bold"))
    box = (left, top + 30, left + width, top + height)
    if source.startswith("http"):
        series = {}
        for target in panel["targets"]:
            series |= prometheus(source, target, begin, end)
        return parts + curves(series, unit, box, begin, end)
    rows = postgresql(source, panel["targets"][0], begin, end)
    if panel["type"] == "table":
        return parts + table(rows, unit, box)
    return parts + curves(series_of(rows), unit, box, begin, end)


def main():
    path, source = sys.argv[1:3]
    minutes = int(sys.argv[3] if len(sys.argv) > 3 else 30)
    end = time.time()
    begin = end - 60 * minutes
    with open(path) as file:
        dashboard = json.load(file)
    width, bottom = GAP + 24 * COLUMN, max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in dashboard["panels"])
    at = datetime.fromtimestamp(end, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    head = f"{minutes} minutes to {at}, drawn from the dashboard's definition by ops/draw.py"
    parts = [text(GAP + 4, 26, dashboard["title"], colour="#222", size=17, weight="bold")]
    parts.append(text(width - GAP - 4, 26, head, "end", "#777", 12))
    for one in dashboard["panels"]:
        parts += panel(one, source, begin, end)
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEAD + ROW * bottom}" '
        f'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#f4f5f5"/>'
    )
    print("\n".join(parts), "</svg>", sep="\n")


main()
