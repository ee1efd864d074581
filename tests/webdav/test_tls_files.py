"""A certificate that does not fit is told before anything starts, in one line that names the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.errors import OperatorError
from gateway import compose
from gateway.webdav.tls import TlsFiles
from tests.support.world import World, a_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path) as world:
        yield world


def _key(encryption: serialization.KeySerializationEncryption) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _no_certificate(files: TlsFiles) -> None:
    files.certificate.write_bytes(b"not a certificate\n")


def _anothers_key(files: TlsFiles) -> None:
    files.private_key.write_bytes(_key(serialization.NoEncryption()))


def _key_with_passphrase(files: TlsFiles) -> None:
    files.private_key.write_bytes(_key(serialization.BestAvailableEncryption(b"otter")))


@pytest.mark.parametrize("spoil", [_no_certificate, _anothers_key, _key_with_passphrase])
def test_an_unfit_certificate_is_one_line_and_status_2(world: World, spoil: Callable[[TlsFiles], None]) -> None:
    files = compose.tls_files(world.home)
    spoil(files)
    with pytest.raises(OperatorError) as caught:
        compose.check_home(world.home, world.settings)
    said = str(caught.value)
    named = str(files.certificate) in said and str(files.private_key) in said
    assert (caught.value.exit_status, said.count("\n"), named) == (2, 0, True)


def test_a_fit_certificate_serves(world: World) -> None:
    compose.check_home(world.home, world.settings)
