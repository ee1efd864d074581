"""The limits of the HTTP door, as one frozen value. Sizes are in bytes, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from config.defaults import KIB
from config.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpLimits:
    """How much, how many and how long. The defaults are those of `settings.http`.

    `threads` serve requests; at most a quarter of them (`lobby_threads`) serve connections that have not signed in,
    and `lobby_per_prefix` of those one address prefix. `lobby_connections` may be open without having signed in,
    and `person_connections` (or `service_connections`) of one account that have. A place in the lobby is kept for
    `lobby_grace` at least, and for `lobby_answer` once the whole request is there and we are at work on it: a password
    takes as long as the queue before Argon2, which a school that signs in at one moment makes itself.
    A response must move `rate_bytes` in every `rate_seconds` that are spent sending.
    """

    threads: int = 96
    lobby_per_prefix: int = 8
    lobby_connections: int = 512
    lobby_connections_per_prefix: int = 64
    lobby_grace: float = 0.5
    lobby_answer: float = 5.0
    backlog: int = 128
    keep_alive_connections: int = 240
    keep_alive_seconds: float = 60.0
    handshake_seconds: float = 5.0
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    header_bytes: int = 16 * KIB
    body_bytes: int = 64 * KIB
    rate_bytes: int = 60 * 16 * KIB
    rate_seconds: float = 60.0
    linger_seconds: float = 2.0
    person_connections: int = 16
    service_connections: int = 32
    requests_per_account: int = 8
    account_wait: float = 10.0

    @property
    def lobby_threads(self) -> int:
        """How many threads may be busy with connections that have not signed in."""
        return max(1, self.threads // 4)

    @classmethod
    def of(cls, settings: Settings) -> HttpLimits:
        """The limits that `settings.http` and `settings.limits` give."""
        return cls(
            lobby_connections=settings.limits.unauthenticated_connections,
            lobby_connections_per_prefix=settings.limits.unauthenticated_per_address,
            person_connections=settings.limits.person_connections,
            service_connections=settings.limits.service_connections,
            **settings.http.model_dump(),
        )
