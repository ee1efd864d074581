"""What is done to an account by others: suspended, let in again, ended, handed over, reset, invited [R11] [R19] [R20].

Called by the commands and the pages, within a change; everything is recorded and, where it concerns the person, mailed.
Thread-safe. Raises OperatorError for what was asked wrongly, and then the change is to be given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from auth import accounts, endings
from auth.accounts import AccountRow
from auth.links import LIFE, Purpose
from auth.principal import AccountState, Kind
from auth.throttle import GuessLimits, Throttle
from config.clock import london_date
from config.errors import OperatorError
from gateway.change import Change
from gateway.core import Core
from gateway.issuing import CODES
from gateway.mail import outbox
from gateway.mail.outbox import PURPOSES, MailKind
from gateway.telling import tell
from policy import membership, roster
from policy.audit.events import EventKind
from policy.roster import Belonging

OWNERLESS_LIFE = timedelta(days=14)
"""How long a script goes on when its owner has left [R17]."""

BATCH = 50
"""How many people one change enters or invites, so that nobody's sign-in waits behind a county's."""

PRESENT = frozenset({AccountState.ACTIVE, AccountState.SUSPENDED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Orphan:
    """A script whose owner left: when it ends, whose headteachers were told, and which schools have none to tell."""

    script: AccountRow
    ends: datetime
    told: tuple[str, ...]
    untold: tuple[str, ...]


def suspend(core: Core, change: Change, account: AccountRow, because: str) -> None:
    """Keep somebody out for now; sessions, trust and links end, and links that were not mailed yet are not."""
    _refuse_oneself(change, account)
    if not because.strip():
        raise OperatorError("A suspension has a reason, for the record: give --because.")
    accounts.set_state(change.connection, account.id, AccountState.SUSPENDED, change.at)
    outbox.drop_waiting(change.connection, account.id, tuple(PURPOSES), change.at, "the account was suspended")
    _record(change, EventKind.ACCOUNT_CHANGED, account, f"suspended: {because.strip()}")


def activate(core: Core, change: Change, account: AccountRow) -> AccountState:
    """Let somebody who was suspended in again; the state. Who never finished an invitation is invited again."""
    if account.state is not AccountState.SUSPENDED:
        hints = {
            AccountState.INVITED: f"activates by the mailed link: 'ladocs account invite {account.username}' sends one",
            AccountState.ACTIVE: "is active already",
            AccountState.LEFT: f"has left: 'ladocs account invite {account.username}' lets a person come back",
        }
        raise OperatorError(f"{account.username} {hints[account.state]}.")
    finished = account.kind is Kind.SERVICE or account.has_totp or account.terms_accepted_at is not None
    state = AccountState.ACTIVE if finished else AccountState.INVITED
    accounts.set_state(change.connection, account.id, state, change.at)
    _record(change, EventKind.ACCOUNT_CHANGED, account, "let in again")
    return state


def leave(core: Core, change: Change, account: AccountRow) -> list[Orphan]:
    """End all of somebody who has left, at once; the scripts that are without an owner now, which go on for a while."""
    _refuse_oneself(change, account)
    if account.state is AccountState.LEFT:
        raise OperatorError(f"{account.username} has left already.")
    accounts.set_state(change.connection, account.id, AccountState.LEFT, change.at)
    _record(change, EventKind.ACCOUNT_CHANGED, account, "left")
    for held in roster.belongings(change.connection, account.id, change.at):
        membership.leave(change.connection, account.id, held.school_id, change.at)
        _record(change, EventKind.ACCESS_REVOKED, account, f"role {held.role}", school=held.school_id)
    outbox.drop_waiting(change.connection, account.id, tuple(MailKind), change.at, "the person has left")
    scripts = accounts.scripts_of(change.connection, account.id)
    return [_orphan(core, change, script, account) for script in scripts]


def hand_over(core: Core, change: Change, script: AccountRow, owner: AccountRow, until: datetime | None) -> None:
    """Give a script another owner; without `until` it ends when it would have ended."""
    accounts.set_owner(change.connection, script.id, owner.id)
    if until is not None:
        accounts.set_expiry(change.connection, script.id, until, change.at)
    _record(change, EventKind.ACCOUNT_CHANGED, script, f"handed over to account:{owner.id}")


def invite(core: Core, change: Change, account: AccountRow) -> None:
    """Mail somebody a link to activate the account, again where need be. Who has left comes back as invited."""
    if account.kind is not Kind.PERSON or account.state not in (AccountState.INVITED, AccountState.LEFT):
        raise OperatorError(f"{account.username} is {_what(account)}: only people who are not active yet are invited.")
    accounts.set_state(change.connection, account.id, AccountState.INVITED, change.at)
    outbox.drop_waiting(change.connection, account.id, (MailKind.INVITATION,), change.at, "another one was asked for")
    account = accounts.get(change.connection, account.id) or account
    tell(core, change, account, MailKind.INVITATION, **schools_of(change, account))
    _record(change, EventKind.ACCOUNT_CHANGED, account, "invited")


def invited_since(connection: Connection, at: datetime) -> set[int]:
    """The accounts that have an invitation which waits to be sent or was sent and could be good still at `at`."""
    return outbox.reached(connection, MailKind.INVITATION, at - LIFE[Purpose.ACTIVATION])


def schools_of(change: Change, account: AccountRow) -> dict[str, list[str]]:
    """The fact `schools` of a mail, left out for who belongs to none."""
    names = [one.school for one in roster.belongings(change.connection, account.id, change.at)]
    return {"schools": names} if names else {}


def reset_password(core: Core, change: Change, account: AccountRow) -> None:
    """End a person's password, with sessions, trust and links, and mail a link to choose another.

    One-time codes and the account's state stay as they are.
    """
    _refuse_unless_present(account, "a password")
    accounts.set_password_hash(change.connection, account.id, None, change.at)
    _record(change, EventKind.CREDENTIAL_REMOVED, account, "password")
    tell(core, change, account, MailKind.PASSWORD_RESET)


def reset_codes(core: Core, change: Change, account: AccountRow) -> None:
    """End a person's one-time codes, with recovery codes, sessions, trust and links, and mail a link to enrol anew."""
    _refuse_unless_present(account, "one-time codes")
    accounts.set_totp_sealed(change.connection, account.id, None, change.at)
    _record(change, EventKind.CREDENTIAL_REMOVED, account, CODES)
    tell(core, change, account, MailKind.CODES_RESET)


