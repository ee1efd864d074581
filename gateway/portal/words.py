"""How the pages say things to people: times, programs, secrets in groups, a QR code. Pure; thread-safe."""

from __future__ import annotations

import re
from datetime import datetime

import segno
from markupsafe import Markup

from config.clock import LONDON, london_date

_PROGRAMS = (  # what a client calls itself, in HTTP or SSH, and what people call it
    (r"Microsoft-WebDAV-MiniRedir|DavClnt", "a Windows drive"),
    (r"Microsoft Office|MSOffice", "Microsoft Office"),
    (r"WebDAVFS|WebDAVLib", "Finder on a Mac"),
    (r"WinSCP", "WinSCP"),
    (r"FileZilla", "FileZilla"),
    (r"Cyberduck|Mountain Duck", "Cyberduck"),
    (r"rclone", "rclone"),
    (r"davfs2", "a Linux drive (davfs2)"),
    (r"gvfs", "the file manager of a Linux desktop"),
    (r"curl", "curl"),
    (r"lftp", "lftp"),
    (r"PuTTY", "PuTTY"),
    (r"OpenSSH", "OpenSSH"),
    (r"paramiko|asyncssh", "a Python script"),
    (r"Edg/", "the Edge browser"),
    (r"Firefox/", "the Firefox browser"),
    (r"Chrome/", "the Chrome browser"),
    (r"Safari/", "the Safari browser"),
)
_LONGEST_PROGRAM = 60


def moment(at: datetime) -> str:
    """`Monday 23 November 2026 at 9:05`, as a clock in Derbyshire shows it."""
    local = at.astimezone(LONDON)
    return f"{local:%A} {local.day} {local:%B %Y} at {local.hour}:{local:%M}"


def day(at: datetime) -> str:
    """`23 November 2026`."""
    date = london_date(at)
    return f"{date.day} {date:%B %Y}"


def program(client: str) -> str:
    """What people call the program that says `client` of itself; its own words, cut, where nobody knows it."""
    known = next((name for pattern, name in _PROGRAMS if re.search(pattern, client, re.IGNORECASE)), None)
    return known or client[:_LONGEST_PROGRAM] or "a program that does not say its name"


def in_groups(secret: str) -> str:
    """`JBSW Y3DP EHPK`: four at a time, as one copies from paper."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def qr(text: str) -> Markup:
    """`text` as a QR code: SVG without size or style of its own, dark on light whatever the page's colours are."""
    made = segno.make(text, error="m", micro=False)
    picture = made.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(picture)  # noqa: S704 - segno draws squares: no character of `text` stands in it
