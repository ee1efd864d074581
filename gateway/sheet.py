"""A report as one page of HTML that needs nothing else: no network, no script; readable on a telephone, and printed.

Called by the reports with `--html`. Pure; whatever stands in it is encoded, but for the figures of `gateway.chart`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """The few numbers that come first: each with what it counts."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """What `gateway.chart` made."""

    html: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading. The first `names` columns are words, the others numbers."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    names: int = 1


Block = Paragraph | Numbers | Figure | Table


def page(service: str, title: str, blocks: Sequence[Block]) -> str:
    """The whole document."""
    body = "\n".join(_HTML[type(block)](block) for block in blocks)
    return _PAGE.format(service=escape(service), title=escape(title), style=_STYLE, body=body)


def _numbers(block: Numbers) -> str:
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in block.rows)
    return f'<dl class="numbers">{rows}</dl>'


def _table(block: Table) -> str:
    head = "".join(f'<th scope="col"{_side(n, block)}>{escape(name)}</th>' for n, name in enumerate(block.columns))
    rows = "".join(f"<tr>{''.join(_cell(n, cell, block) for n, cell in enumerate(row))}</tr>" for row in block.rows)
    title = escape(block.title)
    return (
        f'<h2>{title}</h2>\n<div class="wide" tabindex="0" role="region" aria-label="{title}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(number: int, cell: str, block: Table) -> str:
    if number == 0:
        return f'<th scope="row">{escape(cell)}</th>'
    return f"<td{_side(number, block)}>{escape(cell)}</td>"


def _side(number: int, block: Table) -> str:
    return "" if number < block.names else ' class="number"'


_HTML: Mapping[type[Any], Callable[[Any], str]] = MappingProxyType(
    {
        Paragraph: lambda block: f"<p>{escape(block.text)}</p>",
        Numbers: _numbers,
        Figure: lambda block: block.html,
        Table: _table,
    }
)

_STYLE = """\
:root { color-scheme: light dark; --ink: #16202a; --quiet: #44525f; --paper: #fff; --tint: #f1f5f8; --line: #b7c3cd;
  --s0: #123f5a; --s1: #b3541e; --s2: #3f7a2c; --s3: #7b4fa3; --s4: #7d6200; --s5: #0f7680; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #b3c0cb; --paper: #10181f; --tint: #1b2630;
  --line: #4a5965; --s0: #7fb8dc; --s1: #f0a070; --s2: #9fd07a; --s3: #c7a6e8; --s4: #e0c34a; --s5: #6fd0d8; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); line-height: 1.5; overflow-wrap: break-word;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
header { background: #123f5a; color: #fff; font-weight: 700; padding: .8rem 0; }
header p, main { max-width: 60rem; margin: 0 auto; padding: 0 1rem; }
main { padding-bottom: 3rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 1.6rem 0 .6rem; }
h2, figcaption { font-size: 1.25rem; font-weight: 700; line-height: 1.3; margin: 2rem 0 .6rem; }
figure { margin: 0; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.numbers div { background: var(--tint); padding: .7rem .9rem; }
.numbers dt { color: var(--quiet); }
.numbers dd { margin: 0; font-size: 1.5rem; font-weight: 700; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; padding: 0; margin: 0 0 .8rem; }
.key { display: inline-block; width: 1rem; height: 1rem; margin-right: .5rem; vertical-align: -.15rem; }
.bars { list-style: none; padding: 0; margin: 0; }
.bars li { margin-bottom: .5rem; }
svg { display: block; }
.s0 { fill: var(--s0); background: var(--s0); } .s1 { fill: var(--s1); background: var(--s1); }
.s2 { fill: var(--s2); background: var(--s2); } .s3 { fill: var(--s3); background: var(--s3); }
.s4 { fill: var(--s4); background: var(--s4); } .s5 { fill: var(--s5); background: var(--s5); }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 3px solid var(--ink); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .5rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody th { font-weight: 400; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media print { header { color: #16202a; background: none; } .key, rect { print-color-adjust: exact; } }
"""

_PAGE = """\
<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title} – {service}</title>
<style>
{style}</style>
</head>
<body>
<header><p>{service}</p></header>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
