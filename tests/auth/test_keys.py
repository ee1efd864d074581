"""`keys`: which public keys are accepted, and how they are found."""

from __future__ import annotations

import base64
import hashlib
import struct
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth import keys
from auth.verdicts import RefusalReason
from config.errors import OperatorError
from tests.auth.world import ELSEWHERE, HOME, Someone, World
from tests.support.people import KEY, OTHER_KEY

_SSH = (Encoding.OpenSSH, PublicFormat.OpenSSH)


def _rsa(bits: int) -> str:
    return rsa.generate_private_key(65537, bits).public_key().public_bytes(*_SSH).decode()


def _ecdsa(curve: ec.EllipticCurve) -> str:
    return ec.generate_private_key(curve).public_key().public_bytes(*_SSH).decode()


def _dsa() -> str:
    fields = (b"ssh-dss", *(b"\x01" * 128 for _ in range(4)))
    blob = b"".join(struct.pack(">I", len(field)) + field for field in fields)
    return f"ssh-dss {base64.b64encode(blob).decode()}"


@pytest.mark.parametrize(
    "line",
    [KEY, f"{KEY} jo@laptop with blanks", f"  {KEY}\r\n", _rsa(3072)]
    + [_ecdsa(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())],
    ids=["ed25519", "comment", "line ends", "rsa 3072", "nistp256", "nistp384", "nistp521"],
)
def test_strong_keys_are_accepted(line: str) -> None:
    assert keys.parse(line).text == " ".join(line.split()[:2])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (_rsa(2048), "RSA key has 2048 bits: at least 3072"),
        (_dsa(), "not accepted"),
        ("", "not an OpenSSH public key"),
        ("ssh-ed25519", "not an OpenSSH public key"),
        (KEY[:-8], "not accepted"),
        (f"{KEY}\n{OTHER_KEY}", "not an OpenSSH public key"),
        (f"ssh-rsa {KEY.split()[1]}", "not accepted"),
        ("ssh-ed25519 AAAA", "not an OpenSSH public key"),
        (f'command="rm" {KEY}', "only from="),
        (f'from="192.0.2.0/24",no-pty {KEY}', "only from="),
        (f'from="*.school.example" {KEY}', "is not a network"),
        (f"{KEY} {'x' * 20_000}", "not an OpenSSH public key"),
        (
            ed25519.Ed25519PrivateKey.generate()
            .private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
            .decode(),
            "private key",
        ),
    ],
    ids=lambda value: value[:24] if value else "nothing",
)
def test_anything_else_is_refused_in_one_line(line: str, why: str) -> None:
    with pytest.raises(OperatorError, match=f"^[^\n]*{why}[^\n]*$"):
        keys.parse(line)


def test_the_fingerprint_is_that_of_ssh_keygen() -> None:
    blob = base64.b64decode(KEY.split()[1])
    expected = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    assert keys.parse(KEY).fingerprint == f"SHA256:{expected}"


def test_the_from_option_binds_a_key_to_networks(world: World, jo: Someone) -> None:
    with world.database.write() as connection:
        row = keys.add(connection, jo.id, f'from="192.0.2.0/24,10.0.0.1" {OTHER_KEY}', "server", at=world.clock.now())
    assert [row.objection(address, world.clock.now()) for address in (HOME, ELSEWHERE)] == [
        None,
        RefusalReason.OTHER_NETWORK,
    ]


def test_a_key_is_found_for_its_account_alone(everywhere: World) -> None:
    jo, sam = everywhere.someone("jo.bloggs"), everywhere.someone("sam.shah")
    with everywhere.database.write() as connection:
        row = keys.add(connection, jo.id, OTHER_KEY, "server", at=everywhere.clock.now())
        found = [keys.match(connection, account, OTHER_KEY) for account in (jo.id, sam.id, None)]
    assert found == [row, None, None]


def test_a_key_is_given_once(world: World, jo: Someone) -> None:
    with world.database.write() as connection, pytest.raises(OperatorError, match="has this key already"):
        keys.add(connection, jo.id, f"{KEY} again", "again", at=world.clock.now())


def test_a_removed_key_is_out_for_good(world: World, jo: Someone) -> None:
    now = world.clock.now()
    with world.database.write() as connection:
        row = keys.listing(connection, jo.id)[0]
        keys.remove(connection, jo.id, row.id, now)
    with world.database.write() as connection, pytest.raises(OperatorError, match="removed for good"):
        keys.add(connection, jo.id, KEY, "again", at=now)


def test_nobody_removes_the_key_of_another_account(world: World, jo: Someone) -> None:
    sam = world.someone("sam.shah")
    with world.database.write() as connection, pytest.raises(OperatorError, match="no live key"):
        keys.remove(connection, sam.id, keys.listing(connection, jo.id)[0].id, world.clock.now())


def test_a_key_ends_on_its_day(world: World, jo: Someone) -> None:
    end = world.clock.now() + timedelta(days=10)
    with world.database.write() as connection:
        row = keys.add(connection, jo.id, OTHER_KEY, "server", at=world.clock.now(), expires_at=end)
    assert [row.objection(HOME, at) for at in (end - timedelta(seconds=1), end)] == [
        None,
        RefusalReason.CREDENTIAL_ENDED,
    ]
