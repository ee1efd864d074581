"""All that is held about one account: the answer to whoever asks what is known of them [R37].

Called by `ladocs report person`. What the tables hold stands in `PARTS`, which a test compares with every column that
names an account; what the record says of somebody is read by `policy.audit.person`. No password, code, key, hash or
secret is in it, and of documents the reference alone. Takes the caller's connection; raises
sqlalchemy.exc.SQLAlchemyError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from auth.models import (
    Account,
    AccountNetwork,
    AccountRole,
    Device,
    KnownPlace,
    Link,
    PageSession,
    RecoveryCode,
    SessionRow,
    SshKey,
    Trust,
)
from gateway.mail.outbox import Mail
from gateway.models import Audience, Batch, DeletionRequest, Document, Hold, Withdrawal
from policy.models import AccessReview, AgreementSigned, Category, Grant, Membership, School

Column = InstrumentedAttribute[Any]
Shown = Mapping[str, ColumnElement[Any] | InstrumentedAttribute[Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table. `whose`: the columns that name the account, in any one of them; `shown`: what is told."""

    whose: tuple[Column, ...]
    shown: Shown


def _account(column: Column) -> ScalarSelect[str]:
    other = aliased(Account)
    return select(other.username).where(other.id == column).scalar_subquery()


def _school(column: Column) -> ScalarSelect[str]:
    return select(School.dfe).where(School.id == column).scalar_subquery()


def _category(column: Column) -> ScalarSelect[str]:
    return select(Category.name).where(Category.id == column).scalar_subquery()


def _document(column: Column) -> ScalarSelect[str]:
    return select(Document.reference).where(Document.id == column).scalar_subquery()


def _columns(table: type[Any], names: str) -> dict[str, Column]:
    return {name: getattr(table, name) for name in names.split()}


_ROLE: Shown = {
    "account": _account(Membership.account_id),
    "school": _school(Membership.school_id),
    **_columns(Membership, "role since expires_at ended_at suspended_at"),
    "given_by": _account(Membership.given_by),
    "because": Membership.why,
}
_GRANT: Shown = {
    "account": _account(Grant.account_id),
    "school": _school(Grant.school_id),
    "category": _category(Grant.category_id),
    **_columns(Grant, "since expires_at revoked_at"),
    "given_by": _account(Grant.given_by),
    "because": Grant.why,
}
_CREDENTIAL = "networks created_at expires_at last_used_at last_address last_client suspended_at revoked_at"

PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "account": Part(
            (Account.id,),
            {
                **_columns(Account, "username name email kind layout state created_at expires_at terms_accepted_at"),
                "has_password": Account.password_hash.is_not(None),
                "has_one_time_codes": Account.totp_sealed.is_not(None),
                "owner": _account(Account.owner_id),
            },
        ),
        "authority_roles": Part((AccountRole.account_id,), _columns(AccountRole, "role")),
        "networks": Part((AccountNetwork.account_id,), _columns(AccountNetwork, "network")),
        "scripts_owned": Part((Account.owner_id,), _columns(Account, "username name state expires_at")),
        "roles": Part((Membership.account_id,), _ROLE),
        "categories": Part((Grant.account_id,), _GRANT),
        "keys": Part((SshKey.account_id,), _columns(SshKey, f"id name fingerprint {_CREDENTIAL}")),
        "device_passwords": Part((Device.account_id,), _columns(Device, f"id name {_CREDENTIAL}")),
        "recovery_codes": Part((RecoveryCode.account_id,), _columns(RecoveryCode, "created_at used_at")),
        "links": Part((Link.account_id,), _columns(Link, "purpose created_at expires_at ended_at")),
        "trusted_places": Part((Trust.account_id,), _columns(Trust, "place since until")),
        "known_places": Part((KnownPlace.account_id,), _columns(KnownPlace, "prefix last_at")),
        "sessions": Part((SessionRow.account_id,), _columns(SessionRow, "door opened_at seen_at")),
        "page_sessions": Part((PageSession.account_id,), _columns(PageSession, "factors opened_at seen_at")),
        "mails": Part(
            (Mail.account_id,),
            _columns(Mail, "kind address facts created_at sent_at dropped_at given_up_at trouble"),
        ),
        "documents_addressed": Part(
            (Audience.account_id,), {"reference": _document(Audience.document_id), "role": Audience.role}
        ),
        "roles_given": Part((Membership.given_by,), _ROLE),
        "categories_given": Part((Grant.given_by,), _GRANT),
        "batches_published": Part((Batch.account_id,), _columns(Batch, "id published_at note")),
        "agreements_recorded": Part(
            (AgreementSigned.recorded_by,),
            {
                "school": _school(AgreementSigned.school_id),
                **_columns(AgreementSigned, "version signed_on signed_by recorded_at"),
            },
        ),
        "reviews_confirmed": Part(
            (AccessReview.confirmed_by,),
            {"school": _school(AccessReview.school_id), **_columns(AccessReview, "term confirmed_at")},
        ),
        "holds": Part(
            (Hold.placed_by, Hold.lifted_by, Hold.approved_by),
            {
                "reference": _document(Hold.document_id),
                **_columns(Hold, "why placed_at lifted_at lifted_why"),
                **{name: _account(getattr(Hold, name)) for name in ("placed_by", "lifted_by", "approved_by")},
            },
        ),
        "withdrawals": Part(
            (Withdrawal.withdrawn_by, Withdrawal.confirmed_by),
            {
                "reference": _document(Withdrawal.document_id),
                "school": _school(Withdrawal.school_id),
                **_columns(Withdrawal, "why withdrawn_at confirmed_at"),
                **{name: _account(getattr(Withdrawal, name)) for name in ("withdrawn_by", "confirmed_by")},
            },
        ),
        "deletion_requests": Part(
            (DeletionRequest.asked_by, DeletionRequest.decided_by),
            {
                "reference": _document(DeletionRequest.document_id),
                "school": _school(DeletionRequest.school_id),
                **_columns(DeletionRequest, "why asked_at decision decided_at decided_why"),
                **{name: _account(getattr(DeletionRequest, name)) for name in ("asked_by", "decided_by")},
            },
        ),
    }
)
"""Everything that tables hold about an account, in the order in which it is told."""

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {"totp_use.account_id": "which steps of the clock were spent: a number for each code, kept for minutes"}
)
"""Columns that name an account and are not told, and why."""


def held(connection: Connection, account_id: int) -> dict[str, list[dict[str, Any]]]:
    """What the tables hold about the account, part by part, in the order of the rows."""
    return {name: _rows(connection, part, account_id) for name, part in PARTS.items()}


def _rows(connection: Connection, part: Part, account_id: int) -> list[dict[str, Any]]:
    table = part.whose[0].class_
    columns = [column.label(name) for name, column in part.shown.items()]
    wanted = or_(*(column == account_id for column in part.whose))
    rows = connection.execute(select(*columns).select_from(table).where(wanted)).mappings()
    return [_plain(dict(row)) for row in rows]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The facts of a mail as what they are."""
    return {**row, "facts": json.loads(row["facts"])} if "facts" in row else row
