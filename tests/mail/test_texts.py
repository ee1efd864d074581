"""What mails say, all kinds alike: whom to ask, an address to press in three alone, nothing that a name brings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from email.utils import getaddresses
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.expiring import What
from gateway.about import Contact
from gateway.mail.message import Envelope, written
from gateway.mail.outbox import ALSO, FACTS, PURPOSES, MailKind
from gateway.mail.phrases import day, moment
from gateway.mail.texts import Link, Occasion, text
from policy.agreement import Stage
from policy.review import Stage as Reviewing
from policy.reviewed import What as Reviewed
from tests.mail.postroom import SENDER, words

AT = datetime(2026, 11, 25, 14, 5, tzinfo=UTC)
CONTACT = Contact(
    service="LA Documents",
    support="Children's Services web team",
    phone="01629 536797",
    mail="cs.web@derbyshire.example",
    hours="Monday to Friday, 9:00 to 17:00",
)
URL = "https://documents.derbyshire.example/portal/link/aToken"
ITEM = {"name": "Office PC", "script": "", "last_day": "2026-12-15", "mark": "a mark"}
AGREEMENT = {
    "dfe": "830-2001",
    "school": "Example Primary",
    "version": "2026-1",
    "last_day": "2026-12-15",
    "mark": "a mark",
}
REVIEW = {
    "dfe": "830-2001",
    "school": "Example Primary",
    "term": "autumn-2026",
    "due_on": "2026-12-15",
    "suspends_on": "2027-02-03",
    "mark": "a mark",
}
SAMPLES: dict[str, Any] = {
    "left": 2,
    "device": "Office PC",
    "key": "Laptop",
    "fingerprint": "SHA256:abc",
    "layout": "by-school",
    "script": "nightly-copy",
    "owner": "Olga Owner",
    "last_day": "2026-12-09",
    "reference": "D-7KQ2-M4",
    "school": "Example Primary",
    "category": "SEND",
    "published": "2026-11-23T09:00:00+00:00",
    "size": 48_213,
    "readers": ["Priya Raman", "the script nightly-copy"],
    "asked": "2026-11-24",
    "asker": "Olga Owner",
    "accepted": True,
    "why": "another school's pupil",
    "reviews": [{**REVIEW, "stage": stage} for stage in Reviewing],
    "suspended": [{"what": what, "name": "Office PC"} for what in Reviewed],
    "items": [{**ITEM, "what": what} for what in What],
    "agreements": [{**AGREEMENT, "stage": stage} for stage in Stage],
}


def occasion(kind: MailKind, *, name: str = "Priya Raman", **facts: Any) -> Occasion:
    return Occasion(
        kind=kind,
        contact=CONTACT,
        name=name,
        username="p.raman",
        address="p.raman@primary.example",
        at=AT,
        facts={**{fact: SAMPLES[fact] for fact in FACTS[kind]}, **facts},
        link=Link(url=URL, ends=AT + timedelta(days=14)) if kind in PURPOSES else None,
    )


def mail(of: Occasion) -> EmailMessage:
    """The mail as its reader's program understands it."""
    envelope = Envelope(name=of.name, address=of.address, message_id="0a1b", at=AT)
    parser: BytesParser[EmailMessage] = BytesParser(policy=default)
    return parser.parsebytes(written(text(of), envelope, CONTACT, SENDER).as_bytes())


