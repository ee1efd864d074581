"""How a text becomes the two parts of a mail: plain text, and HTML that Outlook and a telephone show alike.

Called by `gateway.mail.message`. Pure; whatever stands in a text is encoded, so a name can bring no markup. Outlook
lays out with Word: tables, attributes and inline styles are what it understands.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from types import MappingProxyType
from typing import Any

_WIDTH = 76
_INK, _QUIET, _BRAND, _TINT, _LINE = "#16202a", "#44525f", "#123f5a", "#f1f5f8", "#b7c3cd"
_FONT = "font-family:'Segoe UI',Arial,sans-serif"
_P = f"margin:0 0 16px 0;{_FONT};font-size:16px;line-height:24px;color:{_INK}"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do: a button, with its address below for whoever's mail shows none. The address is a secret."""

    label: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Details:
    """Names and their values, a row each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Points:
    """A list: each point has a heading and a sentence."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """What must not be overlooked."""

    text: str


Block = Paragraph | Action | Details | Points | Notice


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """What a mail says. `service` stands above, `foot` below."""

    subject: str
    title: str
    service: str
    blocks: tuple[Block, ...]
    foot: tuple[str, ...]


def plain(text: Text) -> str:
    """The plain part: lines of 76 characters, an address whole on a line of its own."""
    body = [_PLAIN[type(block)](block) for block in text.blocks]
    foot = [_wrapped(line) for line in text.foot]
    return "\n\n".join([_wrapped(text.title), *body, "-- \n" + "\n".join(foot)]) + "\n"


def html(text: Text) -> str:
    """The HTML part: no picture, no script, nothing loaded from anywhere."""
    body = "\n".join(_HTML[type(block)](block) for block in text.blocks)
    foot = "\n".join(
        f'<p style="margin:0 0 8px 0;{_FONT};font-size:14px;line-height:20px;color:{_QUIET}">{escape(line)}</p>'
        for line in text.foot
    )
    named = {"subject": text.subject, "service": text.service, "title": text.title}
    return _PAGE.format(**{name: escape(value) for name, value in named.items()}, body=body, foot=foot)


def _wrapped(text: str, first: str = "", rest: str | None = None) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain_rows(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(_wrapped(value, f"    {name + ':':<{width + 1}}  ", " " * (width + 7)) for name, value in rows)


def _plain_points(rows: Sequence[tuple[str, str]]) -> str:
    return "\n\n".join(f"{_wrapped(name, '* ', '  ')}\n{_wrapped(said, '  ')}" for name, said in rows)


_PLAIN: Mapping[type[Any], Callable[[Any], str]] = MappingProxyType(
    {
        Paragraph: lambda block: _wrapped(block.text),
        Action: lambda block: f"{block.label}:\n{block.url}",
        Details: lambda block: _plain_rows(block.rows),
        Points: lambda block: _plain_points(block.rows),
        Notice: lambda block: _wrapped(block.text),
    }
)


def _html_action(block: Action) -> str:
    url, label = escape(block.url), escape(block.label)
    return f"""\
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px 0"><tr>
<td bgcolor="{_BRAND}" style="padding:13px 22px;background-color:{_BRAND}">
<a href="{url}" style="{_FONT};font-size:17px;line-height:22px;font-weight:bold;color:#ffffff;text-decoration:none">\
{label}</a></td>
</tr></table>
<p style="margin:0 0 20px 0;{_FONT};font-size:14px;line-height:20px;color:{_QUIET}">If the button does nothing, copy \
this address into a browser:<br><span style="word-break:break-all;color:{_INK}">{url}</span></p>"""


def _html_details(block: Details) -> str:
    cell = f"padding:8px 0;border-bottom:1px solid {_LINE};{_FONT};font-size:16px;line-height:22px"
    rows = "\n".join(
        f'<tr><th align="left" valign="top" width="34%" style="{cell};padding-right:12px;color:{_QUIET};'
        f'font-weight:normal">{escape(name)}</th>'
        f'<td valign="top" style="{cell};color:{_INK};word-break:break-word">{escape(value)}</td></tr>'
        for name, value in block.rows
    )
    return f"""\
<table cellpadding="0" cellspacing="0" border="0" width="100%" style="margin:0 0 20px 0;border-collapse:collapse">
{rows}
</table>"""


def _html_points(block: Points) -> str:
    rows = "\n".join(
        f'<li style="margin:0 0 14px 0;{_FONT};font-size:16px;line-height:24px;color:{_INK}">'
        f"<strong>{escape(name)}</strong><br>{escape(said)}</li>"
        for name, said in block.rows
    )
    return f'<ul style="margin:0 0 16px 0;padding:0 0 0 20px">\n{rows}\n</ul>'


def _html_notice(block: Notice) -> str:
    return f"""\
<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" style="margin:4px 0 20px 0"><tr>
<td width="6" bgcolor="{_BRAND}" style="background-color:{_BRAND};font-size:1px;line-height:1px">&nbsp;</td>
<td bgcolor="{_TINT}" style="padding:14px 16px;background-color:{_TINT};{_FONT};font-size:16px;line-height:24px;\
color:{_INK}">{escape(block.text)}</td>
</tr></table>"""


_HTML: Mapping[type[Any], Callable[[Any], str]] = MappingProxyType(
    {
        Paragraph: lambda block: f'<p style="{_P}">{escape(block.text)}</p>',
        Action: _html_action,
        Details: _html_details,
        Points: _html_points,
        Notice: _html_notice,
    }
)

_PAGE = f"""\
<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>{{subject}}</title>
</head>
<body style="margin:0;padding:0;background-color:#ffffff;-webkit-text-size-adjust:100%">
<!--[if mso]><table role="presentation" cellpadding="0" cellspacing="0" border="0" width="620"><tr><td><![endif]-->
<div style="max-width:620px">
<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%">
<tr><td bgcolor="{_BRAND}" style="padding:14px 20px;background-color:{_BRAND};{_FONT};font-size:17px;\
line-height:24px;font-weight:bold;color:#ffffff">{{service}}</td></tr>
<tr><td style="padding:24px 20px 8px 20px">
<h1 style="margin:0 0 16px 0;{_FONT};font-size:24px;line-height:30px;color:{_INK}">{{title}}</h1>
{{body}}
</td></tr>
<tr><td bgcolor="{_TINT}" style="padding:16px 20px 10px 20px;background-color:{_TINT};border-top:1px solid {_LINE}">
{{foot}}
</td></tr>
</table>
</div>
<!--[if mso]></td></tr></table><![endif]-->
</body>
</html>
"""
