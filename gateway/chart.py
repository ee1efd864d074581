"""A chart of stacked bars as inline SVG: a bar a row below its words, so that a telephone shows it as a desk does.

Called by the reports; `gateway.sheet` brings the colours. Every bar says its numbers in words, so nothing is told by
colour alone. Pure; whatever stands in it is encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

SERIES = 6
"""How many series have a colour of their own; further ones share them in turn."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: the words above it, and the length of each series, in one unit. None is negative."""

    label: str
    values: tuple[float, ...]


def stacked(title: str, series: Sequence[str], bars: Sequence[Bar]) -> str:
    """A figure of HTML with caption, legend and bars. The longest bar is as wide as there is room."""
    longest = max((sum(bar.values) for bar in bars), default=0) or 1
    rows = "".join(f"<li>{escape(bar.label)}{_drawn(bar, series, longest)}</li>" for bar in bars)
    legend = "".join(f'<li><span class="key s{n % SERIES}"></span>{escape(name)}</li>' for n, name in enumerate(series))
    caption = f"<figcaption>{escape(title)}</figcaption>"
    return f'<figure>{caption}<ul class="legend">{legend}</ul><ul class="bars">{rows}</ul></figure>'


def _drawn(bar: Bar, series: Sequence[str], longest: float) -> str:
    parts, left = [], 0.0
    for n, (name, value) in enumerate(zip(series, bar.values, strict=True)):
        width = 100 * value / longest
        title = f"<title>{escape(f'{name}: {value:,g}')}</title>"
        parts.append(f'<rect class="s{n % SERIES}" x="{left:.3f}%" width="{width:.3f}%" height="18">{title}</rect>')
        left += width
    return f'<svg aria-hidden="true" width="100%" height="18">{"".join(parts)}</svg>'
