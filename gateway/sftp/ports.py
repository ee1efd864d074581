"""What the SFTP door needs of the rooms below it, as it uses them. The real ones and the tests' fakes both fit.

All are synchronous and thread-safe; the door calls them from its pools.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from auth.principal import Candidate, Peer, Principal, Proof
from auth.verdicts import Refusal
from gateway.tree import FileSystem


class Authenticator(Protocol):
    """Who is it? `authenticate` is the one place that makes a Principal."""

    def candidate(self, username: str, peer: Peer) -> Candidate: ...

    def check_password(self, candidate: Candidate, text: str) -> Proof | None: ...

    def offers_key(self, candidate: Candidate, openssh_public: str) -> bool: ...

    def check_public_key(self, candidate: Candidate, openssh_public: str) -> Proof | Refusal | None: ...

    def check_code(self, candidate: Candidate, code: str) -> Proof | None: ...

    def authenticate(self, candidate: Candidate, proofs: Collection[Proof]) -> Principal | Refusal: ...


class OpenSession(Protocol):
    """A session that is open."""

    @property
    def principal(self) -> Principal: ...

    @property
    def fs(self) -> FileSystem: ...

    def ended(self) -> bool:
        """Whether it is over, because it was closed or because what it rests on has ended. Waits for nothing."""
        ...

    def close(self) -> None: ...


class Sessions(Protocol):
    """The sessions of this process."""

    def open(self, principal: Principal, peer: Peer) -> OpenSession:
        """A new one. Raises FSError where a limit or the account's standing refuses."""
        ...

    def review(self) -> None:
        """End those whose account, key or password has ended."""
        ...

    @property
    def lost(self) -> bool:
        """Whether `review` could say nothing for five seconds. Waits for nothing."""
        ...
