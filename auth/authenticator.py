"""THE way in: a `Candidate` shows factors, each becomes a `Proof`, and proofs, if they suffice, become a `Principal`.

Called by the adapters, from any thread. Whatever is raised, cancelled or late before `authenticate` returns leaves
nobody signed in: no state here says otherwise, and all that a success changes is committed before it is told. Unknown,
wrong, disabled and locked accounts take the same way, an Argon2 or its time included. Raises `SignInUnavailable`
where database, record or queue fail: an adapter answers that as a fault of the service, never as a wrong password.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from auth import credentials, page_sessions, places, trust
from auth.checks import Checks, as_unavailable
from auth.devices import Devices
from auth.judgement import Judgement
from auth.page_sessions import PageLimits
from auth.passwords import Passwords
from auth.principal import Candidate, Peer, Principal, Proof
from auth.recovery import RecoveryCodes
from auth.throttle import Throttle
from auth.totp import Totp
from auth.trust import TrustRules
from auth.verdicts import Doors, Recorder, Refusal
from config.clock import Clock
from config.database import Database
from config.entropy import Entropy

T = TypeVar("T")
Keep = Callable[[Connection, Principal], T]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageSignIn:
    """A browser that is signed in now: who, and what its cookie holds, which nothing else keeps."""

    principal: Principal
    token: str = field(repr=False)


class Authenticator(Checks):
    """Who is it? One per process."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        entropy: Entropy,
        passwords: Passwords,
        totp: Totp,
        recovery: RecoveryCodes,
        devices: Devices,
        throttle: Throttle,
        trust: TrustRules,
        pages: PageLimits,
        doors: Doors,
        recorder: Recorder,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            database=database,
            clock=clock,
            passwords=passwords,
            totp=totp,
            recovery=recovery,
            devices=devices,
            throttle=throttle,
            doors=doors,
            recorder=recorder,
            pause=pause,
        )
        self._judgement = Judgement(self._doors, trust)
        self._trust = trust
        self._pages = pages
        self._entropy = entropy

    def authenticate(self, candidate: Candidate, proofs: Collection[Proof]) -> Principal | Refusal:
        """Does what was shown suffice at this door? All is read anew, judged, recorded and remembered."""

        def keep(connection: Connection, principal: Principal) -> Principal:
            trust.found(connection, self._trust, principal, proofs)
            return principal

        return self._enter(candidate, proofs, keep)

    def open_page(self, candidate: Candidate, proofs: Collection[Proof]) -> PageSignIn | Refusal:
        """As `authenticate`, for a browser: its session is opened in the same transaction."""

        def keep(connection: Connection, principal: Principal) -> PageSignIn:
            at = principal.authenticated_at
            page_sessions.sweep(connection, at, self._pages)
            token = page_sessions.open_(connection, principal.account_id, principal.factors, at, self._entropy)
            return PageSignIn(principal=principal, token=token)

        return self._enter(candidate, proofs, keep)

    def resume(self, token: str, peer: Peer) -> Principal | Refusal | None:
        """Who the browser with this cookie is, judged anew by the doors; None where its session has ended.

        A Refusal, with what is to be told, where the session goes on and something stands in the way.
        """
        with as_unavailable():
            at = self._clock.now()
            with self._database.read() as connection:
                session = page_sessions.find(connection, token, at, self._pages)
                outcome = None if session is None else self._judgement.of_page(connection, session, peer, at)
            if isinstance(outcome, Refusal):
                return outcome if outcome.message else None
            if session is not None and session.is_long_unseen(at):
                with self._database.write() as connection:
                    page_sessions.touch(connection, token, at)
            return outcome

    def close_page(self, token: str) -> None:
        """Sign the browser with this cookie out."""
        with as_unavailable(), self._database.write() as connection:
            page_sessions.close(connection, token)

    def still_valid(self, principal: Principal, at: datetime) -> bool:
        """Are account, credential and networks of `principal` still in order?"""
        with as_unavailable(), self._database.read() as connection:
            return credentials.still_valid(connection, principal, at)

    def used(self, principal: Principal, client: str) -> None:
        """Note that the key or device that `principal` came by is in use, by the program `client`."""
        with as_unavailable(), self._database.write() as connection:
            credentials.used(connection, principal, client, self._clock.now())

    def _enter(self, candidate: Candidate, proofs: Collection[Proof], keep: Keep[T]) -> T | Refusal:
        """What `keep` makes of the principal, in the transaction that remembers it."""
        with as_unavailable():
            at = self._clock.now()
            with self._database.read() as connection:
                outcome = self._judgement.of_proofs(connection, candidate, proofs, at)
            if isinstance(outcome, Refusal):
                if not outcome.missing:
                    self._refuse(candidate, outcome.reason)
                return outcome
            with as_unavailable((Exception,)):
                self._recorder.signed_in(outcome, candidate.peer)
            with self._database.write() as connection:
                self._doors.hold(connection)
                again = self._judgement.of_proofs(connection, candidate, proofs, at)
                if isinstance(again, Principal):
                    places.remember(connection, again.account_id, again.address, at)
                    credentials.used(connection, again, candidate.peer.client, at)
                    return keep(connection, again)
            self._refuse(candidate, again.reason)
            return again
