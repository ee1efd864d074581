"""Which factors suffice at which door, and who is let in: signing in is one more action to judge [R14] [R16] [R17].

Implements `auth.verdicts.Doors`. A door's rule is a row: for a kind of account, the sets of factors any one of which
opens it. Thread-safe; raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, select

from auth.accounts import AccountRow
from auth.networks import inside
from auth.principal import AccountState, Door, Factor, Kind
from auth.verdicts import Effect, RefusalReason, Verdict
from policy import generations
from policy.access import OBSTACLES, Reason
from policy.models import Membership, School, SchoolNetwork
from policy.schools import SchoolState

_SUFFICES: Mapping[tuple[Door, Kind], tuple[frozenset[Factor], ...]] = MappingProxyType(
    {
        (Door.SFTP, Kind.PERSON): (
            frozenset({Factor.PUBLIC_KEY, Factor.TOTP}),
            frozenset({Factor.PASSWORD, Factor.TOTP}),
            frozenset({Factor.PUBLIC_KEY, Factor.TRUST}),
            frozenset({Factor.PASSWORD, Factor.TRUST}),
        ),
        (Door.SFTP, Kind.SERVICE): (frozenset({Factor.PUBLIC_KEY}),),
        (Door.WEBDAV, Kind.PERSON): (frozenset({Factor.DEVICE_PASSWORD}),),
        (Door.WEBDAV, Kind.SERVICE): (frozenset({Factor.DEVICE_PASSWORD}),),
        (Door.PORTAL, Kind.PERSON): (
            frozenset({Factor.PASSWORD, Factor.TOTP}),
            frozenset({Factor.PASSWORD, Factor.RECOVERY_CODE}),
        ),
    }
)
_STATES = {
    AccountState.SUSPENDED: Reason.ACCOUNT_SUSPENDED,
    AccountState.INVITED: Reason.ACCOUNT_INVITED,
    AccountState.LEFT: Reason.ACCOUNT_ENDED,
}


class PolicyDoors:
    """The rules of this authority. `refusals` are the sentences of `OBSTACLES` as people are told them."""

    def __init__(self, refusals: Mapping[Reason, str] = OBSTACLES) -> None:
        self._refusals = refusals

    def judge(
        self,
        connection: Connection,
        account: AccountRow,
        door: Door,
        factors: frozenset[Factor],
        address: str,
        at: datetime,
    ) -> Verdict:
        """May `account` come in by `door` from `address` with `factors`? Factors first, obstacles after."""
        sets = _SUFFICES.get((door, account.kind), ())
        if not sets:
            return self._deny(Reason.WRONG_DOOR)
        if not any(wanted <= factors for wanted in sets):
            # A set that was begun, else the first; nothing shown that counts here still wants a whole set.
            begun = next((wanted for wanted in sets if wanted & factors), sets[0])
            return Verdict(effect=Effect.MORE, reason="more factors", missing=begun - factors)
        obstacle = self._obstacle(connection, account, door, address, at)
        return self._deny(obstacle) if obstacle else Verdict(effect=Effect.PERMIT, reason=Reason.GRANTED)

    def told(self, reason: str) -> str:
        """The sentence for a key that is refused: it has ended, or does not come from here."""
        return self._refusals[
            Reason.OTHER_NETWORK if reason == RefusalReason.OTHER_NETWORK else Reason.CREDENTIAL_ENDED
        ]

    def known_networks(self, connection: Connection, account_id: int) -> Sequence[str]:
        """The networks of the schools that the account belongs to."""
        return (
            connection.execute(
                select(SchoolNetwork.network)
                .join(Membership, Membership.school_id == SchoolNetwork.school_id)
                .where(Membership.account_id == account_id, Membership.ended_at.is_(None))
            )
            .scalars()
            .all()
        )

    def hold(self, connection: Connection) -> None:
        """Let nobody's access change until this transaction of writing has ended."""
        generations.hold(connection, generations.ACCESS)

    def _obstacle(
        self, connection: Connection, account: AccountRow, door: Door, address: str, at: datetime
    ) -> Reason | None:
        states = (
            []
            if account.roles
            else connection.execute(
                select(School.state)
                .join(Membership, Membership.school_id == School.id)
                .where(Membership.account_id == account.id, Membership.ended_at.is_(None))
            )
            .scalars()
            .all()
        )
        rows = (
            (account.state is not AccountState.ACTIVE, _STATES.get(account.state, Reason.ACCOUNT_ENDED)),
            (account.expires_at is not None and at >= account.expires_at, Reason.ACCOUNT_EXPIRED),
            (bool(account.networks) and not inside(address, account.networks), Reason.OTHER_NETWORK),
            (bool(account.roles) and door is Door.WEBDAV, Reason.STAFF),
            (not account.roles and not states, Reason.NO_SCHOOL),
            (bool(states) and SchoolState.ACTIVE not in states, Reason.SCHOOL_SUSPENDED),
        )
        return next((reason for applies, reason in rows if applies), None)

    def _deny(self, reason: Reason) -> Verdict:
        message = self._refusals.get(reason, self._refusals[Reason.ACCOUNT_ENDED])
        return Verdict(effect=Effect.DENY, reason=reason, message=message)
