"""A record in the names of the Elastic Common Schema."""

from __future__ import annotations

import pytest

from policy.audit import ecs
from policy.audit.events import EventKind, Result
from tests.support.events import an_event

PEOPLE = {17: "p.raman", 18: "m.head"}
SCHOOLS = {3: ("830-2001", "Example Primary")}
CATEGORIES = {"authentication", "configuration", "database", "email", "file", "iam", "process"}
TYPES = {"access", "change", "creation", "deletion", "end", "info", "start"}
"""Of the values that the schema allows, those that we use."""


def told(**changes: object) -> dict[str, object]:
    return dict(ecs.flat(ecs.document(7, 2, an_event(**changes), PEOPLE, SCHOOLS)))


def test_an_event_is_told_in_the_names_of_the_schema() -> None:
    assert told(ranges=((0, 10), (20, 25)), event=EventKind.FILE_CLOSE) == {
        "@timestamp": "2026-11-23T12:00:00.000000Z",
        "ecs.version": "8.11.0",
        "event.kind": "event",
        "event.module": "ladocs",
        "event.dataset": "ladocs.record",
        "event.sequence": "7",
        "event.action": "file:close",
        "event.category": "file",
        "event.type": "access",
        "event.outcome": "success",
        "user.id": "17",
        "user.name": "p.raman",
        "organization.id": "830-2001",
        "organization.name": "Example Primary",
        "source.address": "192.0.2.7",
        "source.ip": "192.0.2.7",
        "user_agent.original": "WinSCP 6.3",
        "network.protocol": "sftp",
        "destination.bytes": "15",
        "ladocs.object": "00" * 16,
        "ladocs.reference": "D-7K4M-Q2",
        "ladocs.ranges": "0-10;20-25",
        "ladocs.count": "1",
        "ladocs.session": "s-1",
        "ladocs.batch": "2",
    }


def test_every_field_has_a_column_but_those_that_are_always_the_same() -> None:
    same = {"ecs.version", "event.kind", "event.module", "event.dataset"}
    fields = told(event=EventKind.FILE_CLOSE, ranges=((0, 1),), object="account:18", reason="x")
    assert set(fields) - same == set(ecs.COLUMNS)


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_has_a_category_and_a_type_of_the_schema(kind: EventKind) -> None:
    fields = told(event=kind)
    assert fields["event.category"] in CATEGORIES
    assert fields["event.type"] in TYPES


@pytest.mark.parametrize(
    ("result", "outcome"), [(Result.PERMIT, "success"), (Result.DENY, "failure"), (Result.ERROR, "failure")]
)
def test_a_result_is_an_outcome(result: Result, outcome: str) -> None:
    assert told(result=result)["event.outcome"] == outcome


def test_whom_an_act_was_done_to_is_its_target() -> None:
    fields = told(object="account:18")
    assert (fields["user.target.id"], fields["user.target.name"]) == ("18", "m.head")


def test_what_an_event_leaves_open_is_left_out() -> None:
    fields = told(actor=None, school=None, address="192.0.2.0/24", client="", object="key:7")
    assert not {"user.id", "organization.id", "source.ip", "user_agent.original", "user.target.id"} & set(fields)
    assert fields["source.address"] == "192.0.2.0/24"


def test_an_account_or_school_that_is_gone_keeps_its_number() -> None:
    fields = told(actor=99, school=98)
    assert (fields["user.id"], fields["organization.id"]) == ("99", "98")
    assert "user.name" not in fields
