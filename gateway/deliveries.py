"""Deliveries: the rows of a published document, entered in its act's one transaction [R7] [R30].

Called by publishing alone. Takes the caller's connection; what it raises leaves nothing of the document. Thread-safe.
Raises sqlalchemy.exc.SQLAlchemyError, and what the vault raises where keys cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from config.clock import london_date
from config.entropy import Entropy
from gateway import names
from gateway.catalogue import Catalogue, Folder, in_folder
from gateway.item import Item, Published, Rules
from gateway.models import Audience, Delivery, Document, StoredObject
from gateway.vault.blob import Sealed
from gateway.vault.models import Purpose
from gateway.vault.vault import Vault, Wrapped
from policy import categories, generations, schools
from policy.access import AudienceOf
from policy.holdings import agreed
from policy.models import School
from policy.months import Month, destroy_day, last_day, visible_until
from policy.reach import schools_reached


class Deliveries:
    """Puts sealed documents into schools' folders."""

    def __init__(self, vault: Vault, entropy: Entropy, rules: Rules) -> None:
        self._vault = vault
        self._catalogue = Catalogue(vault)
        self._entropy = entropy
        self._window = rules.window
        self._fix_names = rules.fix_names

    def enter(
        self, connection: Connection, item: Item, sealed: Sealed, *, reference: str, batch: int, at: datetime
    ) -> Published:
        """Document, audience and deliveries of what is sealed, published at `at` (aware UTC)."""
        day, until = destroy_day(at), visible_until(at, self._window)
        wrapped = self._vault.wrap(connection, sealed, purpose=Purpose.PUBLISH, day=day, category_id=item.category_id)
        _enter_object(connection, item, sealed, wrapped, at)
        document_id = connection.execute(
            insert(Document)
            .values(
                reference=reference,
                object_id=sealed.object_id,
                batch_id=batch,
                category_id=item.category_id,
                published_at=at,
                last_day=last_day(at, self._window),
                visible_until=until,
                destroy_day=day,
                restricted=item.restriction.restricted,
                not_headteacher=item.restriction.not_headteacher,
                not_headteacher_reason=item.restriction.reason,
            )
            .returning(Document.id)
        ).scalar_one()
        for role in sorted(item.restriction.roles):
            connection.execute(insert(Audience).values(document_id=document_id, role=role))
        for account in sorted(item.restriction.accounts):
            connection.execute(insert(Audience).values(document_id=document_id, account_id=account))
        delivered = [
            (school, self._deliver(connection, item, sealed, wrapped, document_id, school, at, until))
            for school in sorted(set(item.schools))  # in one order: two publishers then never wait for each other
        ]
        warnings = _unread(connection, item, at)
        return Published(item.source, reference, tuple(delivered), sealed.length, warnings)

    def _deliver(
        self,
        connection: Connection,
        item: Item,
        sealed: Sealed,
        wrapped: Wrapped,
        document_id: int,
        school_id: int,
        at: datetime,
        until: datetime,
    ) -> str:
        folder = Folder(school_id, Month.of(london_date(at)), item.category_id)
        # Before the name is chosen: the counter's row keeps other publishers out of the school until we commit.
        generations.bump(connection, generations.content_of(school_id))
        wanted = item.wanted_name
        name = self._free_name(connection, folder, names.proposal(wanted) if self._fix_names else wanted)
        delivery_id = self._entropy(16)
        connection.execute(
            insert(Delivery).values(
                id=delivery_id,
                document_id=document_id,
                object_id=sealed.object_id,
                school_id=school_id,
                month=folder.month.key,
                category_id=item.category_id,
                kek_id=wrapped.kek_id,
                name_sealed=self._vault.seal_name(
                    wrapped.kek_id,
                    name,
                    delivery_id=delivery_id,
                    school_id=school_id,
                    category_id=item.category_id,
                    object_id=sealed.object_id,
                ),
                token=self._vault.token(wrapped.kek_id, folder.token_id, name),
                size=sealed.length,
                published_at=at,
                visible_until=until,
                restricted=item.restriction.restricted,
                not_headteacher=item.restriction.not_headteacher,
            )
        )
        return name

    def _free_name(self, connection: Connection, folder: Folder, wanted: str) -> str:
        """`wanted`, or the first `wanted (n)` that no document of the folder has or ever had."""
        for name in names.numbered(wanted):
            tokens: Sequence[bytes] = self._catalogue.tokens(connection, folder, name)
            taken = connection.execute(
                select(Delivery.id).where(in_folder(folder), Delivery.token.in_(tokens)).limit(1)
            ).first()
            if taken is None:
                return name
        raise AssertionError("names.numbered does not end")


def _unread(connection: Connection, item: Item, at: datetime) -> tuple[str, ...]:
    """A line for each school in which nobody can read the document: it would just sit there [R30]."""
    restriction = item.restriction
    reached = schools_reached(
        connection,
        item.schools,
        item.category_id,
        audience=AudienceOf(restriction.roles, restriction.accounts) if restriction.restricted else None,
        not_headteacher=restriction.not_headteacher,
        at=at,
    )
    if reached.issuperset(item.schools):
        return ()
    category = categories.names(connection)[item.category_id]
    in_force = set(connection.execute(select(School.id).where(agreed(at))).scalars())
    mends = {
        True: f"let somebody there read {category} ('ladocs account grant'), and see that their account is active.",
        False: "it has no agreement in force ('ladocs agreement record').",
    }
    return tuple(
        f"nobody at {school.dfe} {school.name} can read it: {mends[school.id in in_force]}"
        for school in schools.listing(connection)
        if school.id in set(item.schools) - reached
    )


def _enter_object(connection: Connection, item: Item, sealed: Sealed, wrapped: Wrapped, at: datetime) -> None:
    connection.execute(
        insert(StoredObject).values(
            id=sealed.object_id,
            kek_id=wrapped.kek_id,
            category_id=item.category_id,
            wrap=wrapped.wrap,
            length=sealed.length,
            segment_size=sealed.segment_size,
            ciphertext_sha256=sealed.ciphertext_sha256,
            commitment=sealed.commitment,
            created_at=at,
        )
    )
