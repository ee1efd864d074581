"""What is shown becomes a `Proof`: passwords, codes, recovery codes, device passwords, keys.

The base of the authenticator, whose promises hold here. A wrong answer counts as a guess [R18] and goes to the record
with its true reason; the caller hears None, whatever that was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from auth import accounts, credentials, keys
from auth.argon import GateBusy
from auth.devices import Devices, has_shape
from auth.guessing import Attempt, Guessing
from auth.keys import KeyRow
from auth.misfits import Misfits
from auth.pace import Pace
from auth.passwords import Passwords
from auth.principal import Candidate, Factor, Peer, Proof
from auth.recovery import RecoveryCodes
from auth.throttle import Reservation, Throttle, TurnRefused, give_back
from auth.totp import Totp, spend, step_for
from auth.verdicts import Doors, Effect, Recorder, Refusal, RefusalReason, SignInUnavailable
from config.clock import Clock
from config.database import Database
from config.errors import OperatorError

_NOBODYS_SECRET = "A" * 32
_ARGON2, _QUICK = 0.05, 0.01  # seconds that a refusal takes until one has been timed
_TRIED = frozenset(
    {
        RefusalReason.WRONG_PASSWORD,
        RefusalReason.NO_PASSWORD,
        RefusalReason.WRONG_CODE,
        RefusalReason.CODE_SPENT,
        RefusalReason.WRONG_RECOVERY_CODE,
        RefusalReason.WRONG_DEVICE,
    }
)
_FAULTS = (SQLAlchemyError, OSError, GateBusy, TurnRefused, OperatorError)


@contextmanager
def as_unavailable(causes: tuple[type[Exception], ...] = _FAULTS) -> Iterator[None]:
    """What fails inside is no one's fault: raises SignInUnavailable in its place."""
    try:
        yield
    except causes as exc:
        raise SignInUnavailable("sign-in is not possible at present") from exc


