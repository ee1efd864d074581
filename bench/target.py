"""What is measured: a server, how to reach it, and where the same files stand in it.

Made by `home` and `peers`, read by `rows`. Frozen.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.processes import Server

OURS, OPENSSH, RCLONE, APACHE = "ladocs", "OpenSSH", "rclone", "Apache"
BIG, SMALL, LISTED = "Census 2026 whole county.bin", "small", "listed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much of everything: the bytes of the big file, the numbers of files to fetch and to list."""

    big: int = 512 << 20
    small: int = 2000
    listed: int = 5000
    stalled_reads: int = 100

    def of(self, kinds: Container[str]) -> Sizes:
        """No more files than these kinds of them: publishing thousands takes a while."""
        return replace(self, small=self.small * (SMALL in kinds), listed=self.listed * (LISTED in kinds))

    @property
    def small_bytes(self) -> int:
        """Bytes of each of the small files."""
        return 10 << 10

    @property
    def listed_bytes(self) -> int:
        """Bytes of each of the listed files, which nobody reads."""
        return 64

    @property
    def stalled_read_bytes(self) -> int:
        """Bytes that each READ of the stalled client asks for."""
        return 4 << 20


QUICK = Sizes(big=64 << 20, small=200, listed=500)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A server under measurement. Paths begin with a slash."""

    name: str
    server: Server
    port: int
    user: str
    key: Path = Path()
    password: str = field(default="", repr=False)
    big: str
    small: str
    listed: str
