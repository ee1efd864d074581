"""`ladocs --help` answers at once, because it imports nothing that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"sqlalchemy", "alembic", "pydantic", "asyncssh", "cryptography", "flask", "wsgidav", "cheroot", "lxml", "rich"}
_SHOW = "import json, sys; from gateway.cli.entry import main; main({!r}); print(json.dumps(list(sys.modules)))"


@pytest.mark.parametrize("arguments", [["--help"], [], ["school", "--help"], ["nonsense"]], ids=" ".join)
def test_help_and_mistypings_import_none_of_the_libraries(arguments: list[str]) -> None:
    shown = subprocess.run([sys.executable, "-c", _SHOW.format(arguments)], check=True, capture_output=True, text=True)
    modules = {module.partition(".")[0] for module in json.loads(shown.stdout.splitlines()[-1])}
    assert "click" in modules
    assert modules & HEAVY == set()