class Checks:
    """Turns what somebody shows into proofs."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        passwords: Passwords,
        totp: Totp,
        devices: Devices,
        recovery: RecoveryCodes,
        throttle: Throttle,
        doors: Doors,
        recorder: Recorder,
        pause: Callable[[float], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._totp = totp
        self._devices = devices
        self._recovery = recovery
        self._guessing = Guessing(database, clock, throttle, doors)
        self._misfits = Misfits(clock)
        codes = Pace(clock, pause, first=_QUICK)
        self._paces = {
            Factor.PASSWORD: Pace(clock, pause, first=_ARGON2),
            Factor.TOTP: codes,
            Factor.RECOVERY_CODE: codes,  # both are typed into one field
            Factor.DEVICE_PASSWORD: Pace(clock, pause, first=_QUICK),
        }
        self._doors = doors
        self._recorder = recorder

    def candidate(self, username: str, peer: Peer) -> Candidate:
        r"""Somebody who says a name: short or e-mail address, in any case, behind any `DOMAIN\\`."""
        with as_unavailable(), self._database.read() as connection:
            account = accounts.find(connection, username)
            account_id = None if account is None else account.id
            known = self._guessing.is_known(connection, account_id, peer.address, self._clock.now())
        return Candidate(username=accounts.plain_username(username), account_id=account_id, peer=peer, known=known)

    def check_password(self, candidate: Candidate, text: str) -> Proof | None:
        """The account's password. Whatever is refused ran an Argon2, or takes as long as one."""

        def attempt(reservation: Reservation, at: datetime) -> Proof | RefusalReason:
            with self._database.read() as connection:
                stored = accounts.password_hash(connection, candidate.account_id or 0)
            if not self._passwords.verify(stored, text, known=reservation.known) or stored is None:
                return RefusalReason.NO_PASSWORD if stored is None else RefusalReason.WRONG_PASSWORD
            outdated = self._passwords.is_outdated(stored)
            newer = self._passwords.hash(text, known=reservation.known) if outdated else None
            proof = _proof(candidate, Factor.PASSWORD, at, held_against=credentials.digest_of(newer or stored))
            with self._database.write() as connection:
                if newer is None or accounts.replace_password_hash(connection, proof.account_id, stored, newer):
                    give_back(connection, reservation)
                    return proof
            return attempt(reservation, at)  # another process was faster, or the password has been changed

        return self._guess(candidate, Factor.PASSWORD, attempt)

    def check_code(self, candidate: Candidate, code: str) -> Proof | None:
        """A TOTP code, which is used up: of all who show it at once, in any process, one gets the proof."""
        return self._check_totp(candidate, code, pending=False)

    def check_new_code(self, candidate: Candidate, code: str) -> Proof | None:
        """As `check_code`, of the secret that waits for its confirming code: it has arrived in somebody's app."""
        return self._check_totp(candidate, code, pending=True)

    def check_recovery_code(self, candidate: Candidate, text: str) -> Proof | None:
        """A recovery code, which is used up like a code [R13]."""

        def attempt(reservation: Reservation, at: datetime) -> Proof | RefusalReason:
            with self._database.write() as connection:
                if not self._recovery.spend(connection, candidate.account_id or 0, text, at):
                    return RefusalReason.WRONG_RECOVERY_CODE
                give_back(connection, reservation)
                return _proof(candidate, Factor.RECOVERY_CODE, at)

        return self._guess(candidate, Factor.RECOVERY_CODE, attempt)

    def check_device(self, candidate: Candidate, text: str) -> Proof | None:
        """A device password. Only a wrong one is a guess: 120 random bits are found by nobody, however often they try.

        Lanes that are full of wrong ones keep no right one out; one that has ended is refused and locks nobody out.
        What has not the shape of one, such as an account's password, is refused uncounted: nothing is found that way.
        """

        def judge() -> Proof | RefusalReason:
            at = self._clock.now()
            with self._database.read() as connection:
                device = self._devices.match(connection, candidate.account_id, text)
            if device is None and has_shape(text):
                return self._guessing.once(candidate, lambda reservation, at: RefusalReason.WRONG_DEVICE)
            if device is None:
                self._misfits.tell(candidate)
                return RefusalReason.NOT_A_DEVICE
            objection = device.objection(candidate.peer.address, at)
            return objection or _proof(candidate, Factor.DEVICE_PASSWORD, at, credential_id=device.id)

        return self._paced(candidate, Factor.DEVICE_PASSWORD, judge)

    def offers_key(self, candidate: Candidate, openssh_public: str) -> bool:
        """Is this key (`type base64`) the account's, in whatever standing? Counts and records nothing."""
        with as_unavailable():
            return self._key(candidate, openssh_public) is not None

    def check_public_key(self, candidate: Candidate, openssh_public: str) -> Proof | Refusal | None:
        """The key whose signature over this connection the caller has verified.

        A Refusal where the key is the account's and does not do: another one may, so nothing ends with it.
        """
        with as_unavailable():
            at = self._clock.now()
            key = self._key(candidate, openssh_public)
            objection = RefusalReason.KEY_REFUSED if key is None else key.objection(candidate.peer.address, at)
            if key is not None and objection is None:
                return _proof(candidate, Factor.PUBLIC_KEY, at, credential_id=key.id)
            reason = objection or RefusalReason.KEY_REFUSED
            self._refuse(candidate, reason)
            told = self._why_not_this_key(candidate, reason, at)
            return None if key is None else Refusal(reason=reason, message=told)

    def _check_totp(self, candidate: Candidate, code: str, *, pending: bool) -> Proof | None:
        account_id = candidate.account_id or 0

        def attempt(reservation: Reservation, at: datetime) -> Proof | RefusalReason:
            with self._database.read() as connection:
                sealed = (
                    accounts.totp_pending(connection, account_id, at)
                    if pending
                    else accounts.totp_sealed(connection, account_id)
                )
            secret = None if sealed is None else self._totp.open(account_id, sealed)
            step = step_for(secret or _NOBODYS_SECRET, code, at)
            if sealed is None or step is None:
                return RefusalReason.WRONG_CODE
            proof = _proof(candidate, Factor.TOTP, at, step=step, held_against=credentials.digest_of(sealed))
            with self._database.write() as connection:
                give_back(connection, reservation)  # a code used before was no guess either
                return proof if spend(connection, account_id, step) else RefusalReason.CODE_SPENT

        return self._guess(candidate, Factor.TOTP, attempt)

    def _guess(self, candidate: Candidate, factor: Factor, attempt: Attempt) -> Proof | None:
        return self._paced(candidate, factor, lambda: self._guessing.once(candidate, attempt))

    def _paced(self, candidate: Candidate, factor: Factor, judge: Callable[[], Proof | RefusalReason]) -> Proof | None:
        """The proof; or None, when it was written down why and the time of a refusal has passed."""
        with as_unavailable():
            began = self._clock.monotonic()
            outcome = judge()
            if isinstance(outcome, Proof):
                return outcome
            self._refuse(candidate, outcome)
            self._paces[factor].keep(began, tried=outcome in _TRIED)
            return None

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
        """Into the record, with the true reason."""
        with as_unavailable((Exception,)):
            self._recorder.refused(candidate, RefusalReason.UNKNOWN_ACCOUNT if candidate.account_id is None else reason)


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
