"""THE way in: a `Candidate` shows factors, each becomes a `Proof`, and `authenticate` alone makes a `Principal`.

Called by the adapters, from any thread. Whatever is raised, cancelled or late before `authenticate` returns leaves
nobody signed in: no state here says otherwise, and all that a success changes is committed before it is told. Unknown,
wrong, disabled and locked accounts take the same way, an Argon2 or its time included. Raises `SignInUnavailable`
where database, record or queue fail: an adapter answers that as a fault of the service, never as a wrong password.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from auth import accounts, credentials, keys, places
from auth.accounts import AccountRow
from auth.argon import GateBusy
from auth.credentials import Held
from auth.devices import Devices, has_shape
from auth.guessing import Attempt, Guessing
from auth.keys import KeyRow
from auth.passwords import Passwords
from auth.principal import Candidate, Factor, Peer, Principal, Proof
from auth.standing import Standing, standing
from auth.throttle import Reservation, Throttle, TurnRefused, give_back
from auth.totp import Totp, spend, step_for
from auth.verdicts import Doors, Effect, Recorder, Refusal, RefusalReason, SignInUnavailable
from config.clock import Clock
from config.database import Database
from config.errors import OperatorError

PROOF_LIFE = timedelta(minutes=5)
_NOBODYS_SECRET = "A" * 32
_FAULTS = (SQLAlchemyError, OSError, GateBusy, TurnRefused, OperatorError)


class Authenticator:
    """Who is it? One per process."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        passwords: Passwords,
        totp: Totp,
        devices: Devices,
        throttle: Throttle,
        doors: Doors,
        recorder: Recorder,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._totp = totp
        self._devices = devices
        self._guessing = Guessing(database, clock, throttle, doors)
        self._doors = doors
        self._recorder = recorder

    def candidate(self, username: str, peer: Peer) -> Candidate:
        r"""Somebody who says a name: short or e-mail address, in any case, behind any `DOMAIN\\`."""
        with _as_unavailable(), self._database.read() as connection:
            account = accounts.find(connection, username)
            account_id = None if account is None else account.id
            known = self._guessing.is_known(connection, account_id, peer.address, self._clock.now())
        return Candidate(username=accounts.plain_username(username), account_id=account_id, peer=peer, known=known)

    def check_password(self, candidate: Candidate, text: str) -> Proof | None:
        """The account's password. Every call runs one Argon2, or takes as long as one."""

        def attempt(reservation: Reservation, at: datetime) -> Proof | RefusalReason:
            stored = self._stored_hash(candidate)
            if not self._passwords.verify(stored, text, known=reservation.known) or stored is None:
                return RefusalReason.NO_PASSWORD if stored is None else RefusalReason.WRONG_PASSWORD
            outdated = self._passwords.is_outdated(stored)
            newer = self._passwords.hash(text, known=reservation.known) if outdated else None
            proof = _proof(candidate, Factor.PASSWORD, at, held_against=credentials.digest_of(newer or stored))
            with self._database.write() as connection:
                give_back(connection, reservation)
                if newer is not None:
                    accounts.replace_password_hash(connection, proof.account_id, stored, newer)
            return proof

        return self._guess(candidate, attempt, self._passwords.gate.linger)

    def check_code(self, candidate: Candidate, code: str) -> Proof | None:
        """A TOTP code, which is used up: of all who show it at once, in any process, one gets the proof."""

        def attempt(reservation: Reservation, at: datetime) -> Proof | RefusalReason:
            sealed = self._totp_sealed(candidate)
            secret = None if sealed is None else self._totp.open(candidate.account_id or 0, sealed)
            step = step_for(secret or _NOBODYS_SECRET, code, at)
            if sealed is None or step is None:
                return RefusalReason.WRONG_CODE
            proof = _proof(candidate, Factor.TOTP, at, step=step, held_against=credentials.digest_of(sealed))
            with self._database.write() as connection:
                give_back(connection, reservation)  # a code used before was no guess either
                return proof if spend(connection, proof.account_id, step) else RefusalReason.CODE_SPENT

        return self._guess(candidate, attempt)

    def check_device(self, candidate: Candidate, text: str) -> Proof | None:
        """A device password. Only a wrong one is a guess: 120 random bits are found by nobody, however often they try.

        Lanes that are full of wrong ones keep no right one out; one that has ended is refused and locks nobody out.
        What has not the shape of one, such as an account's password, is refused uncounted: nothing is found that way.
        """
        with _as_unavailable():
            at = self._clock.now()
            with self._database.read() as connection:
                device = self._devices.match(connection, candidate.account_id, text)
            if device is None and has_shape(text):
                return self._guess(candidate, lambda reservation, at: RefusalReason.WRONG_DEVICE)
            if device is None:
                unknown = candidate.account_id is None
                self._refuse(candidate, RefusalReason.UNKNOWN_ACCOUNT if unknown else RefusalReason.NOT_A_DEVICE)
                return None
            objection = device.objection(candidate.peer.address, at)
            if objection is None:
                return _proof(candidate, Factor.DEVICE_PASSWORD, at, credential_id=device.id)
            self._refuse(candidate, objection)
            return None

    def offers_key(self, candidate: Candidate, openssh_public: str) -> bool:
        """Is this key (`type base64`) the account's, in whatever standing? Counts and records nothing."""
        with _as_unavailable():
            return self._key(candidate, openssh_public) is not None

    def check_public_key(self, candidate: Candidate, openssh_public: str) -> Proof | Refusal | None:
        """The key whose signature over this connection the caller has verified.

        A Refusal where the key is the account's and does not do: another one may, so nothing ends with it.
        """
        with _as_unavailable():
            at = self._clock.now()
            key = self._key(candidate, openssh_public)
            objection = RefusalReason.KEY_REFUSED if key is None else key.objection(candidate.peer.address, at)
            if key is not None and objection is None:
                return _proof(candidate, Factor.PUBLIC_KEY, at, credential_id=key.id)
            reason = objection or RefusalReason.KEY_REFUSED
            self._refuse(candidate, reason)
            return (
                None if key is None else Refusal(reason=reason, message=self._why_not_this_key(candidate, reason, at))
            )

    def authenticate(self, candidate: Candidate, proofs: Collection[Proof]) -> Principal | Refusal:
        """The one place that makes a Principal: all is read anew, judged, remembered and recorded."""
        with _as_unavailable():
            at = self._clock.now()
            with self._database.read() as connection:
                outcome = self._judge(connection, candidate, proofs, at)
            if isinstance(outcome, Refusal):
                if not outcome.missing:
                    self._refuse(candidate, outcome.reason)
                return outcome
            with self._database.write() as connection:
                places.remember(connection, outcome.account_id, outcome.address, at)
                credentials.used(connection, outcome, candidate.peer.client, at)
            with _as_unavailable((Exception,)):
                self._recorder.signed_in(outcome, candidate.peer)
            return outcome

    def still_valid(self, principal: Principal, at: datetime) -> bool:
        """Are account, credential and networks of `principal` still in order?"""
        with _as_unavailable(), self._database.read() as connection:
            return credentials.still_valid(connection, principal, at)

    def _guess(
        self, candidate: Candidate, attempt: Attempt, when_full: Callable[[], object] = lambda: None
    ) -> Proof | None:
        with _as_unavailable():
            outcome = self._guessing.once(candidate, attempt)
            if isinstance(outcome, Proof):
                return outcome
            if outcome is RefusalReason.TOO_MANY_GUESSES:
                when_full()
            self._refuse(candidate, RefusalReason.UNKNOWN_ACCOUNT if candidate.account_id is None else outcome)
            return None

    def _judge(
        self, connection: Connection, candidate: Candidate, proofs: Collection[Proof], at: datetime
    ) -> Principal | Refusal:
        account = None if candidate.account_id is None else accounts.get(connection, candidate.account_id)
        if account is None:
            return Refusal(reason=RefusalReason.UNKNOWN_ACCOUNT)
        objection = _objection(candidate, proofs, at)
        if objection is not None:
            return Refusal(reason=objection)
        held = credentials.reread(connection, account, proofs, at)
        if held is None:
            return Refusal(reason=RefusalReason.CREDENTIAL_ENDED)
        factors = frozenset(proof.factor for proof in proofs)
        peer = candidate.peer
        verdict = self._doors.judge(connection, account, peer.door, factors, peer.address, at)
        if verdict.effect is Effect.MORE:
            return Refusal(reason=verdict.reason, missing=verdict.missing)
        if verdict.effect is not Effect.PERMIT:
            return Refusal(reason=verdict.reason, message=verdict.message)
        principal = _principal(account, held, factors, peer, at)
        # The doors may only narrow: no verdict lets in an account that is not active.
        good = standing(connection, principal, at) is Standing.GOOD
        return principal if good else Refusal(reason=RefusalReason.ACCOUNT_ENDED)

    def _stored_hash(self, candidate: Candidate) -> str | None:
        with self._database.read() as connection:
            return accounts.password_hash(connection, candidate.account_id or 0)

    def _totp_sealed(self, candidate: Candidate) -> bytes | None:
        with self._database.read() as connection:
            return accounts.totp_sealed(connection, candidate.account_id or 0)

    def _key(self, candidate: Candidate, openssh_public: str) -> KeyRow | None:
        with self._database.read() as connection:
            return keys.match(connection, candidate.account_id, openssh_public)

    def _why_not_this_key(self, candidate: Candidate, reason: RefusalReason, at: datetime) -> str | None:
        """The reason for whom the key is all that the door wants; nothing for whom more is wanted [R33]."""
        shown, peer = frozenset({Factor.PUBLIC_KEY}), candidate.peer
        with self._database.read() as connection:
            account = accounts.get(connection, candidate.account_id or 0)
            if account is None:
                return None
            verdict = self._doors.judge(connection, account, peer.door, shown, peer.address, at)
        return None if verdict.effect is Effect.MORE else self._doors.told(reason)

    def _refuse(self, candidate: Candidate, reason: str) -> None:
        with _as_unavailable((Exception,)):
            self._recorder.refused(candidate, reason)


