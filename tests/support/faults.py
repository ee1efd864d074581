"""Faults at the k-th step: calls of `os` that touch a disk, or what a database is asked, are counted, and one fails.

A step fails alone, or it is where the machine stopped: then nothing after it happens either. `sweep` tries each step in
its turn, until an act has fewer steps than that; a test asserts where it came to, so that it cannot pass without one.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from policy.audit.log import AuditLog

_STEPS = ("open", "write", "pwrite", "fsync", "rename", "replace", "mkdir", "unlink")


class PowerCut(BaseException):
    """The machine stopped."""


@dataclass
class Faults:
    """Counts the steps of one thread. The `fails_at`-th raises: an error of that step alone, or the end of all."""

    fails_at: int = 0
    power_cut: bool = False
    taken: list[str] = field(default_factory=list)
    thread: int = field(default_factory=threading.get_ident)

    @property
    def fired(self) -> bool:
        """Whether it came so far."""
        return 0 < self.fails_at <= len(self.taken)

    def step(self, name: str, error: Exception) -> None:
        """Take one step, or raise."""
        if threading.get_ident() != self.thread:
            return
        if self.power_cut and self.fired:
            raise PowerCut
        self.taken.append(name)
        if len(self.taken) == self.fails_at:
            raise PowerCut if self.power_cut else error


class Disk(Faults):
    """The steps of a disk."""

    def counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, as a step of this disk."""

        def step(*args: Any, **named: Any) -> Any:
            self.step(name, OSError(errno.EIO, os.strerror(errno.EIO)))
            return call(*args, **named)

        return step


class Statements(Faults):
    """What a database is asked. A commit counts as well."""

    def take(self, statement: str) -> None:
        """Let `statement` be sent, or raise."""
        self.step(statement.split(maxsplit=1)[0], OperationalError(statement, {}, OSError("disk I/O error")))


_F = TypeVar("_F", bound=Faults)


def record_statements(log: AuditLog) -> Callable[..., Statements]:
    """As `Statements`, of the thread that writes the record."""
    writer = log._thread.ident
    assert writer is not None
    return partial(Statements, thread=writer)


def sweep(kind: Callable[..., _F], *, power_cut: bool = False) -> Iterator[_F]:
    """Faults of which the first step fails, then the second, and so on; the last one's was never reached."""
    for step in count(1):
        faults = kind(fails_at=step, power_cut=power_cut)
        yield faults
        if not faults.fired:
            return


@contextmanager
def on(disk: Disk) -> Iterator[None]:
    """Within the block, every step is one of `disk`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _STEPS:
            patch.setattr(os, name, disk.counted(name, getattr(os, name)))
        yield


@contextmanager
def asked(engine: Engine, statements: Statements) -> Iterator[None]:
    """Within the block everything that `engine` is asked counts."""

    def execute(*call: Any) -> None:
        statements.take(call[2])

    def commit(connection: Any) -> None:
        statements.take("COMMIT")

    event.listen(engine, "before_cursor_execute", execute)
    event.listen(engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", execute)
        event.remove(engine, "commit", commit)


def asked_of_record(log: AuditLog, statements: Statements) -> AbstractContextManager[None]:
    """As `asked`, of the database of the record."""
    return asked(log._chain.database.engine, statements)
