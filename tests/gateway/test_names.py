"""Which names a document may carry [R8], and what is proposed for the others."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.names import MAX_BYTES, MAX_CHARACTERS, fault, numbered, proposal


@pytest.mark.parametrize(
    "name",
    [
        "Letter.pdf",
        "O\u2019Brien & Sons' caf\u00e9 r\u00e9sum\u00e9.docx",
        ".profile",
        "a" * MAX_CHARACTERS,
        "Zo\u00eb (2).csv",
    ],
)
def test_a_name_that_every_client_carries_has_no_fault(name: str) -> None:
    assert fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "   ",
        "a/b",
        "a\\b",
        "what?.pdf",
        'a"b',
        "a<b",
        "a:b",
        "a|b",
        "a*b",
        "CON",
        "con.txt",
        "LPT1.pdf",
        "nul .pdf",
        "COM\u00b9.txt",
        "trailing.",
        "trailing ",
        " leading",
        "a\tb",
        "a\x00b",
        "a\u202eb",
        "e\u0301te\u0301.pdf",
        "~$Letter.docx",
        "._Letter.docx",
        "a" * (MAX_CHARACTERS + 1),
        "\u00e9" * 101,
        "\U0001f600" * 51,
        "a\ud800",
    ],
)
def test_a_name_that_some_client_cannot_carry_has_a_fault(name: str) -> None:
    assert fault(name) is not None


@given(st.text(max_size=150))
def test_a_proposal_has_no_fault(name: str) -> None:
    assert fault(proposal(name)) is None


@given(st.text(max_size=120).filter(lambda name: fault(name) is None))
def test_a_good_name_is_its_own_proposal(name: str) -> None:
    assert proposal(name) == name


@given(st.text(max_size=120).filter(lambda name: fault(name) is None))
def test_numbered_names_are_good_and_differ(name: str) -> None:
    made = list(islice(numbered(name), 12))
    assert made[0] == name
    assert len({each.casefold() for each in made}) == len(made)
    assert all(fault(each) is None for each in made)
    assert all(len(each) <= MAX_CHARACTERS and len(each.encode()) <= MAX_BYTES for each in made)


def test_the_number_stands_before_the_extension() -> None:
    assert list(islice(numbered("Panel.final.pdf"), 3)) == [
        "Panel.final.pdf",
        "Panel.final (2).pdf",
        "Panel.final (3).pdf",
    ]
