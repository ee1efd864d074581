"""`--approve-as USER`: the second person of an act for two, who proves at the terminal who it is.

Password and one-time code are asked for and go the way of every sign-in: slowed, counted and recorded. Never a second
name by one person: the account is another than the actor's, has a role of the authority, and shows both factors itself.
Whatever is refused stands in the record, and nothing else has happened.
"""

from __future__ import annotations

import sys

import click

from auth.accounts import AccountRow
from auth.authenticator import Authenticator
from auth.principal import Door, Peer, Principal
from auth.verdicts import SignInUnavailable
from config.errors import OperatorError
from gateway import compose
from gateway.cli.desk import PUBLISHERS, Desk, account_named
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog

approve_option = click.option(
    "--approve-as", metavar="USER", help="The second person, asked here for the own password and one-time code."
)
_HERE = "127.0.0.1"


def second_person(here: Desk, log: AuditLog, username: str | None, act: str, reference: str) -> AccountRow:
    """Who approves `act` on the document with this reference beside the actor. Raises OperatorError."""

    def refused(why: str, told: str) -> OperatorError:
        log.record(
            Event(
                event=EventKind.ACCESS_REFUSED,
                at=here.core.clock.now(),
                result=Result.DENY,
                actor=here.actor.id,
                client=here.user,
                protocol="command",
                object=what,
                reference=reference,
                reason=f"{act}: {why}",
            )
        )
        return OperatorError(told)

    what = ""
    if username is None:
        raise refused("one person alone", "This takes two people: name the other with --approve-as USER.")
    with here.reading() as connection:
        account = account_named(connection, username)
    what = f"account:{account.id}"
    if account.id == here.actor.id:
        raise refused("one person alone", f"You act as {account.username} already: another person has to approve.")
    if not account.roles & PUBLISHERS:
        told = f"{account.username} may not approve this: it is for {' or '.join(sorted(PUBLISHERS))}."
        raise refused("no role for it", told)
    if not sys.stdin.isatty():
        raise OperatorError(f"{account.username} has to type password and code: give the command at a terminal.")
    try:
        proved = _proved(here, compose.authenticator(here.core, log), account)
    except SignInUnavailable as exc:
        raise OperatorError("Sign-in is not possible at present: see 'ladocs doctor'.") from exc
    if not proved:
        raise refused("not proved", f"{account.username} was not accepted: nothing was done.")
    return account


def _proved(here: Desk, authenticator: Authenticator, account: AccountRow) -> bool:
    """Whether both factors of `account` are shown; each is asked for, whatever the first comes to."""
    peer = Peer(address=_HERE, door=Door.PORTAL, client=f"ladocs, for {here.actor.username}")
    candidate = authenticator.candidate(account.username, peer)
    password = click.prompt(f"Password of {account.username}", hide_input=True, err=True)
    code = click.prompt(f"One-time code of {account.username}", hide_input=True, err=True)
    shown = [authenticator.check_password(candidate, password), authenticator.check_code(candidate, code)]
    proofs = [proof for proof in shown if proof is not None]
    return len(proofs) == len(shown) and isinstance(authenticator.authenticate(candidate, proofs), Principal)