def _objection(candidate: Candidate, proofs: Collection[Proof], at: datetime) -> RefusalReason | None:
    own = all(p.account_id == candidate.account_id and p.address == candidate.peer.address for p in proofs)
    rows = (
        (not proofs, RefusalReason.NOTHING_SHOWN),
        (not own, RefusalReason.FOREIGN_PROOF),
        (any(abs(at - proof.at) > PROOF_LIFE for proof in proofs), RefusalReason.STALE_PROOF),
    )
    return next((reason for applies, reason in rows if applies), None)


def _principal(account: AccountRow, held: Held, factors: frozenset[Factor], peer: Peer, at: datetime) -> Principal:
    ends = [end for end in (account.expires_at, held.expires_at) if end is not None]
    return Principal(
        account_id=account.id,
        username=account.username,
        name=account.name,
        kind=account.kind,
        layout=account.layout,
        roles=account.roles,
        factors=factors,
        credential_id=held.credential_id,
        authenticated_at=at,
        address=peer.address,
        door=peer.door,
        valid_until=min(ends, default=None),
    )


def _proof(
    candidate: Candidate,
    factor: Factor,
    at: datetime,
    *,
    credential_id: int | None = None,
    step: int | None = None,
    held_against: bytes | None = None,
) -> Proof:
    if candidate.account_id is None:
        raise ValueError("nobody can have shown a factor")
    return Proof(
        account_id=candidate.account_id,
        factor=factor,
        address=candidate.peer.address,
        at=at,
        credential_id=credential_id,
        step=step,
        held_against=held_against,
    )


@contextmanager
def _as_unavailable(causes: tuple[type[Exception], ...] = _FAULTS) -> Iterator[None]:
    try:
        yield
    except causes as exc:
        raise SignInUnavailable("sign-in is not possible at present") from exc
