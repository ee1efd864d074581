"""From what was shown to who came in: the one place that makes a `Principal`.

Called by the authenticator, for proofs and for the cookie of the pages. All is read anew within the caller's
transaction and judged by the doors. Thread-safe; raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from auth import accounts, credentials, trust
from auth.accounts import AccountRow
from auth.credentials import Held
from auth.page_sessions import PageSessionRow
from auth.principal import Candidate, Factor, Peer, Principal, Proof
from auth.standing import Standing, standing
from auth.trust import TrustRules
from auth.verdicts import Doors, Effect, Refusal, RefusalReason

PROOF_LIFE = timedelta(minutes=5)


class Judgement:
    """Makes principals, or says why not."""

    def __init__(self, doors: Doors, trust_rules: TrustRules) -> None:
        self._doors = doors
        self._trust = trust_rules

    def of_proofs(
        self, connection: Connection, candidate: Candidate, proofs: Collection[Proof], at: datetime
    ) -> Principal | Refusal:
        """Whoever says this name and has shown these factors just now."""
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
        if Factor.TOTP not in factors and trust.covers(
            connection, self._trust, account.id, account.kind, candidate.peer, proofs, at
        ):
            factors |= {Factor.TRUST}
        return self._admit(connection, account, candidate.peer, factors, held, at, since=at)

    def of_page(self, connection: Connection, session: PageSessionRow, peer: Peer, at: datetime) -> Principal | Refusal:
        """Whose browser shows the cookie of `session`, by the factors with which that was opened."""
        account = accounts.get(connection, session.account_id)
        if account is None:
            return Refusal(reason=RefusalReason.UNKNOWN_ACCOUNT)
        return self._admit(connection, account, peer, session.factors, Held(), at, since=session.opened_at)

    def _admit(
        self,
        connection: Connection,
        account: AccountRow,
        peer: Peer,
        factors: frozenset[Factor],
        held: Held,
        at: datetime,
        *,
        since: datetime,
    ) -> Principal | Refusal:
        verdict = self._doors.judge(connection, account, peer.door, factors, peer.address, at)
        if verdict.effect is Effect.MORE:
            return Refusal(reason=verdict.reason, missing=verdict.missing)
        if verdict.effect is not Effect.PERMIT:
            return Refusal(reason=verdict.reason, message=verdict.message)
        ends = [end for end in (account.expires_at, held.expires_at) if end is not None]
        principal = Principal(
            account_id=account.id,
            username=account.username,
            name=account.name,
            kind=account.kind,
            layout=account.layout,
            roles=account.roles,
            factors=factors,
            credential_id=held.credential_id,
            authenticated_at=since,
            address=peer.address,
            door=peer.door,
            valid_until=min(ends, default=None),
        )
        # The doors may only narrow: no verdict lets in an account that is not active.
        good = standing(connection, principal, at) is Standing.GOOD
        return principal if good else Refusal(reason=RefusalReason.ACCOUNT_ENDED)


def _objection(candidate: Candidate, proofs: Collection[Proof], at: datetime) -> RefusalReason | None:
    own = all(p.account_id == candidate.account_id and p.address == candidate.peer.address for p in proofs)
    rows = (
        (not proofs, RefusalReason.NOTHING_SHOWN),
        (not own, RefusalReason.FOREIGN_PROOF),
        (any(abs(at - proof.at) > PROOF_LIFE for proof in proofs), RefusalReason.STALE_PROOF),
    )
    return next((reason for applies, reason in rows if applies), None)
