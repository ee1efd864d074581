"""The small page that a folder is to a browser. Plain HTML, every name encoded. Pure and thread-safe."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from config.clock import london_date
from gateway.path import VirtualPath
from gateway.tree import Entry
from gateway.webdav.call import href

_STYLE = "/portal/static/portal.css"
_MEGABYTE = 1_000_000


def folder(path: VirtualPath, entries: Sequence[Entry]) -> str:
    """The page of the folder at `path`."""
    title = escape(path.name or "Documents")
    up = f'<p><a href="{href(path.parent, is_folder=True)}">Up one folder</a></p>' if path.names else ""
    rows = "".join(_row(path, entry) for entry in entries)
    content = f"<ul>{rows}</ul>" if rows else "<p>There is nothing here at present.</p>"
    return (
        '<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><link rel="stylesheet" href="{_STYLE}"></head>'
        f'<body><main class="width"><h1>{title}</h1>{up}{content}'
        '<p><a href="/portal/">How to connect a drive</a></p></main></body></html>'
    )


def _row(path: VirtualPath, entry: Entry) -> str:
    attributes = entry.attributes
    link = href(path.joinpath(entry.name), is_folder=attributes.is_folder)
    size = "" if attributes.is_folder else f", {_size(attributes.size)}"
    day = london_date(attributes.mtime)
    return f'<li><a href="{link}">{escape(entry.name)}</a>{size}, {day.day} {day:%B %Y}</li>'


def _size(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB" if size >= _MEGABYTE else f"{max(1, round(size / 1000))} kB"
