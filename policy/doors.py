"""Which factors suffice at which door, and who is let in: signing in is one more action to judge [R14] [R16] [R17].

Two tables. `SUFFICES`: for each door and kind of account, the sets of factors any one of which opens it. `_rules`: what
keeps somebody out who has shown enough, and at which doors. Read them and you know every door.

Implements `auth.verdicts.Doors`. Thread-safe; raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, select

from auth import accounts
from auth.accounts import AccountRow
from auth.networks import inside
from auth.principal import AccountState, Door, Factor, Kind, Principal
from auth.verdicts import Effect, RefusalReason, Verdict
from policy import generations
from policy.access import OBSTACLES, Reason
from policy.holdings import obstacles
from policy.models import Membership, SchoolNetwork, role_holds

Factors = frozenset[Factor]

PASSWORD, KEY, DEVICE = Factor.PASSWORD, Factor.PUBLIC_KEY, Factor.DEVICE_PASSWORD
CODE, TRUST, RECOVERY = Factor.TOTP, Factor.TRUST, Factor.RECOVERY_CODE

# What stands first is asked for first. TRUST, a good code from here lately [R15], is found and never asked for: it
# stands after CODE.
SUFFICES: Mapping[tuple[Door, Kind], tuple[Factors, ...]] = MappingProxyType(
    {
        (Door.SFTP, Kind.PERSON): (
            frozenset({KEY, CODE}),
            frozenset({PASSWORD, CODE}),
            frozenset({KEY, TRUST}),
            frozenset({PASSWORD, TRUST}),
        ),
        (Door.SFTP, Kind.SERVICE): (frozenset({KEY}),),
        (Door.WEBDAV, Kind.PERSON): (frozenset({DEVICE}),),
        (Door.WEBDAV, Kind.SERVICE): (frozenset({DEVICE}),),
        (Door.PORTAL, Kind.PERSON): (
            frozenset({PASSWORD, CODE}),
            frozenset({PASSWORD, RECOVERY}),
        ),
        (Door.PORTAL, Kind.SERVICE): (),
    }
)

_EVERYWHERE = frozenset(Door)
_TO_DOCUMENTS = frozenset({Door.SFTP, Door.WEBDAV})  # the pages let somebody in to what mends it [R32]
_STATES = {
    AccountState.SUSPENDED: Reason.ACCOUNT_SUSPENDED,
    AccountState.INVITED: Reason.ACCOUNT_INVITED,
    AccountState.LEFT: Reason.ACCOUNT_ENDED,
}
_OF_CREDENTIALS: Mapping[str, Reason] = {
    RefusalReason.OTHER_NETWORK: Reason.OTHER_NETWORK,
    RefusalReason.REVIEW_OVERDUE: Reason.REVIEW_OVERDUE,
}


class DoorRule(StrEnum):
    """What has to hold for somebody to be let in who has shown enough, in the order in which it is judged."""

    STATE = "account"
    END = "end of the account"
    NETWORK = "network"
    DRIVE = "authority"
    BELONGING = "a school"
    IN_ORDER = "a school in order"


def _rules(
    account: AccountRow, schools: Sequence[Reason | None], address: str, at: datetime
) -> tuple[tuple[DoorRule, bool, Reason, frozenset[Door]], ...]:
    """The table: by which rule, whether something stands in the way, what, and at which doors; the gravest first.

    `schools`: what stands in the way of the documents of each, None where nothing does.
    """
    staff = bool(account.roles)
    expired = account.expires_at is not None and at >= account.expires_at
    elsewhere = bool(account.networks) and not inside(address, account.networks)
    state, ended = _STATES.get(account.state, Reason.ACCOUNT_ENDED), Reason.ACCOUNT_EXPIRED
    obstructed = None if staff or None in schools else next(iter(schools), None)
    return (
        (DoorRule.STATE, account.state is not AccountState.ACTIVE, state, _EVERYWHERE),
        (DoorRule.END, expired, ended, _EVERYWHERE),
        (DoorRule.NETWORK, elsewhere, Reason.OTHER_NETWORK, _EVERYWHERE),
        (DoorRule.DRIVE, staff, Reason.STAFF, frozenset({Door.WEBDAV})),
        (DoorRule.BELONGING, not staff and not schools, Reason.NO_SCHOOL, _TO_DOCUMENTS),
        (DoorRule.IN_ORDER, obstructed is not None, obstructed or Reason.UNKNOWN, _TO_DOCUMENTS),
    )


def _obstacles(
    account: AccountRow, schools: Sequence[Reason | None], address: str, at: datetime
) -> Iterator[tuple[Reason, frozenset[Door]]]:
    """What stands in the way of `account`, the gravest first, and at which doors. `schools` as in `_rules`."""
    return ((reason, doors) for _, applies, reason, doors in _rules(account, schools, address, at) if applies)


def judged(
    connection: Connection, account: AccountRow, address: str, at: datetime
) -> Iterator[tuple[DoorRule, Reason | None]]:
    """The rules of the doors in their order, each with what stands in the way by it; the first such one is the last.

    For whoever explains them: of somebody who comes from `address` and has shown enough.
    """
    for rule, applies, reason, _ in _rules(account, obstacles(connection, account.id, at), address, at):
        yield rule, reason if applies else None
        if applies:
            return


class PolicyDoors:
    """The rules of this authority. `refusals` are the sentences of `OBSTACLES` as people are told them."""

    def __init__(self, refusals: Mapping[Reason, str] = OBSTACLES) -> None:
        self._refusals = refusals

    def judge(
        self, connection: Connection, account: AccountRow, door: Door, factors: Factors, address: str, at: datetime
    ) -> Verdict:
        """May `account` come in by `door` from `address` with `factors`? Factors first, obstacles after."""
        sets = SUFFICES.get((door, account.kind), ())
        if not sets:
            return self._deny(Reason.WRONG_DOOR)
        if not any(wanted <= factors for wanted in sets):
            return Verdict(effect=Effect.MORE, reason="more factors", missing=_missing(sets, factors))
        found = _obstacles(account, obstacles(connection, account.id, at), address, at)
        obstacle = next((reason for reason, doors in found if door in doors), None)
        return Verdict(effect=Effect.PERMIT, reason=Reason.GRANTED) if obstacle is None else self._deny(obstacle)

    def notice(self, connection: Connection, principal: Principal, at: datetime) -> str | None:
        """Why somebody who is signed in to the pages is shown no documents at any door, as it is told; None: nothing.

        For an account alone that `judge` lets in: what would keep it out is told by its refusal.
        """
        account = accounts.get(connection, principal.account_id)
        if account is None:
            return None
        found = _obstacles(account, obstacles(connection, account.id, at), principal.address, at)
        return next((self._refusals[reason] for reason, doors in found if doors == _TO_DOCUMENTS), None)

    def told(self, reason: str) -> str:
        """The sentence for a key that is refused: it has ended, waits for a review, or does not come from here."""
        return self._refusals[_OF_CREDENTIALS.get(reason, Reason.CREDENTIAL_ENDED)]

    def known_networks(self, connection: Connection, account_id: int, at: datetime) -> Sequence[str]:
        """The networks of the schools that the account belongs to at `at`."""
        return (
            connection.execute(
                select(SchoolNetwork.network)
                .join(Membership, Membership.school_id == SchoolNetwork.school_id)
                .where(Membership.account_id == account_id, role_holds(at))
            )
            .scalars()
            .all()
        )

    def hold(self, connection: Connection) -> None:
        """Let nobody's access change until this transaction of writing has ended."""
        generations.hold(connection, generations.ACCESS)

    def _deny(self, reason: Reason) -> Verdict:
        return Verdict(effect=Effect.DENY, reason=reason, message=self._refusals[reason])


def _missing(sets: Sequence[Factors], factors: Factors) -> Factors:
    """What is to be asked for: the rest of a set that was begun, else of the first."""
    begun = next((wanted for wanted in sets if wanted & factors), sets[0])
    return begun - factors