class Tags(HTMLParser):
    """The elements of a page and their attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize("part", ["plain", "html"])
def test_every_mail_says_whom_to_ask(kind: MailKind, part: str) -> None:
    said = " ".join(words(mail(occasion(kind)), part).replace("&#x27;", "'").split())
    for each in (CONTACT.service, CONTACT.support, CONTACT.phone, CONTACT.mail, CONTACT.hours, "Dear Priya Raman,"):
        assert each in said


@pytest.mark.parametrize("kind", MailKind)
def test_a_link_stands_in_three_kinds_alone_and_in_these_once_to_press(kind: MailKind) -> None:
    message = mail(occasion(kind))
    pressed = [attributes["href"] for tag, attributes in Tags(words(message, "html")).seen if tag == "a"]
    assert pressed == ([URL] if kind in PURPOSES else [])
    assert words(message).count("https://") == (kind in PURPOSES)


@pytest.mark.parametrize("kind", MailKind)
def test_nothing_is_loaded_and_nothing_runs(kind: MailKind) -> None:
    page = Tags(words(mail(occasion(kind)), "html"))
    assert {tag for tag, _ in page.seen} <= {
        *("html", "head", "meta", "title", "body", "table", "tr", "td", "th", "div", "h1", "p", "a", "span"),
        *("ul", "li", "strong", "br"),
    }
    assert not {name for _, attributes in page.seen for name in attributes} & {"src", "background", "onclick"}


@pytest.mark.parametrize("kind", MailKind)
def test_the_plain_part_has_short_lines_but_for_an_address(kind: MailKind) -> None:
    long = [line for line in words(mail(occasion(kind))).splitlines() if len(line) > 76]
    assert long == []


@pytest.mark.parametrize("kind", [MailKind.PASSWORD_CHANGED, MailKind.CODES_CHANGED, MailKind.RECOVERY_CODES_MADE,
                                  MailKind.RECOVERY_CODE_USED, MailKind.DEVICE_ADDED, MailKind.KEY_ADDED])  # fmt: skip
def test_a_notice_says_when_and_from_where_and_what_to_do_if_it_was_not_you(kind: MailKind) -> None:
    said = " ".join(words(mail(occasion(kind, address="192.0.2.17"))).split())
    assert "Wednesday 25 November 2026 at 14:05" in said
    assert "192.0.2.17" in said
    assert f"If this was not you, ring {CONTACT.phone}" in said


def test_what_an_operator_did_names_the_operator_and_not_you() -> None:
    said = " ".join(words(mail(occasion(MailKind.KEY_ADDED, by="Tobias Okafor"))).split())
    assert "By: Tobias Okafor" in said
    assert "this was you" not in said


def test_the_owner_of_a_script_is_told_of_the_script() -> None:
    said = " ".join(words(mail(occasion(MailKind.DEVICE_ADDED, script="nightly-copy"))).split())
    assert "your script nightly-copy" in said
    assert "account page" not in said


@pytest.mark.parametrize(
    ("left", "said"), [(9, "You have 9 left."), (1, "You have one left."), (0, "It was the last one.")]
)
def test_a_used_recovery_code_says_how_many_are_left(left: int, said: str) -> None:
    shown = " ".join(words(mail(occasion(MailKind.RECOVERY_CODE_USED, left=left))).split())
    assert said in shown
    assert ("Make ten new ones" in shown) == (left <= 3)


def test_the_subject_of_what_runs_out_names_the_one_thing_and_its_day() -> None:
    one = mail(occasion(MailKind.RUNNING_OUT, items=[{**ITEM, "what": What.KEY}]))
    assert one["Subject"] == "LA Documents: the key “Office PC” ends on 15 December 2026"
    several = mail(occasion(MailKind.RUNNING_OUT))
    assert several["Subject"] == "LA Documents: 6 things end soon, the first on 15 December 2026"


def test_times_are_those_of_derbyshire() -> None:
    assert moment(datetime(2026, 6, 30, 23, 30, tzinfo=UTC)) == "Wednesday 1 July 2026 at 00:30"
    assert day(AT.date()) == "Wednesday 25 November 2026"


def test_no_representation_of_a_link_shows_it() -> None:
    assert "aToken" not in repr(occasion(MailKind.INVITATION))
    assert "aToken" not in repr(text(occasion(MailKind.INVITATION)))


# Names that were made to do harm

HOSTILE = (
    "Eve\r\nBcc: everyone@example.org",
    "Eve\nSubject: another",
    '"Eve" <eve@example.org>, "x',
    "Eve, mallory@example.org; (comment",
    "Zoë <eve@example.org>,",
    "\u202egnp.exe \u2066 Ēve\x1b[2J",
    "<img src=x onerror=alert(1)>&amp;",
    "{service} %s %(body)s {0}",
    "x" * 5000,
)


_NAMES = {"device", "key", "fingerprint", "owner", "by", "script", "school", "asker", "why"}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", MailKind)
def test_a_hostile_name_reaches_no_other_header_and_brings_no_markup(kind: MailKind, name: str) -> None:
    facts = dict.fromkeys((FACTS[kind] | ALSO) & _NAMES, name)
    items = {"items": [{**ITEM, "name": name, "what": What.KEY}]} if kind is MailKind.RUNNING_OUT else {}
    plain, hostile = mail(occasion(kind)), mail(occasion(kind, name=name, schools=[name], **facts, **items))
    assert hostile.keys() == plain.keys()
    assert [address.addr_spec for address in hostile["To"].addresses] == ["p.raman@primary.example"]
    assert hostile.defects == []
    assert hostile["Subject"].isprintable()
    assert all(line.isprintable() for line in words(hostile).splitlines())
    allowed = Tags(words(plain, "html")).seen
    assert {tag for tag, _ in Tags(words(hostile, "html")).seen} <= {tag for tag, _ in allowed} | {
        "li",
        "tr",
        "th",
        "td",
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_a_reader_that_decodes_before_it_parses_finds_one_recipient_too(name: str) -> None:
    of = occasion(MailKind.PASSWORD_CHANGED, name=f"Zoë {name}")
    envelope = Envelope(name=of.name, address=of.address, message_id="0a1b", at=AT)
    raw = message_from_bytes(written(text(of), envelope, CONTACT, SENDER).as_bytes())["To"]
    careless = getaddresses([str(make_header(decode_header(raw)))])
    assert [address for _, address in careless] == ["p.raman@primary.example"]


@given(st.text(max_size=80))
def test_any_name_leaves_one_recipient(name: str) -> None:
    message = mail(occasion(MailKind.PASSWORD_CHANGED, name=name))
    assert [address.addr_spec for address in message["To"].addresses] == ["p.raman@primary.example"]
    assert list(message.keys()).count("Subject") == 1


@pytest.mark.parametrize(
    "address", ["eve@x.example\r\nBcc: all@example.org", "a b@x.example", "é@x.example", "none", ""]
)
def test_an_address_that_no_header_carries_is_an_error(address: str) -> None:
    of = occasion(MailKind.PASSWORD_CHANGED)
    with pytest.raises(ValueError, match=r".+"):
        written(text(of), Envelope(name="Eve", address=address, message_id="0a", at=AT), CONTACT, SENDER)


# The head


def test_a_mail_says_what_machines_and_readers_want_to_know() -> None:
    message = mail(occasion(MailKind.PASSWORD_CHANGED))
    assert message["From"] == f"LA Documents <{SENDER}>"
    assert message["Reply-To"] == "Children's Services web team <cs.web@derbyshire.example>"
    assert message["Message-ID"] == "<0a1b@derbyshire.example>"
    assert message["Date"].datetime == AT
    assert (message["Auto-Submitted"], message["Content-Language"]) == ("auto-generated", "en-GB")
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
