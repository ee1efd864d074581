"""Attributes and names as SFTP version 3 shows them (draft-ietf-secsh-filexfer-02, sections 5 and 7).

Everything is read-only, owned by the same two words, and dated by the wall clock in Derbyshire. Pure and thread-safe.
"""

from __future__ import annotations

import stat
import struct
from datetime import datetime, timedelta
from functools import lru_cache

from asyncssh import SFTPAttrs, SFTPName, SFTPVFSAttrs

from config.clock import LONDON
from gateway.tree import Attributes, Entry

OWNER = "council"
GROUP = "schools"
_FILE_MODE = stat.S_IFREG | 0o444
_FOLDER_MODE = stat.S_IFDIR | 0o555
_FLAGS = 0x0F  # size, uid and gid, permissions, times
_ATTRS = struct.Struct(">IQIIIII")
_LENGTH = struct.Struct(">I")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RECENT = timedelta(days=182)  # older than that, `ls -l` shows the year in the place of the hour
_BLOCK = 4096
_READ_ONLY = 0x1 | 0x2  # SSH_FXE_STATVFS_ST_RDONLY, _NOSUID of OpenSSH's PROTOCOL, section 4.6
_NAME_MAX = 255


class Row(SFTPName):
    """A name of a listing, packed once: its `wire` form is what an encoding of name, `longname` and attributes gives.

    The library asks for nothing else of it, so its `attrs` are left as they are in an empty name.
    """

    def __init__(self, filename: bytes, longname: bytes, wire: bytes) -> None:
        self.filename = filename
        self.longname = longname
        self.wire = wire

    def encode(self, sftp_version: int) -> bytes:
        return self.wire


def mode(attributes: Attributes) -> int:
    """Kind and permission bits, as st_mode has them."""
    return _FOLDER_MODE if attributes.is_folder else _FILE_MODE


def sftp_attrs(attributes: Attributes) -> SFTPAttrs:
    """`attributes` as the answer to STAT, LSTAT and FSTAT."""
    seconds = int(attributes.mtime.timestamp())
    return SFTPAttrs(size=attributes.size, uid=0, gid=0, permissions=mode(attributes), atime=seconds, mtime=seconds)


def vfs_attrs(used: int) -> SFTPVFSAttrs:
    """A full, read-only file system that holds `used` bytes."""
    blocks = -(-used // _BLOCK)
    return SFTPVFSAttrs(bsize=_BLOCK, frsize=_BLOCK, blocks=blocks, flags=_READ_ONLY, namemax=_NAME_MAX)


def longname(entry: Entry, at: datetime) -> str:
    """`entry` as a line of `ls -l`, written at the moment `at`."""
    attributes = entry.attributes
    date = _date(attributes.mtime, recent=timedelta() <= at - attributes.mtime < _RECENT)
    kind = "dr-xr-xr-x" if attributes.is_folder else "-r--r--r--"
    return f"{kind}    1 {OWNER:8s} {GROUP:8s} {attributes.size:>12d} {date} {entry.name}"


@lru_cache(maxsize=4096)
def _date(mtime: datetime, *, recent: bool) -> str:
    """A date as `ls -l` has it. What was published in one act has few of them."""
    local = mtime.astimezone(LONDON)
    when = f"{local.hour:02d}:{local.minute:02d}" if recent else f"{local.year:5d}"
    return f"{_MONTHS[local.month - 1]} {local.day:2d} {when}"


def row(entry: Entry, at: datetime) -> Row:
    """`entry` as one name of an answer to READDIR."""
    attributes = entry.attributes
    name = entry.name.encode()
    line = longname(entry, at).encode()
    seconds = int(attributes.mtime.timestamp())
    packed = _ATTRS.pack(_FLAGS, attributes.size, 0, 0, mode(attributes), seconds, seconds)
    wire = b"".join((_LENGTH.pack(len(name)), name, _LENGTH.pack(len(line)), line, packed))
    return Row(name, line, wire)
