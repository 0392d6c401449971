"""A dashboard drawn as a page from its own JSON: its panels where they stand, with the lines that Prometheus gave for them.

It is no Grafana and does not claim to look like one; it shows which panels there are, where, and what their figures are.
"""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.rigs.prometheus import Line

COLUMNS, ROW_PIXELS = 24, 34
WIDE, HIGH, LEFT, TOP, BOTTOM = 400, 150, 52, 8, 18
COLOURS = ("#1d70b8", "#00703c", "#d4351c", "#4c2c92", "#f47738", "#28a197", "#b58840", "#6f72af", "#85994b", "#505a5f")
LINES_MAX = 8
STYLE = """
body { margin: 16px; font: 14px sans-serif; color: #0b0c0c; background: #fff; width: 1248px }
h1 { font-size: 20px; margin: 0 0 4px } p { margin: 0 0 12px }
.grid { display: grid; grid-template-columns: repeat(24, 1fr); gap: 8px }
.panel { border: 1px solid #b1b4b6; padding: 8px; box-sizing: border-box; overflow: hidden }
h2 { font-size: 14px; margin: 0 0 4px } ul { list-style: none; margin: 4px 0 0; padding: 0; font-size: 12px }
li b { display: inline-block; width: 10px; height: 10px; margin-right: 6px } li span { float: right }
text { font: 11px sans-serif; fill: #505a5f }
"""


@dataclass(frozen=True)
class Curve:
    """A line with its name."""

    name: str
    line: Line


Ask = Callable[[str], list[Line]]
"""What Prometheus gives for an expression over the time that is shown."""


def page(dashboard: dict[str, Any], ask: Ask, *, said: str, begin: float, end: float) -> str:
    """Return the page of one dashboard; `said` stands below its title."""
    panels = "".join(_panel(panel, _curves(panel, ask), begin, end) for panel in dashboard["panels"])
    head = f"<h1>{html.escape(dashboard['title'])}</h1><p>{html.escape(said)}</p>"
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>{head}<div class="grid">{panels}</div>'


def _curves(panel: dict[str, Any], ask: Ask) -> list[Curve]:
    found = [Curve(_name(target["legendFormat"], line), line) for target in panel["targets"] for line in ask(target["expr"])]
    return sorted(found, key=lambda curve: -max((value for _, value in curve.line.points), default=0.0))


def _name(legend: str, line: Line) -> str:
    for label, value in line.labels.items():
        legend = legend.replace("{{" + label + "}}", value)
    return legend


def _panel(panel: dict[str, Any], curves: Sequence[Curve], begin: float, end: float) -> str:
    place, unit = panel["gridPos"], panel["fieldConfig"]["defaults"]["unit"]
    area = (
        f"grid-column: {place['x'] + 1} / span {place['w']}; grid-row: {place['y'] + 1} / span {place['h']};"
        f" min-height: {place['h'] * ROW_PIXELS}px"
    )
    return f'<section class="panel" style="{area}"><h2>{html.escape(panel["title"])}</h2>{_chart(curves, unit, begin, end)}</section>'


def _chart(curves: Sequence[Curve], unit: str, begin: float, end: float) -> str:
    values = [value for curve in curves for _, value in curve.line.points if math.isfinite(value)]
    if not values:
        return "<p>No data</p>"
    top = max(values) or 1.0
    drawn = "".join(_curve(curve, COLOURS[number % len(COLOURS)], top, begin, end) for number, curve in enumerate(curves))
    legend = "".join(_legend(curve, COLOURS[number % len(COLOURS)], unit) for number, curve in enumerate(curves[:LINES_MAX]))
    more = f"<li>and {len(curves) - LINES_MAX} more" if len(curves) > LINES_MAX else ""
    return f'<svg viewBox="0 0 {WIDE} {HIGH}" width="100%">{_axes(top, unit, begin, end)}{drawn}</svg><ul>{legend}{more}</ul>'


def _axes(top: float, unit: str, begin: float, end: float) -> str:
    base = HIGH - BOTTOM
    lines = "".join(
        f'<line x1="{LEFT}" x2="{WIDE}" y1="{_y(share * top, top)}" y2="{_y(share * top, top)}" stroke="#dddddd"/>'
        f'<text x="{LEFT - 4}" y="{_y(share * top, top) + 4}" text-anchor="end">{_shown(share * top, unit)}</text>'
        for share in (0.0, 0.5, 1.0)
    )
    minutes = f'<text x="{LEFT}" y="{base + 14}">0 s</text><text x="{WIDE}" y="{base + 14}" text-anchor="end">{end - begin:.0f} s</text>'
    return lines + minutes


def _curve(curve: Curve, colour: str, top: float, begin: float, end: float) -> str:
    points = " ".join(
        f"{LEFT + (moment - begin) / (end - begin) * (WIDE - LEFT):.1f},{_y(value, top)}"
        for moment, value in curve.line.points
        if math.isfinite(value)
    )
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'


def _legend(curve: Curve, colour: str, unit: str) -> str:
    last = next((value for _, value in reversed(curve.line.points) if math.isfinite(value)), 0.0)
    return f'<li><b style="background: {colour}"></b>{html.escape(curve.name)}<span>{_shown(last, unit)}</span>'


def _y(value: float, top: float) -> float:
    return round(TOP + (1 - value / top) * (HIGH - BOTTOM - TOP), 1)


def _shown(value: float, unit: str) -> str:
    """Write a figure with its unit, as Grafana names them."""
    if unit == "percentunit":
        return f"{value:.2%}"
    if unit == "s":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
    ending = {"reqps": "/s", "ops": "/s"}.get(unit, "")
    return f"{value:.0f}{ending}" if value >= 10 or value == round(value) else f"{value:.2f}{ending}"
