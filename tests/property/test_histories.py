"""Histories drawn at random, 50 of 20 acts here and 500 of 40 with `make soak`, told step by step where one fails."""

from __future__ import annotations

from collections import Counter

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.histories import Histories
from tests.support import figures

RUNS, STEPS = (500, 40) if figures.SOAKING else (50, 20)
EACH = 5


@pytest.mark.parametrize("part", range(RUNS // EACH))
def test_whatever_happens_both_doors_show_what_the_rules_say_and_the_record_accounts_for_every_byte(
    part: int, request: pytest.FixtureRequest
) -> None:
    Histories.done = Counter()
    try:
        run_state_machine_as_test(
            hypothesis.seed(figures.seed() + part)(Histories),
            settings=settings(
                max_examples=EACH,
                stateful_step_count=STEPS,
                database=None,  # what is drawn comes of the seed alone
                deadline=None,
                print_blob=True,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        figures.tell(request, Histories.done)
    assert Histories.done["histories"] >= EACH
