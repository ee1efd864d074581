"""A short trust after a good code [R15]: this account, from this address, by this first factor, is not asked again.

Called by the authenticator and shown by the commands. Rows are shared by all processes; `auth.endings` ends them.
Functions act within the caller's transaction. Thread-safe.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network

from sqlalchemy import Connection, delete, select

from auth.models import Trust
from auth.networks import inside, parse_address
from auth.principal import Factor, Proof
from auth.upsert import insert_into

_V6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class TrustRules:
    """How long trust lasts, zero for never, and the networks (CIDR) that strangers share, where it never begins."""

    life: timedelta = timedelta(hours=10)
    shared_networks: tuple[str, ...] = ()

    def follow_at(self, address: str) -> bool:
        """May a good code at `address` be followed by trust?"""
        return self.life > timedelta() and not inside(address, self.shared_networks)

    def cover(
        self, connection: Connection, account_id: int, address: str, proofs: Collection[Proof], at: datetime
    ) -> bool:
        """Was a good code given from `address` after the same first factor as among `proofs`, within `life`?"""
        first_factor = first_factor_of(proofs)
        return (
            first_factor is not None
            and self.follow_at(address)
            and covers(connection, account_id, address, first_factor, at, self.life)
        )


@dataclass(frozen=True, slots=True)
class TrustRow:
    """A trusted place, as people see it: an address, or a /64 of IPv6. Times are aware UTC."""

    place: str
    by: Factor
    since: datetime
    until: datetime


def place_of(address: str) -> str:
    """What counts as the same address: itself, or its /64 in IPv6. Raises ValueError."""
    parsed = parse_address(address)
    return str(parsed) if parsed.version == 4 else str(ip_network(f"{parsed}/{_V6_PREFIX}", strict=False))


def first_factor_of(proofs: Collection[Proof]) -> str | None:
    """What tells one first factor from the next: the password's digest or the key's id; None where none was shown."""
    for proof in proofs:
        if proof.factor is Factor.PASSWORD and proof.held_against is not None:
            return f"{Factor.PASSWORD}:{proof.held_against.hex()}"
        if proof.factor is Factor.PUBLIC_KEY:
            return f"{Factor.PUBLIC_KEY}:{proof.credential_id}"
    return None


def covers(
    connection: Connection, account_id: int, address: str, first_factor: str, at: datetime, life: timedelta
) -> bool:
    """Was a good code given from here, after this first factor, within the time of trust, then and now?"""
    row = select(Trust.until).where(
        Trust.account_id == account_id,
        Trust.place == place_of(address),
        Trust.first_factor == first_factor,
        Trust.since <= at,  # a clock that was put back revives no trust
        Trust.since > at - life,
        Trust.until > at,
    )
    return connection.execute(row).first() is not None


def remember(
    connection: Connection, account_id: int, address: str, first_factor: str, at: datetime, life: timedelta
) -> None:
    """A good code was given: trust from now on for `life`. What has run out goes."""
    values = {"since": at, "until": at + life}
    row = insert_into(connection, Trust).values(
        account_id=account_id, place=place_of(address), first_factor=first_factor, **values
    )
    connection.execute(row.on_conflict_do_update(index_elements=["account_id", "place", "first_factor"], set_=values))
    connection.execute(delete(Trust).where(Trust.account_id == account_id, Trust.until <= at))


def listing(connection: Connection, account_id: int, at: datetime) -> list[TrustRow]:
    """Where this account is not asked for a code at `at`, the newest first."""
    live = select(Trust).where(Trust.account_id == account_id, Trust.until > at).order_by(Trust.since.desc())
    return [
        TrustRow(row.place, Factor(row.first_factor.partition(":")[0]), row.since, row.until)
        for row in connection.execute(live)
    ]
