"""`docs/events.md` is complete: every kind, and no field that a record cannot have."""

from __future__ import annotations

import json

import pytest

from policy.audit.events import EventKind
from policy.audit.payload import encode
from tests.support.events import an_event
from tests.support.events_page import ALWAYS, rows

FIELDS = set(json.loads(encode(an_event()))) - ALWAYS


def test_the_page_has_a_row_for_every_kind_and_for_nothing_else() -> None:
    assert set(rows()) == {kind.value for kind in EventKind}


@pytest.mark.parametrize("kind", EventKind)
def test_the_page_names_only_fields_that_a_record_has(kind: EventKind) -> None:
    assert rows()[kind.value] <= FIELDS