def unlock(core: Core, change: Change, account: AccountRow) -> int:
    """Forgive the wrong guesses of an account; how many were counted."""
    forgiven = Throttle(core.database, GuessLimits()).clear(change.connection, account.id)
    _record(change, EventKind.GUESSES_CLEARED, account, str(forgiven))
    return forgiven


def end_trust(core: Core, change: Change, account: AccountRow) -> int:
    """Ask for a code everywhere again; in how many places it was not."""
    ended = endings.end_trust(change.connection, account.id)
    _record(change, EventKind.TRUST_ENDED, account, str(ended))
    return ended


def _orphan(core: Core, change: Change, script: AccountRow, owner: AccountRow) -> Orphan:
    ends = min(change.at + OWNERLESS_LIFE, script.expires_at or change.at + OWNERLESS_LIFE)
    if ends > change.at:
        accounts.set_expiry(change.connection, script.id, ends, change.at)
    accounts.end_ownership(change.connection, script.id)
    _record(change, EventKind.ACCOUNT_CHANGED, script, f"without an owner, ends {london_date(ends)}")
    told: list[str] = []
    untold: list[str] = []
    for held in roster.belongings(change.connection, script.id, change.at):
        heads = roster.heads_of(change.connection, held.school_id, change.at)
        reached = [_warn(core, change, head, script, owner, ends, held) for head in heads]
        (told if any(reached) else untold).append(held.dfe)
    return Orphan(script=script, ends=ends, told=tuple(told), untold=tuple(untold))


def _warn(
    core: Core, change: Change, head: int, script: AccountRow, owner: AccountRow, ends: datetime, held: Belonging
) -> bool:
    person = accounts.get(change.connection, head)
    facts = {"script": script.username, "owner": owner.name, "last_day": london_date(ends).isoformat()}
    kind = MailKind.SCRIPT_WITHOUT_OWNER
    return person is not None and tell(core, change, person, kind, **facts, schools=[held.school])


def _refuse_oneself(change: Change, account: AccountRow) -> None:
    """So that the last administrator does not lock everybody out."""
    if change.actor == account.id:
        raise OperatorError(f"You act as {account.username}: another administrator keeps your own account out.")


def _refuse_unless_present(account: AccountRow, what: str) -> None:
    if account.kind is not Kind.PERSON:
        raise OperatorError(f"{account.username} is a script's and has no {what.removeprefix('a ')}: only people have.")
    if account.state not in PRESENT:
        hint = f"'ladocs account invite {account.username}' sends an invitation"
        raise OperatorError(f"{account.username} is {account.state} and has no {what.removeprefix('a ')}: {hint}.")


def _what(account: AccountRow) -> str:
    return "a script's account" if account.kind is Kind.SERVICE else account.state


def _record(change: Change, kind: EventKind, account: AccountRow, reason: str, *, school: int | None = None) -> None:
    change.record(kind, f"account:{account.id}", school=school, reason=reason)
