"""Disks that fail at their k-th step: the calls of `os` that touch a disk are counted, and one of them raises."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

STEPS = ("open", "write", "pwrite", "fsync", "rename", "replace", "mkdir", "unlink")


class PowerCut(BaseException):
    """The machine stopped."""


@dataclass
class Disk:
    """Counts the steps of one thread. The `fails_at`-th raises: an error of that step alone, or the end of all."""

    fails_at: int = 0
    power_cut: bool = False
    taken: list[str] = field(default_factory=list)
    thread: int = field(default_factory=threading.get_ident)

    @property
    def fired(self) -> bool:
        """Whether it came so far."""
        return 0 < self.fails_at <= len(self.taken)

    def counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, as a step of this disk."""

        def step(*args: Any, **named: Any) -> Any:
            if threading.get_ident() != self.thread:
                return call(*args, **named)
            if self.power_cut and self.fired:
                raise PowerCut
            self.taken.append(name)
            if len(self.taken) == self.fails_at:
                raise PowerCut if self.power_cut else OSError(errno.EIO, os.strerror(errno.EIO))
            return call(*args, **named)

        return step


@contextmanager
def on(disk: Disk) -> Iterator[None]:
    """Within the block, every step is one of `disk`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, disk.counted(name, getattr(os, name)))
        yield
