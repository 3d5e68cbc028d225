"""Two plain charts as SVG: bars around a zero line, and a line over numbers. No script, no font, no address to fetch."""

from collections.abc import Callable, Sequence
from typing import Final
from xml.etree import ElementTree as ET

import msgspec

WIDTH, HEIGHT = 760, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 96, 16, 48, 64
_PLOT_WIDTH, _PLOT_HEIGHT = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_GAIN, _LOSS, _AXIS = "#2f6f9f", "#b5493c", "#888888"
_STYLE: Final = "text{font-family:sans-serif;font-size:12px;fill:#333}.title{font-size:15px}"
_BAR_PART = 0.7
"""Of the room that each bar has."""


class Bar(msgspec.Struct, frozen=True):
    label: str
    value: float
    note: str
    """Shown when pointed at: the exact figures."""


class _Scale(msgspec.Struct, frozen=True):
    """Values to heights; zero is always on the picture."""

    low: float
    high: float

    def y(self, value: float) -> float:
        return round(_TOP + _PLOT_HEIGHT * (self.high - value) / (self.high - self.low), 2)


def bar_chart(title: str, bars: Sequence[Bar], tick: Callable[[float], str]) -> str:
    """`tick` words a value of the axis."""
    svg = _canvas(title)
    if not bars:
        return _nothing(svg)
    scale = _scale([bar.value for bar in bars])
    _axis(svg, scale, tick)
    room = _PLOT_WIDTH / len(bars)
    for place, bar in enumerate(bars):
        left, zero, end = _LEFT + place * room, scale.y(0), scale.y(bar.value)
        rect = ET.SubElement(
            svg,
            "rect",
            {
                "x": _number(left + room * (1 - _BAR_PART) / 2),
                "y": _number(min(zero, end)),
                "width": _number(room * _BAR_PART),
                "height": _number(abs(end - zero)),
                "fill": _GAIN if bar.value >= 0 else _LOSS,
            },
        )
        ET.SubElement(rect, "title").text = f"{bar.label}: {bar.note}"
        _text(svg, left + room / 2, HEIGHT - _BOTTOM + 18, bar.label, "middle")
    return _written(svg)


def line_chart(title: str, points: Sequence[tuple[float, float]], tick: Callable[[float], str]) -> str:
    """Points in ascending x; the ends of the x axis are worded as whole numbers."""
    svg = _canvas(title)
    if not points:
        return _nothing(svg)
    scale = _scale([y for _, y in points])
    _axis(svg, scale, tick)
    first, last = points[0][0], points[-1][0]
    span = (last - first) or 1
    placed = [(_LEFT + _PLOT_WIDTH * (x - first) / span, scale.y(y)) for x, y in points]
    ET.SubElement(
        svg,
        "polyline",
        {
            "points": " ".join(f"{_number(x)},{_number(y)}" for x, y in placed),
            "fill": "none",
            "stroke": _GAIN,
            "stroke-width": "2",
        },
    )
    _text(svg, _LEFT, HEIGHT - _BOTTOM + 18, f"{first:.0f}", "start")
    _text(svg, WIDTH - _RIGHT, HEIGHT - _BOTTOM + 18, f"{last:.0f}", "end")
    return _written(svg)


def _canvas(title: str) -> ET.Element:
    svg = ET.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {HEIGHT}", "width": str(WIDTH)},
    )
    ET.SubElement(svg, "style").text = _STYLE
    ET.SubElement(svg, "rect", {"width": "100%", "height": "100%", "fill": "#ffffff", "class": "paper"})
    ET.SubElement(svg, "text", {"x": str(_LEFT), "y": "26", "class": "title"}).text = title
    return svg


def _scale(values: Sequence[float]) -> _Scale:
    low, high = min(0.0, *values), max(0.0, *values)
    return _Scale(low, high if high > low else low + 1.0)


def _axis(svg: ET.Element, scale: _Scale, tick: Callable[[float], str]) -> None:
    middle = (scale.low + scale.high) / 2
    for value in sorted({scale.low, 0.0, middle, scale.high}):
        y = scale.y(value)
        ET.SubElement(
            svg,
            "line",
            {
                "x1": str(_LEFT),
                "x2": str(WIDTH - _RIGHT),
                "y1": _number(y),
                "y2": _number(y),
                "stroke": _AXIS,
                "stroke-width": "1" if value == 0 else "0.3",
            },
        )
        _text(svg, _LEFT - 8, y + 4, tick(value), "end")


def _text(svg: ET.Element, x: float, y: float, words: str, anchor: str) -> None:
    element = ET.SubElement(svg, "text", {"x": _number(x), "y": _number(y), "text-anchor": anchor})
    element.text = words


def _nothing(svg: ET.Element) -> str:
    _text(svg, WIDTH / 2, HEIGHT / 2, "nothing to show yet", "middle")
    return _written(svg)


def _number(value: float) -> str:
    return f"{value:.2f}"


def _written(svg: ET.Element) -> str:
    return ET.tostring(svg, encoding="unicode") + "\n"
