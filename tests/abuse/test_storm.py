"""kill -9 of every process under load [R24] [R27]: 5 rounds, 40 with `make soak`, at moments from a seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.abuse.storm import Storm
from tests.support import figures
from tests.support.story import Founded

ROUNDS = 40 if figures.SOAKING else 5


def test_no_acknowledged_record_and_no_part_of_a_document_is_lost_whenever_every_process_is_killed(
    founded: Founded, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    storm = Storm(founded, tmp_path, random.Random(figures.seed()))
    try:
        for _ in range(ROUNDS):
            storm.round()
        storm.end()
    finally:
        figures.tell(request, storm.done)
    assert storm.done["kills"] > 3 * ROUNDS
