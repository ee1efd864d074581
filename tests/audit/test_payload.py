"""The canonical text of an event: one definition, exact, and no way for a client's words to imitate a field."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.audit.events import Event, EventKind, Result
from policy.audit.payload import MAX_TEXT, decode, encode, needle
from tests.support.events import an_event

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "payloads.json").read_text())

FIELDS = {
    "v", "ts", "event", "actor", "school", "address", "client", "protocol", "session",
    "object", "reference", "range", "result", "reason", "count",
}  # fmt: skip

texts = st.text(max_size=40)
moments = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - Hypothesis wants naive bounds
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
spans = st.tuples(st.integers(0, 2**40), st.integers(0, 2**40))
events = st.builds(
    Event,
    event=st.sampled_from(EventKind),
    at=moments,
    result=st.sampled_from(Result),
    actor=st.none() | st.integers(1, 2**31),
    school=st.none() | st.integers(1, 2**31),
    address=texts,
    client=texts,
    protocol=texts,
    session=texts,
    object=texts,
    reference=texts,
    ranges=st.lists(spans, max_size=4).map(tuple),
    reason=texts,
    count=st.integers(0, 2**31),
)


@given(events)
@settings(max_examples=60)
def test_decode_gives_back_what_encode_was_given(event: Event) -> None:
    assert decode(encode(event)) == event


@given(events)
@settings(max_examples=60)
def test_payload_is_the_shortest_json_with_sorted_names(event: Event) -> None:
    payload = encode(event).decode()
    again = json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again == payload


@given(events, texts, texts)
@settings(max_examples=80)
def test_needle_is_in_a_payload_exactly_when_the_field_holds_the_value(event: Event, client: str, text: str) -> None:
    payload = encode(event)
    for name, value in (("client", text), ("reference", client), ("reference", event.reference), ("object", text)):
        assert (needle(name, value) in payload) == (getattr(event, name) == value)


def test_needle_is_not_fooled_by_a_client_that_calls_itself_a_field() -> None:
    payload = encode(an_event(actor=5, client='"actor":6,'))
    assert needle("actor", 6) not in payload


def test_payload_has_the_fields_of_the_format() -> None:
    assert set(json.loads(encode(an_event()))) == FIELDS


def test_encode_gives_the_vectors() -> None:
    for row in VECTORS:
        values = row["event"]
        made = Event(
            **{
                **values,
                "event": EventKind(values["event"]),
                "at": datetime.fromisoformat(values["at"]),
                "result": Result(values["result"]),
                "ranges": tuple((a, b) for a, b in values["ranges"]),
            }
        )
        assert encode(made).decode() == row["payload"]


def test_times_are_written_in_utc() -> None:
    at = datetime(2026, 7, 1, 1, 0, tzinfo=timezone(timedelta(hours=1)))
    assert json.loads(encode(an_event(at=at)))["ts"] == "2026-07-01T00:00:00.000000Z"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        encode(an_event(at=datetime(2026, 7, 1)))  # noqa: DTZ001 - that is what the test is about


def test_a_long_text_is_cut() -> None:
    assert len(json.loads(encode(an_event(client="x" * 100_000)))["client"]) == MAX_TEXT


def test_a_lone_surrogate_is_replaced() -> None:
    assert json.loads(encode(an_event(client="a\udcffb")))["client"] == "a?b"


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"\xff", b'{"v":1}', b"null"])
def test_what_was_never_written_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the promise
        decode(payload)


def test_a_payload_with_a_space_is_not_canonical() -> None:
    with pytest.raises(ValueError, match="canonical"):
        decode(encode(an_event()).replace(b",", b", ", 1))
