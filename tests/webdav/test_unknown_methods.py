"""A method that nobody foresaw is refused as every other: with whom to ask, and in the record [R4]."""

from __future__ import annotations

import pytest

from gateway.webdav import methods
from tests.support.memory_fs import WRITE_REFUSAL
from tests.webdav.harness import DOCUMENT, Wsgi
from tests.webdav.test_methods import VERBS

UNFORESEEN = sorted(VERBS - set(methods.SERVED) - methods.FORBIDDEN - methods.NOT_ALLOWED - {"PROPPATCH"})


@pytest.mark.parametrize("verb", [*UNFORESEEN, "INVENTED"])
def test_an_unknown_method_says_whom_to_ask(verb: str) -> None:
    assert Wsgi()(verb, DOCUMENT).text == f"{WRITE_REFUSAL}\n"


@pytest.mark.parametrize("verb", [*UNFORESEEN, "INVENTED"])
def test_an_unknown_method_is_told_to_the_file_system(verb: str) -> None:
    drive = Wsgi()
    drive(verb, DOCUMENT)
    assert [operation for _, operation in drive.fs.refused] == ["unknown method"]
