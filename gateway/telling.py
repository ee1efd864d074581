"""Telling a person by mail what happened to the account, or to a script of theirs.

Called by every act that a person is told of, within its change: both happen or neither does. Thread-safe.
"""

from __future__ import annotations

from typing import Any

from auth import accounts
from auth.accounts import AccountRow
from auth.principal import AccountState, Kind
from gateway.change import Change
from gateway.core import Core
from gateway.mail import outbox
from gateway.mail.outbox import Letter, MailKind


def tell(core: Core, change: Change, account: AccountRow, kind: MailKind, **facts: Any) -> bool:
    """Mail a person, or the owner of a script, what happened to the account; False where there is nobody to mail."""
    person: AccountRow | None = account
    if account.kind is Kind.SERVICE:
        facts["script"] = account.username
        person = accounts.get(change.connection, account.owner_id or 0)
    if person is None or person.email is None or person.state is AccountState.LEFT:
        return False
    if change.actor not in (None, person.id):
        doer = accounts.get(change.connection, change.actor)
        facts |= {} if doer is None else {"by": doer.name}
    if change.address:
        facts["address"] = change.address
    letter = Letter(kind=kind, address=person.email, account_id=person.id, facts=facts)
    outbox.post(change.connection, letter, change.at, core.entropy)
    return True
