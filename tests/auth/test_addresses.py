"""`addresses`: which e-mail addresses stand for one person at work [R11]."""

from __future__ import annotations

import pytest

from auth.addresses import AddressRules, check_address
from config.errors import OperatorError

_RULES = AddressRules()


@pytest.mark.parametrize(
    "address",
    [
        "headteacher",
        "head",
        "info",
        "enquiries",
        "office",
        "admin",
        "Head",
        "office1",
        "head-teacher",
        "head.teacher",
        "school.office",
        "senco",
        "dsl",
        "reception",
        "finance",
        "noreply",
        "it",
        "safeguarding",
        "office+letters",
        "ADMIN2",
    ],
)
def test_role_mailboxes_are_refused(address: str) -> None:
    with pytest.raises(OperatorError, match="mailbox of a role"):
        check_address(f"{address}@school.example", _RULES)


@pytest.mark.parametrize(
    "domain", ["gmail.com", "GoogleMail.com", "hotmail.co.uk", "icloud.com", "btinternet.com", "x.yahoo.co.uk"]
)
def test_private_domains_are_refused(domain: str) -> None:
    with pytest.raises(OperatorError, match="private address"):
        check_address(f"jo.bloggs@{domain}", _RULES)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Jo.Bloggs@School.Derbyshire.sch.uk ", "jo.bloggs@school.derbyshire.sch.uk"),
        ("o'brien@school.example", "o'brien@school.example"),
        ("headley@school.example", "headley@school.example"),
        ("jo.head@school.example", "jo.head@school.example"),
        ("j.smith2@notgmail.com", "j.smith2@notgmail.com"),
    ],
)
def test_addresses_of_people_are_kept_in_lower_case(typed: str, kept: str) -> None:
    assert check_address(typed, _RULES) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "jo",
        "jo@",
        "@school.example",
        "jo@school",
        "jo bloggs@school.example",
        "jo@school..example",
        ".jo@a.example",
        "jo@school.example\n, x@evil.example",
        "jo@b@school.example",
        "j\u00f6@school.example",
        "a" * 250 + "@x.example",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(OperatorError, match="is not an e-mail address"):
        check_address(typed, _RULES)


def test_an_objection_can_be_accepted_with_a_reason() -> None:
    assert check_address("head@school.example", _RULES, "one-person school, agreed by phone") == "head@school.example"


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_blank_reason_accepts_nothing(reason: str) -> None:
    with pytest.raises(OperatorError, match="reason"):
        check_address("head@school.example", _RULES, reason)


def test_no_reason_makes_an_address_of_what_is_none() -> None:
    with pytest.raises(OperatorError, match="is not an e-mail address"):
        check_address("head", _RULES, "because")


def test_the_lists_are_those_of_the_settings() -> None:
    rules = AddressRules(frozenset({"matron"}), frozenset({"post.example"}))
    assert [rules.objection(a) is None for a in ("office@x.example", "matron@x.example", "jo@post.example")] == [
        True,
        False,
        False,
    ]
