"""Every standing at every door, as one table: who comes in, who is not accepted, who is told what [R12] to [R20] [R33].

One real server, over SFTP, WebDAV and the pages. Everybody is in order first, signs in, is trusted and remembered. Then
each account is put into its standing, and each way is tried from outside. A cell that is a `Reason` is the sentence
that its owner is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import pytest

from auth.principal import AccountState, Door, Factor, Kind
from policy.access import OBSTACLES, Reason
from policy.doors import SUFFICES
from tests.abuse.residents import Standing, Street, change, settle
from tests.abuse.ways import PEOPLE, WAYS, Before, Outcome, Trial
from tests.support.county import County, serving
from tests.support.story import Founded
from tests.support.waiting import until

WITHIN = 5.0
IN, NO, ENDED = Outcome.IN, Outcome.NOT_ACCEPTED, Outcome.ENDED
INVITED, BARRED, EXPIRED = Reason.ACCOUNT_INVITED, Reason.ACCOUNT_SUSPENDED, Reason.ACCOUNT_EXPIRED
NOWHERE, SCHOOL, OVER = Reason.NO_SCHOOL, Reason.SCHOOL_SUSPENDED, Reason.CREDENTIAL_ENDED
PAPER, LATE = Reason.NO_AGREEMENT, Reason.REVIEW_OVERDUE

TABLE: Mapping[str, tuple[Outcome | Reason, ...]] = MappingProxyType(
    {  #                     active invited  barred  expired  left   no grant nowhere  school  over     paper  late
        "password, code":   (IN,    INVITED, BARRED, EXPIRED, NO,    IN,      NOWHERE, SCHOOL, NOWHERE, PAPER, LATE),
        "prompts":          (IN,    INVITED, BARRED, EXPIRED, NO,    IN,      NOWHERE, SCHOOL, NOWHERE, PAPER, LATE),
        "key, code":        (IN,    INVITED, BARRED, EXPIRED, NO,    IN,      NOWHERE, SCHOOL, NOWHERE, PAPER, LATE),
        "key alone":        (NO,    NO,      NO,     NO,      NO,    NO,      NO,      NO,     NO,      NO,    NO),
        "drive's password": (NO,    NO,      NO,     NO,      NO,    NO,      NO,      NO,     NO,      NO,    NO),
        "trusted password": (IN,    INVITED, NO,     EXPIRED, NO,    NO,      NO,      SCHOOL, NOWHERE, PAPER, LATE),
        "trusted key":      (IN,    INVITED, NO,     EXPIRED, NO,    NO,      NO,      SCHOOL, NOWHERE, PAPER, LATE),
        "script's key":     (IN,    INVITED, BARRED, EXPIRED, OVER,  IN,      NOWHERE, SCHOOL, NOWHERE, PAPER, LATE),
        "drive":            (IN,    INVITED, BARRED, EXPIRED, NO,    IN,      NOWHERE, SCHOOL, NOWHERE, PAPER, LATE),
        "script's drive":   (IN,    INVITED, BARRED, EXPIRED, NO,    IN,      NOWHERE, SCHOOL, NOWHERE, PAPER, LATE),
        "remembered drive": (IN,    INVITED, BARRED, EXPIRED, NO,    IN,      NOWHERE, SCHOOL, NOWHERE, PAPER, LATE),
        "drive, password":  (NO,    NO,      NO,     NO,      NO,    NO,      NO,      NO,     NO,      NO,    NO),
        "page":             (IN,    INVITED, BARRED, EXPIRED, NO,    IN,      IN,      IN,     IN,      IN,    IN),
        "page, recovery code":
                            (IN,    INVITED, BARRED, EXPIRED, NO,    IN,      IN,      IN,     IN,      IN,    IN),
        "script's page":    (NO,    NO,      NO,     NO,      NO,    NO,      NO,      NO,     NO,      NO,    NO),
        "open page":        (IN,    INVITED, ENDED,  EXPIRED, ENDED, IN,      IN,      IN,     IN,      IN,    IN),
        "reset link":       (IN,    ENDED,   ENDED,  IN,      ENDED, IN,      IN,      IN,     IN,      IN,    IN),
        "open session":     (IN,    ENDED,   ENDED,  ENDED,   ENDED, IN,      ENDED,   ENDED,  ENDED,   ENDED, ENDED),
        "script's session": (IN,    ENDED,   ENDED,  ENDED,   ENDED, IN,      ENDED,   ENDED,  ENDED,   ENDED, ENDED),
    }
)  # fmt: skip
OPEN_BEFORE = {"remembered drive", "open session", "script's session"}
CELLS = [(way, standing) for way, standing in product(TABLE, Standing)]


@dataclass(frozen=True)
class Matrix:
    """The households in their standings, and what they left open."""

    county: County
    street: Street
    before: Mapping[Standing, Before]


@pytest.fixture(scope="module")
def matrix(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with serving(founded, tmp_path_factory.mktemp("matrix")) as county, ExitStack() as stack:
        street = settle(county, people=PEOPLE)
        before = {
            standing: stack.enter_context(Before.of(county, standing, household))
            for standing, household in street.items()
        }
        change(county, street)
        yield Matrix(county, street, before)
        assert "Traceback" not in county.log()


@pytest.mark.parametrize(("way", "standing"), CELLS, ids=lambda part: getattr(part, "word", part))
def test_what_each_standing_meets_at_each_door(matrix: Matrix, way: str, standing: Standing) -> None:
    wanted = TABLE[way][list(Standing).index(standing)]
    number = CELLS.index((way, standing))
    outcomes: list[str] = []

    def as_wanted() -> bool:
        place = f"127.101.{number}.{len(outcomes) + 1}"
        trial = Trial(county=matrix.county, street=matrix.street, standing=standing, before=matrix.before, place=place)
        outcomes.append(WAYS[way].tried(trial))
        return _is(outcomes[-1], wanted)

    assert until(as_wanted, WITHIN if way in OPEN_BEFORE else 0.0), outcomes[-1]


def _is(outcome: str, wanted: Outcome | Reason) -> bool:
    """Whether `outcome` is the value, or begins with the sentence of the reason."""
    return outcome is wanted if isinstance(wanted, Outcome) else outcome.startswith(OBSTACLES[wanted])


def test_every_way_has_a_row_of_every_standing() -> None:
    assert {way: len(row) for way, row in TABLE.items()} == dict.fromkeys(WAYS, len(Standing))


def test_every_set_of_factors_that_opens_a_door_is_tried() -> None:
    opens = {(door, kind, shown) for (door, kind), sets in SUFFICES.items() for shown in sets}
    assert opens <= {(way.door, way.kind, way.shown) for way in WAYS.values()}


def test_every_state_of_an_account_is_tried_at_every_door_by_every_kind() -> None:
    tried = {(WAYS[way].door, WAYS[way].kind, standing.state) for way, standing in CELLS}
    assert tried >= set(product(Door, Kind, AccountState))


def test_every_factor_is_shown_somewhere() -> None:
    assert set().union(*(way.shown for way in WAYS.values())) == set(Factor)
