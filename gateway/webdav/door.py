"""What the application asks of whoever decides on credentials. `devicedoor` is the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from auth.principal import Peer
from gateway.tree import FileSystem
from gateway.webdav.basic import Credentials


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody who signed in, and what they may see."""

    account_id: int
    fs: FileSystem
    is_service: bool = False


class Doorkeeper(Protocol):
    """Who decides on credentials. Thread-safe."""

    def admit(self, credentials: Credentials, peer: Peer) -> Admitted | None:
        """None: not accepted, and no more is said. Raises FSError; Unavailable(standing) tells its reason [R33]."""
        ...
