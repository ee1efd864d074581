"""Why somebody sees something: the explanation says what the file system does, and by which rule [R5] [R32]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from auth import accounts
from auth.models import Account
from auth.principal import AccountState, Layout
from config.errors import OperatorError
from gateway.about import contact, refusals
from gateway.catalogue import Catalogue
from gateway.clockguard import GuardedClock, mark
from gateway.errors import NotFound, Unavailable
from gateway.explaining import CLOCK, CONTENTS, PATH, Explaining, Explanation, Outcome
from gateway.tree import FileSystem
from policy import membership, schools
from policy.access import HEADTEACHER, Rule
from policy.doors import DoorRule
from policy.models import ClockMark
from policy.schools import SchoolState
from tests.support.world import HERE, OFFICER, THERE, World, path, peer

DOCUMENTS = "/Derbyshire Documents"
NOVEMBER = f"{DOCUMENTS}/2026-11 November"
SEND = f"{NOVEMBER}/SEND"
LETTER = f"{SEND}/letter.pdf"

Happening = Callable[[World], object]


@contextmanager
def asked(world: World, username: str) -> Iterator[Explaining]:
    """A question about somebody, by the clock of the service."""
    with world.database.read() as connection:
        clock = GuardedClock(world.clock)
        clock.observe(mark(connection))
        yield Explaining(
            connection,
            Catalogue(world.services.vault),
            clock,
            world.account(username),
            refusals=refusals(contact(world.settings)),
            about=True,
        )


def of_path(world: World, username: str, typed: str) -> Explanation:
    with asked(world, username) as explaining:
        return explaining.path(typed)


def of_document(world: World, username: str, reference: str) -> list[Explanation]:
    with asked(world, username) as explaining:
        return explaining.document(reference)


def in_the_way(explanation: Explanation) -> str | None:
    """The rule at which it ends."""
    return next((line.rule for line in explanation.lines if line.outcome is Outcome.IN_THE_WAY), None)


def answer(fs: FileSystem, typed: str) -> str | None:
    """What the file system says: None where it is there, the sentence of an obstacle, or that it does not exist."""
    try:
        fs.stat(path(typed))
    except NotFound:
        return "does not exist"
    except Unavailable as exc:
        return str(exc)
    return None


def _letter(**options: object) -> Happening:
    return lambda world: world.publish("letter.pdf", HERE, "SEND", **options)  # type: ignore[arg-type]


def _then(*steps: Happening) -> Happening:
    def happen(world: World) -> None:
        for step in steps:
            step(world)

    return happen


def _state(state: AccountState) -> Happening:
    def happen(world: World) -> None:
        with world.changing() as connection:
            accounts.set_state(connection, world.accounts["o.office"], state, world.clock.now())

    return happen


def _ended(world: World) -> None:
    with world.changing() as connection:
        ended = update(Account).where(Account.id == world.accounts["o.office"]).values(expires_at=world.clock.now())
        connection.execute(ended)


def _suspend_school(world: World) -> None:
    with world.changing() as connection:
        schools.set_state(connection, world.schools[HERE], SchoolState.SUSPENDED)


def _leave_school(world: World) -> None:
    with world.changing() as connection:
        membership.leave(connection, world.accounts["o.office"], world.schools[HERE], world.clock.now())


def _stand_in(world: World) -> None:
    with world.changing() as connection:
        now, account = world.clock.now(), world.accounts["o.office"]
        membership.stand_in(connection, account, world.schools[HERE], now, until=now + timedelta(hours=1))


def _past(world: World) -> None:
    world.pass_time(days=91)


def _revoke(world: World) -> None:
    world.revoke("o.office", HERE, "SEND")


CASES: list[tuple[str, Happening, str, str | None]] = [
    ("a document that was granted", _letter(), LETTER, None),
    ("a document in other letters", _letter(), LETTER.upper(), None),
    ("a document for the role", _letter(roles=["Office"]), LETTER, None),
    ("a document for the person", _letter(people=["o.office"]), LETTER, None),
    ("an acting headteacher, whoever is named", _then(_stand_in, _letter(roles=["DSL"])), LETTER, None),
    ("a document for others", _letter(roles=["SENCO"]), LETTER, Rule.AUDIENCE),
    ("a document for nobody that is left", _letter(people=[OFFICER]), LETTER, Rule.AUDIENCE),
    (
        "an acting headteacher, from whom it is kept",
        _then(_stand_in, _letter(not_headteacher="a complaint")),
        LETTER,
        Rule.HEADTEACHER,
    ),
    ("a category that was revoked", _then(_letter(), _revoke), LETTER, Rule.CATEGORY),
    ("a document past its last day", _then(_letter(), _past), LETTER, Rule.LAST_DAY),
    ("a document that never was", _letter(), f"{SEND}/other.pdf", PATH),
    ("a category that never was", _letter(), f"{NOVEMBER}/Secrets", PATH),
    ("below a document", _letter(), f"{LETTER}/more", PATH),
    ("another school's document", lambda world: world.publish("letter.pdf", THERE, "SEND"), LETTER, PATH),
    ("what nothing can be called", _letter(), f"{SEND}/let\0ter.pdf", PATH),
    ("the root", _letter(), "/", None),
    ("the text on the drive", _letter(), "/About this drive.txt", None),
    ("an empty drive", lambda world: None, DOCUMENTS, None),
    ("a month", _letter(), NOVEMBER, None),
    ("a category's folder", _letter(), SEND, None),
    ("a folder of which nothing is theirs", _letter(roles=["SENCO"]), SEND, CONTENTS),
    ("a month of which nothing is theirs", _letter(roles=["SENCO"]), NOVEMBER, CONTENTS),
    ("a folder with something that is theirs", _then(_letter(roles=["SENCO"]), _letter()), SEND, None),
    ("a month in which nothing was delivered", lambda world: None, NOVEMBER, CONTENTS),
    ("a school that is suspended", _then(_letter(), _suspend_school), LETTER, DoorRule.IN_ORDER),
    ("a school that was left", _then(_letter(), _leave_school), LETTER, DoorRule.BELONGING),
    ("an account that is suspended", _then(_letter(), _state(AccountState.SUSPENDED)), LETTER, DoorRule.STATE),
    ("an account whose owner has left", _then(_letter(), _state(AccountState.LEFT)), LETTER, DoorRule.STATE),
    ("an account that has ended", _then(_letter(), _ended), LETTER, DoorRule.END),
]


@pytest.mark.parametrize(("title", "happens", "typed", "rule"), CASES, ids=[case[0] for case in CASES])
def test_what_is_explained_is_what_the_file_system_does_and_the_rule_that_decides(
    world: World, title: str, happens: Happening, typed: str, rule: str | None
) -> None:
    fs = world.services.sessions.open(world.principal("o.office"), peer()).fs
    happens(world)
    world.pass_time(seconds=5)
    explanation = of_path(world, "o.office", typed)
    assert in_the_way(explanation) == rule
    assert explanation.sees == (rule is None)
    if "\0" in typed:
        return  # no client's path ever becomes one
    told = answer(fs, typed)
    assert (told is None) == explanation.sees
    if told is not None:
        assert told.split(".")[0] in explanation.verdict


@pytest.mark.parametrize(("title", "happens", "typed", "rule"), CASES, ids=[case[0] for case in CASES])
def test_rules_come_in_order_and_none_is_judged_after_the_one_in_the_way(
    world: World, title: str, happens: Happening, typed: str, rule: str | None
) -> None:
    happens(world)
    lines = of_path(world, "o.office", typed).lines
    outcomes = [line.outcome for line in lines]
    reached = [one for one in outcomes if one is not Outcome.NOT_REACHED]
    assert outcomes == reached + [Outcome.NOT_REACHED] * (len(outcomes) - len(reached))
    assert reached[:-1] == [Outcome.OK] * (len(reached) - 1)
    assert len({line.rule for line in lines}) == len(lines)
    assert all(bool(line.because) == (line.outcome is not Outcome.NOT_REACHED) for line in lines)


def test_a_document_is_explained_by_every_rule_there_is(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    told = [line.rule for line in of_path(world, "o.office", LETTER).lines]
    assert told == [CLOCK, *DoorRule, PATH, *(rule for rule in Rule if rule is not Rule.ACCOUNT)]


def test_words_name_what_is_held_and_what_would_do(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND", roles=["SENCO", "DSL"], people=["n.nothing"])
    world.grant("o.office", HERE, "SEND", expires_at=world.clock.now() + timedelta(days=3))
    because = {line.rule: line.because for line in of_path(world, "o.office", LETTER).lines}
    assert because[Rule.MEMBERSHIP] == "in 830-2001 it is Office"
    assert because[Rule.CATEGORY] == "holds SEND until 2026-11-26"
    assert because[Rule.AUDIENCE] == "is for DSL, SENCO, n.nothing alone, and it is none of them"
    nothing = {line.rule: line.because for line in of_path(world, "n.nothing", LETTER).lines}
    assert nothing[Rule.CATEGORY] == "SEND is not granted; nothing is granted there"


def test_a_grant_that_begins_later_is_named_with_its_day(world: World) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    world.grant("n.nothing", HERE, "SEND", begins_at=world.clock.now() + timedelta(days=3))
    because = {line.rule: line.because for line in of_path(world, "n.nothing", LETTER).lines}
    assert because[Rule.CATEGORY] == "SEND is granted from 2026-11-26, and not before"


def test_a_hidden_folder_says_what_of_it_is_whose(world: World) -> None:
    world.publish("one.pdf", HERE, "SEND", roles=["SENCO"])
    world.publish("two.pdf", HERE, "SEND", people=["n.nothing"])
    world.publish("three.pdf", HERE, "General")
    world.revoke("o.office", HERE, "General")
    explanation = of_path(world, "o.office", NOVEMBER)
    assert explanation.lines[-1].because == "3 delivered (no grant for this category: 1, not in the audience: 2)"
    assert explanation.verdict == (
        "For o.office it does not exist: it is hidden because nothing in it is theirs to read."
    )


def test_no_document_is_named_but_by_what_was_typed(world: World) -> None:
    published = world.publish("letter.pdf", HERE, "SEND", roles=["SENCO"])
    told = [of_path(world, "o.office", SEND), *of_document(world, "o.office", published.reference)]
    assert "letter" not in repr(told)


@pytest.mark.parametrize(
    ("state", "words"), [(AccountState.SUSPENDED, "is suspended"), (AccountState.LEFT, "has left")]
)
def test_who_is_kept_out_at_the_door_is_said_to_be_told_so_there(world: World, state: AccountState, words: str) -> None:
    _state(state)(world)
    explanation = of_path(world, "o.office", "/")
    assert explanation.lines[1].because == words
    assert explanation.verdict.startswith("o.office, having shown all that is asked for, is told: ")


# By reference


def test_a_reference_is_explained_for_each_of_the_persons_schools(world: World) -> None:
    world.person("b.both", {HERE: ["SEND"], THERE: ()}, "DSL", layout=Layout.BY_SCHOOL)
    published = world.publish("letter.pdf", [HERE, THERE], "SEND")
    found = of_document(world, "b.both", published.reference)
    assert [(one.school, one.sees, in_the_way(one)) for one in found] == [
        (HERE, True, None),
        (THERE, False, Rule.CATEGORY),
    ]
    assert [one.school for one in of_document(world, "o.office", published.reference)] == [HERE]


def test_a_document_of_other_schools_says_whose_it_is(world: World) -> None:
    published = world.publish("letter.pdf", THERE, "SEND")
    [explanation] = of_document(world, "o.office", published.reference)
    assert in_the_way(explanation) == Rule.MEMBERSHIP
    [line] = [line for line in explanation.lines if line.rule == Rule.MEMBERSHIP]
    assert line.because == f"was delivered to {THERE}, and not to it"


def test_a_reference_that_no_document_has_is_refused(world: World) -> None:
    with pytest.raises(OperatorError, match="No document has the reference 'D-AAAA-AA'"):
        of_document(world, "o.office", "D-AAAA-AA")


@pytest.mark.parametrize("days", [89, 91])
def test_a_reference_holds_also_when_the_last_day_is_over(world: World, days: int) -> None:
    published = world.publish("letter.pdf", HERE, "SEND")
    world.pass_time(days=days)
    [explanation] = of_document(world, "o.office", published.reference)
    assert in_the_way(explanation) == (None if days < 90 else Rule.LAST_DAY)


# Whoever has another tree


def test_nobody_of_the_authority_reads_anything(world: World) -> None:
    published = world.publish("letter.pdf", HERE, "SEND")
    for explanation in (of_path(world, OFFICER, LETTER), *of_document(world, OFFICER, published.reference)):
        assert in_the_way(explanation) == DoorRule.DRIVE


def test_an_executive_heads_paths_begin_with_a_school(world: World) -> None:
    world.person("e.executive", {THERE: ()}, HEADTEACHER, layout=Layout.BY_SCHOOL)
    world.publish("letter.pdf", THERE, "SEND", roles=["DSL"])
    explanation = of_path(world, "e.executive", LETTER)
    assert "begins with /830-2002 Birch Primary" in explanation.lines[-1].because
    assert of_path(world, "e.executive", f"/830-2002 Birch Primary{LETTER}").sees


def test_with_several_schools_the_suspended_one_is_an_obstacle_and_the_other_none(world: World) -> None:
    world.person("b.both", {HERE: ["SEND"], THERE: ["SEND"]}, "DSL", layout=Layout.BY_SCHOOL)
    world.publish("letter.pdf", [HERE, THERE], "SEND")
    _suspend_school(world)
    told = [
        of_path(world, "b.both", f"/{school}{LETTER}")
        for school in ("830-2001 Alder Primary", "830-2002 Birch Primary")
    ]
    assert [(one.sees, in_the_way(one)) for one in told] == [(False, Rule.SCHOOL), (True, None)]
    assert "suspended at present" in told[0].verdict


def test_a_script_is_taken_to_come_from_its_networks(world: World) -> None:
    world.service("nightly", "h.head", {HERE: ["SEND"]})
    world.publish("letter.pdf", HERE, "SEND")
    explanation = of_path(world, "nightly", f"/830-2001 Alder Primary{LETTER}")
    assert explanation.sees
    [line] = [line for line in explanation.lines if line.rule == DoorRule.NETWORK]
    assert line.because == "comes in from 192.0.2.0/24 alone, and is taken to"


@pytest.mark.parametrize("happens", ["no mark", "a leap"])
def test_an_unconfirmed_clock_keeps_everybody_out(world: World, happens: str) -> None:
    world.publish("letter.pdf", HERE, "SEND")
    if happens == "a leap":
        world.clock.advance(hours=27)
    else:
        with world.database.write() as connection:
            connection.execute(delete(ClockMark))
    explanation = of_path(world, "o.office", LETTER)
    assert in_the_way(explanation) == CLOCK
    assert explanation.verdict == "o.office is told that the service cannot answer at present."
