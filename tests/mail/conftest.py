"""A county with a postroom, on SQLite and, where a test asks for `server`, on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mail.postroom import Postroom
from tests.mail.server import Running, mail_server, make_certificate
from tests.support.world import World, a_small_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_small_world(tmp_path / "county") as world:
        yield world


@pytest.fixture
def postroom(world: World, tmp_path: Path) -> Postroom:
    return Postroom(world, tmp_path / "outgoing")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("mail-server"), "localhost")


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine trusts the mail server's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.fixture
def running(certificate: tuple[Path, Path], trusted: None) -> Iterator[Running]:
    """A mail server whose certificate is trusted."""
    with mail_server(certificate) as running:
        yield running
