"""At the foot of mails to headteachers it stands where the record stood, to be held against it later."""

from __future__ import annotations

import pytest

from gateway.mail.outbox import FACTS, MailKind
from gateway.mail.texts import WITNESSED
from tests.cli.county import County, made
from tests.mail.postroom import HEAD, Postroom
from tests.mail.test_texts import SAMPLES


def body(postroom: Postroom, kind: MailKind) -> str:
    postroom.post(kind, **{fact: SAMPLES[fact] for fact in FACTS[kind]})
    postroom.turn()
    [message] = postroom.messages()
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("kind", sorted(WITNESSED))
def test_a_mail_to_headteachers_tells_where_the_record_stands_in_one_word(postroom: Postroom, kind: MailKind) -> None:
    said = body(postroom, kind)
    assert [line for line in said.splitlines() if HEAD in line]
    assert "audit verify --against" in " ".join(said.split())


def test_a_mail_about_a_device_does_not(postroom: Postroom) -> None:
    assert "ladocs-head" not in body(postroom, MailKind.DEVICE_ADDED)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    """A home whose record goes on after the head that was mailed."""
    return made(tmp_path_factory.mktemp("county"))


def mailed(county: County) -> str:
    """What a mail of now would say: made of a checkpoint, as the service makes it."""
    parts = dict(part.split("=") for part in county("audit", "checkpoint").out.split()[1:])
    return f"ladocs-head/1:{parts['records']}:{parts['batch']}:{parts['link'][:20]}"


@pytest.mark.parametrize("form", ["{}", "> Our record stood at {} when this was sent.", "{} "])
def test_the_foot_of_a_mail_is_held_against_the_record(county: County, form: str) -> None:
    file = county.root / "mail.txt"
    file.write_text(form.format(mailed(county)) + "\n")
    county("school", "network", "830-2001", "--add", f"192.0.2.{len(form)}")
    said = county("audit", "verify", "--against", file, "--json").json
    assert (said["intact"], said["checkpoints"]["from_outside"]) == (True, 1)


def test_it_may_be_typed_in_place_of_a_file_also_in_capitals(county: County) -> None:
    head = mailed(county)
    typed = head[: head.rindex(":")] + head[head.rindex(":") :].upper()
    assert county("audit", "verify", "--against", typed, "--json").json["intact"]


@pytest.mark.parametrize("place", [-1, -20])
def test_a_link_that_differs_is_refused_with_what_differs(county: County, place: int) -> None:
    head = mailed(county)
    other = head[:place] + ("0" if head[place] != "0" else "1") + (head[place + 1 :] if place != -1 else "")
    [refused] = county("audit", "verify", "--against", other, "--json", status=1).json["refused"]
    assert refused.startswith("what was typed: it says link ")


def test_a_head_beyond_the_record_says_that_the_end_is_missing(county: County) -> None:
    [refused] = county("audit", "verify", "--against", f"ladocs-head/1:9999:9999:{'0' * 20}", "--json", status=1).json[
        "refused"
    ]
    assert refused == "what was typed: the record has no batch 9999: it ends before this checkpoint"
