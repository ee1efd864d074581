"""What is to be published, and what came of it: the values that publishing is asked with and answers in. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from policy.months import Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Restriction:
    """Whom a document is for among those who hold its category [R5]; empty: all of them."""

    roles: frozenset[str] = frozenset()
    accounts: frozenset[int] = frozenset()
    not_headteacher_reason: str | None = None
    """Why it is withheld from headteachers, who see everything else; None where it is not withheld."""

    @property
    def restricted(self) -> bool:
        return bool(self.roles or self.accounts)

    @property
    def not_headteacher(self) -> bool:
        return self.not_headteacher_reason is not None

    @property
    def reason(self) -> str:
        return (self.not_headteacher_reason or "").strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One file to publish. `schools` are school ids; `name` is the file's own unless another is wanted."""

    source: Path
    schools: tuple[int, ...]
    category_id: int
    name: str = ""
    restriction: Restriction = field(default_factory=Restriction)

    @property
    def wanted_name(self) -> str:
        """The name that was asked for, as all clients write it: a Mac's own files come in Unicode's other form [R7]."""
        return unicodedata.normalize("NFC", self.name or self.source.name)


@dataclass(frozen=True, slots=True)
class Published:
    """A document that is out: its reference, and its name in each school's folder."""

    source: Path
    reference: str
    names: tuple[tuple[int, str], ...]
    size: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A document of which nothing was published, with the one line that mends it."""

    source: Path
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What settings say of publishing. `max_bytes` is of one document."""

    max_bytes: int
    window: Window
    fix_names: bool = False


Progress = Callable[[Item, int], None]
"""Called with an item and the bytes of it just sealed."""
