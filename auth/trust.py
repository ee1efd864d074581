"""A short trust after a good code [R15]: this account, from this address, by this first factor, is not asked again.

Trust is founded by a code alone: a recovery code founds none, because whoever needs one has lost what proves it is them
tomorrow; and trust itself prolongs none, so that a working day ends. It is of people at SFTP, whose programs open
several connections. Called by the authenticator and shown by the commands. Rows are shared by all processes;
`auth.endings` ends them. Functions act within the caller's transaction. Thread-safe.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network

from sqlalchemy import Connection, delete, select

from auth.models import Trust
from auth.networks import inside, parse_address
from auth.principal import Door, Factor, Kind, Peer, Principal, Proof
from auth.upsert import insert_into

_V6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class TrustRules:
    """How long trust lasts, zero for never, and the networks (CIDR) that strangers share, where there is none."""

    life: timedelta = timedelta(hours=10)
    shared_networks: tuple[str, ...] = ()

    def permit(self, kind: Kind, door: Door, address: str) -> bool:
        """Is there trust for this kind of account at this door and address? Raises ValueError for no address."""
        fits = kind is Kind.PERSON and door is Door.SFTP and self.life > timedelta()
        return fits and not inside(address, self.shared_networks)


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


def covers(
    connection: Connection,
    rules: TrustRules,
    account_id: int,
    kind: Kind,
    peer: Peer,
    proofs: Collection[Proof],
    at: datetime,
) -> bool:
    """Was a good code given from here, after the first factor that is among `proofs`, within the time of trust?"""
    first_factor = _first_factor(proofs)
    if first_factor is None or not rules.permit(kind, peer.door, peer.address):
        return False
    row = select(Trust.until).where(
        Trust.account_id == account_id,
        Trust.place == place_of(peer.address),
        Trust.first_factor == first_factor,
        Trust.since <= at,  # a clock that was put back revives no trust
        Trust.since > at - rules.life,  # nor does one outlive a setting that was shortened
        Trust.until > at,
    )
    return connection.execute(row).first() is not None


def found(connection: Connection, rules: TrustRules, principal: Principal, proofs: Collection[Proof]) -> None:
    """Somebody signed in: where that took a code, there is trust from now on. What has run out goes."""
    first_factor, at = _first_factor(proofs), principal.authenticated_at
    by_a_code = Factor.TOTP in principal.factors
    if first_factor is None or not by_a_code or not rules.permit(principal.kind, principal.door, principal.address):
        return
    key = {
        "account_id": principal.account_id,
        "place": place_of(principal.address),
        "first_factor": first_factor,
    }
    times = {"since": at, "until": at + rules.life}
    row = insert_into(connection, Trust).values(**key, **times)
    connection.execute(row.on_conflict_do_update(index_elements=list(key), set_=times))
    connection.execute(delete(Trust).where(Trust.account_id == principal.account_id, Trust.until <= at))


def listing(connection: Connection, account_id: int, at: datetime) -> list[TrustRow]:
    """Where this account is not asked for a code at `at`, the newest first."""
    live = select(Trust).where(Trust.account_id == account_id, Trust.since <= at, Trust.until > at)
    return [
        TrustRow(row.place, Factor(row.first_factor.partition(":")[0]), row.since, row.until)
        for row in connection.execute(live.order_by(Trust.since.desc()))
    ]


def _first_factor(proofs: Collection[Proof]) -> str | None:
    """What tells one first factor from the next: the password's digest or the key's id; None where none was shown."""
    for proof in proofs:
        if proof.factor is Factor.PASSWORD and proof.held_against is not None:
            return f"{Factor.PASSWORD}:{proof.held_against.hex()}"
        if proof.factor is Factor.PUBLIC_KEY:
            return f"{Factor.PUBLIC_KEY}:{proof.credential_id}"
    return None
