"""Room on the disk: an alarm at 10 %, publishing refuses at 5 %, and the record keeps a reserve of its own.

`room_at` is asked by the jobs' clock and by publishing; `AuditLog` gives the reserve up when its database says that the
disk is full, so that readers can be recorded while somebody makes room.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

RESERVE_BYTES = 64 * 1024 * 1024
_ALARM = 0.10
_REFUSE = 0.05


class Room(StrEnum):
    """How much is left."""

    ENOUGH = "enough"
    ALARM = "alarm"
    REFUSE = "refuse"


def judge(free: int, total: int) -> Room:
    """The verdict on `free` of `total` blocks. A disk that says nothing of its size is one that refuses."""
    if total <= 0 or free <= total * _REFUSE:
        return Room.REFUSE
    return Room.ALARM if free <= total * _ALARM else Room.ENOUGH


def room_at(folder: Path) -> Room:
    """The verdict on the file system that holds `folder`. Raises OSError."""
    state = os.statvfs(folder)
    return judge(state.f_bavail, state.f_blocks)


@dataclass(frozen=True, slots=True)
class Reserve:
    """A preallocated file beside the record, given up when the disk is full. Safe to use from several processes."""

    path: Path
    size: int = RESERVE_BYTES

    def ensure(self) -> None:
        """Take the room, unless it is held already. Raises OSError (ENOSPC)."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_blocks * 512 < self.size:
                os.posix_fallocate(descriptor, 0, self.size)
        except OSError:
            self.path.unlink(missing_ok=True)  # half a reserve would only stand in the way
            raise
        finally:
            os.close(descriptor)

    def release(self) -> bool:
        """Give the room back; whether there was any."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True
