"""A password may not consist of the words that go with this service: the authority's, its name, the product's [R12]."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth import choice
from config.settings import Settings
from gateway.core import password_rules
from tests.support.home import SETTINGS


@pytest.fixture
def own_words(tmp_path: Path) -> tuple[str, ...]:
    text = SETTINGS.replace("LA Documents", "County Letterbox")
    (tmp_path / "ladocs.toml").write_text(f'{text}[operators]\namy = "amy.officer"\n')
    return password_rules(Settings.load(tmp_path, {})).own_words


@pytest.mark.parametrize("chosen", ["Derbyshire-26!", "County-Letterbox", "letterbox2026!", "ladocs.ladocs"])
def test_what_consists_of_them_is_refused(own_words: tuple[str, ...], chosen: str) -> None:
    assert "goes with you" in (choice.objection(chosen, own_words) or "")


def test_what_only_holds_one_is_taken(own_words: tuple[str, ...]) -> None:
    assert choice.objection("my letterbox squeaks loudly", own_words) is None
