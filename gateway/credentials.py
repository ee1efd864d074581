"""What somebody signed in to the pages does with the own credentials, and a headteacher for the own staff [R12] [R13].

Called by the pages. Every act is one change in which the session
is judged anew, recorded before it is committed, and mailed where it could be an intruder's. Thread-safe. Raises
NotAccepted, OperatorError, and SignInUnavailable or RecordUnavailable where the service, not the person, is at fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from auth import accounts, credentials, devices, endings, keys, page_sessions, recovery, trust
from auth.accounts import AccountRow
from auth.authenticator import Authenticator
from auth.devices import DeviceRow
from auth.keys import KeyRow
from auth.labels import cleaned
from auth.passwords import normalised
from auth.principal import Factor, Peer, Principal, Proof
from auth.standing import Standing, standing
from auth.trust import TrustRow
from config.errors import OperatorError
from gateway import staffing
from gateway.change import Change, NotAllowed, changing
from gateway.core import Core
from gateway.enrolment import NotAccepted
from gateway.giving import end_device, end_key, give_device, give_key
from gateway.issuing import NewCodes, begin_codes, chosen, new_recovery_codes, own_words, take_codes
from gateway.mail.outbox import MailKind
from gateway.telling import tell
from policy import roster
from policy.audit.events import EventKind
from policy.audit.log import AuditLog
from policy.staffing import Act, Refusal, refusal

_WRONG = "The password is not right: try again."
_TAKEN = "You have a device password of this name already: choose another name, or end the other one first."
_NOBODY = "Nobody of your staff is called so: reset the codes of people in your list alone."


@dataclass(frozen=True, kw_only=True, slots=True)
class Colleague:
    """Somebody for whom a headteacher answers, once for each school."""

    username: str
    name: str
    school: str
    role: str
    state: str
    has_totp: bool


class OwnCredentials:
    """The acts of somebody signed in to the pages. One per process."""

    def __init__(self, core: Core, log: AuditLog, authenticator: Authenticator) -> None:
        self._core = core
        self._log = log
        self._authenticator = authenticator

    def change_password(self, principal: Principal, current: str, new: str, peer: Peer) -> str:
        """Keep a new password; sessions, trust and links end. The cookie of the session that goes on here."""
        proof = self._proof(principal, current, peer)
        at = self._core.clock.now()
        with self._core.database.read() as connection:
            account = accounts.get(connection, principal.account_id)
            words = () if account is None else own_words(connection, account, at)
        if account is None:
            raise NotAccepted
        stored = chosen(self._core, account, new, words)
        if normalised(new) == normalised(current):
            raise OperatorError("This is the password that you have: choose another one.")
        with self.act(principal, peer, proof) as (change, account):
            accounts.set_password_hash(change.connection, account.id, stored, change.at)
            change.record(EventKind.CREDENTIAL_ADDED, f"account:{account.id}", reason="password")
            tell(self._core, change, account, MailKind.PASSWORD_CHANGED)
            return self._session_anew(change, principal, principal.factors)

    def begin_codes(self, principal: Principal, password: str, peer: Peer) -> NewCodes:
        """A secret for an authenticator, to be confirmed within an hour; the one in use stays in use."""
        proof = self._proof(principal, password, peer)
        with self.act(principal, peer, proof) as (change, account):
            return begin_codes(self._core, change, account)

    def confirm_codes(self, principal: Principal, code: str, peer: Peer) -> tuple[tuple[str, ...], str]:
        """A code of the new secret: it is in use from now on, and sessions, trust and links end.

        Ten recovery codes, shown once, and the cookie of the session that goes on here.
        """
        proof = self._authenticator.check_new_code(self._authenticator.candidate(principal.username, peer), code)
        if proof is None:
            raise NotAccepted("This is no code of the new secret: wait for the next one and type it.")
        with self.act(principal, peer) as (change, account):
            codes = take_codes(self._core, change, account, proof)
            if codes is None:
                raise NotAccepted("Another secret was begun since: scan the newest one.")
            tell(self._core, change, account, MailKind.CODES_CHANGED)
            factors = principal.factors - {Factor.RECOVERY_CODE} | {Factor.TOTP}
            return codes, self._session_anew(change, principal, factors)

    def new_recovery_codes(self, principal: Principal, password: str, peer: Peer) -> tuple[str, ...]:
        """Ten recovery codes, shown once; those before end."""
        proof = self._proof(principal, password, peer)
        with self.act(principal, peer, proof) as (change, account):
            if not account.has_totp:
                raise NotAccepted("Recovery codes go with one-time codes: set up an authenticator first.")
            tell(self._core, change, account, MailKind.RECOVERY_CODES_MADE)
            return new_recovery_codes(self._core, change, account)

    def recovery_left(self, principal: Principal) -> int:
        """How many recovery codes are still good."""
        with self._core.database.read() as connection:
            return recovery.left(connection, principal.account_id)

    def recovery_code_used(self, principal: Principal, peer: Peer) -> None:
        """Tell whoever came in with a recovery code that one was used, and how many are left."""
        with self._core.database.write() as connection:
            account = accounts.get(connection, principal.account_id)
            change = Change(connection, self._core.clock.now(), principal.account_id, peer.client, address=peer.address)
            if account is not None:
                left = recovery.left(connection, account.id)
                tell(self._core, change, account, MailKind.RECOVERY_CODE_USED, left=left)

    def devices(self, principal: Principal) -> list[DeviceRow]:
        """One's device passwords, the oldest first, ended ones too."""
        with self._core.database.read() as connection:
            return devices.listing(connection, principal.account_id)

    def keys(self, principal: Principal) -> list[KeyRow]:
        """One's keys, the oldest first, ended ones too."""
        with self._core.database.read() as connection:
            return keys.listing(connection, principal.account_id)

    def scripts(self, principal: Principal) -> list[AccountRow]:
        """The service accounts that one owns, by short name; those of the authority change them."""
        with self._core.database.read() as connection:
            return accounts.scripts_of(connection, principal.account_id)

    def add_device(self, principal: Principal, name: str, networks: Iterable[str], peer: Peer) -> str:
        """A device password for one's own drive, shown once; refused where one of that name is there already."""
        with self.act(principal, peer) as (change, account):
            held = devices.listing(change.connection, account.id)
            if any(device.revoked_at is None and device.name == cleaned(name) for device in held):
                raise OperatorError(_TAKEN)
            return give_device(self._core, change, account, name, networks)[0]

    def revoke_device(self, principal: Principal, number: int, peer: Peer) -> None:
        """End one's device password of this number."""
        with self.act(principal, peer) as (change, account):
            end_device(change, account.id, number)

    def add_key(self, principal: Principal, text: str, name: str, peer: Peer) -> KeyRow:
        """A key of one's own, from its OpenSSH line."""
        with self.act(principal, peer) as (change, account):
            return give_key(self._core, change, account, text, name)

    def remove_key(self, principal: Principal, number: int, peer: Peer) -> None:
        """End one's key of this number for good."""
        with self.act(principal, peer) as (change, account):
            end_key(change, account.id, number)

    def places(self, principal: Principal) -> list[TrustRow]:
        """Where one is not asked for a code again, the newest first."""
        with self._core.database.read() as connection:
            return trust.listing(connection, principal.account_id, self._core.clock.now())

    def sign_out_elsewhere(self, principal: Principal, peer: Peer) -> str:
        """End sessions, trust and links of one's own; drives and scripts go on. The cookie of the session here."""
        with self.act(principal, peer) as (change, account):
            endings.end_sessions(change.connection, account.id, change.at)
            change.record(EventKind.ACCOUNT_CHANGED, f"account:{account.id}", reason="signed out everywhere else")
            return self._session_anew(change, principal, principal.factors)

    def colleagues(self, principal: Principal) -> list[Colleague]:
        """The staff of the schools of which one is headteacher; nobody for anybody else."""
        at, found = self._core.clock.now(), []
        with self._core.database.read() as connection:
            me = roster.party(connection, principal.account_id, at)
            for account_id, school_id, school, role in roster.staff_of(connection, me.account_id or 0, at):
                account, party = accounts.get(connection, account_id), roster.party(connection, account_id, at)
                barred = refusal(me, Act.RESET_CODES, party, school_id) is not None
                if account is not None and account.state in staffing.PRESENT and not barred:
                    found.append(_colleague(account, school, role))
        return found

    def reset_codes(self, principal: Principal, username: str, peer: Peer) -> None:
        """End the one-time codes of somebody of one's own staff, who is mailed a link to enrol anew [R13] [R21].

        Raises NotAccepted for whoever is not; that somebody tried is recorded. It does not say who exists elsewhere.
        """
        try:
            with self.act(principal, peer) as (change, me):
                account = accounts.find(change.connection, username)
                if account is None:
                    raise change.refused(Act.RESET_CODES, Refusal.NOT_STAFF, "")
                mine = roster.party(change.connection, me.id, change.at).heads
                theirs = roster.party(change.connection, account.id, change.at).belongs
                school_id = min(mine & theirs or theirs, default=None)
                if school_id is None or account.state not in staffing.PRESENT:
                    raise change.refused(Act.RESET_CODES, Refusal.NOT_STAFF, f"account:{account.id}")
                change.require(Act.RESET_CODES, account.id, school_id)
                staffing.reset_codes(self._core, change, account)
        except NotAllowed as exc:
            raise NotAccepted(_NOBODY) from exc

    def _proof(self, principal: Principal, password: str, peer: Peer) -> Proof:
        """That the one who asks knows the password; a wrong one is a guess like any other."""
        proof = self._authenticator.check_password(self._authenticator.candidate(principal.username, peer), password)
        if proof is None:
            raise NotAccepted(_WRONG)
        return proof

    @contextmanager
    def act(self, principal: Principal, peer: Peer, proof: Proof | None = None) -> Iterator[tuple[Change, AccountRow]]:
        """A change by `principal`, whose session and proof still hold within it."""
        with changing(
            self._core, self._log, principal.account_id, peer.client, protocol=peer.door, address=peer.address
        ) as change:
            account = accounts.get(change.connection, principal.account_id)
            if account is None or standing(change.connection, principal, change.at) is not Standing.GOOD:
                raise NotAccepted("You have been signed out: sign in again.")
            if proof is not None and credentials.reread(change.connection, account, [proof], change.at) is None:
                raise NotAccepted(_WRONG)
            yield change, account

    def _session_anew(self, change: Change, principal: Principal, factors: Iterable[Factor]) -> str:
        return page_sessions.open_(change.connection, principal.account_id, factors, change.at, self._core.entropy)


def _colleague(account: AccountRow, school: str, role: str) -> Colleague:
    return Colleague(
        username=account.username,
        name=account.name,
        school=school,
        role=role,
        state=account.state,
        has_totp=account.has_totp,
    )
