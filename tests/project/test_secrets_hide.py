"""No value shows a secret when it is printed: every dataclass of the program is looked at, so none is forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass

from tests.project.tree import PACKAGES

SECRET = {
    *("code", "codes", "cookie", "device_password", "hash", "held_against", "password", "recovery_codes", "seal"),
    *("secret", "seed", "token", "totp_secret", "uri", "url"),
}
"""Names of fields that hold what nobody but its owner may see."""

IN_CLEAR = {
    "gateway.mail.delivery.Voice.url": "where the service is",
}
"""Fields of such a name that hold nothing of the kind, and what they hold."""


def dataclasses() -> Iterator[type]:
    """Every dataclass of the program, once."""
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        for found in pkgutil.walk_packages(path, f"{package}."):
            if ".migrations" in found.name or found.name.endswith("__main__"):
                continue
            module = importlib.import_module(found.name)
            for _, each in inspect.getmembers(module, inspect.isclass):
                if is_dataclass(each) and each.__module__ == module.__name__:
                    yield each


def shown(kind: type) -> list[Field[object]]:
    """What the representation of `kind` shows, where the library wrote it."""
    written_by_us = not hasattr(kind.__repr__, "__wrapped__")
    return [] if written_by_us else [each for each in fields(kind) if each.repr]


def test_no_dataclass_shows_a_field_that_holds_a_secret() -> None:
    showing = {f"{kind.__module__}.{kind.__qualname__}.{each.name}" for kind in dataclasses() for each in shown(kind)}
    assert len(showing) > 200, "the program was looked at"
    assert {name for name in showing if name.rpartition(".")[2] in SECRET} - set(IN_CLEAR) == set()
