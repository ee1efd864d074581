"""`ladocs key add | list | remove` and `ladocs device add | list | revoke`."""

from __future__ import annotations

import io
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from config.clock import SystemClock, london_date
from tests.cli.county import PRIMARY, County

_USED = {"last_used_at", "last_address", "last_client"}
KEY = {"id", "name", "fingerprint", "networks", "created_at", "expires_at", "removed_at"} | _USED
DEVICE = {"id", "name", "networks", "created_at", "expires_at", "revoked_at"} | _USED


@pytest.fixture
def pair() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def public(pair: Ed25519PrivateKey, tmp_path: Path) -> Path:
    """The public half, as ssh-keygen writes it."""
    file = tmp_path / "id_ed25519.pub"
    file.write_bytes(pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" mary@pc\n")
    return file


def test_a_key_is_added_listed_and_removed(county: County, public: Path) -> None:
    [added] = county("key", "add", "m.head", public, "--name", "Office PC", "--network", "192.0.2.0/24", "--json").json
    assert added.keys() == KEY
    assert (added["name"], added["networks"], added["removed_at"]) == ("Office PC", "192.0.2.0/24", None)
    assert added["fingerprint"].startswith("SHA256:")
    assert county("key", "list", "m.head", "--json").json == [added]
    assert county("account", "show", "m.head", "--json").json["keys"] == 1
    assert county("key", "remove", "m.head", "1").out == "Key 1 of m.head has ended.\n"
    assert county("key", "list", "m.head", "--json").json[0]["removed_at"] is not None
    assert county("account", "show", "m.head", "--json").json["keys"] == 0


def test_a_key_has_a_last_day(county: County, public: Path) -> None:
    last = london_date(SystemClock().now()) + timedelta(days=10)
    county("key", "add", "m.head", public, "--name", "PC", "--until", last.isoformat())
    [line] = [line for line in county("key", "list", "m.head").out.splitlines() if "SHA256:" in line]
    assert f"{last + timedelta(days=1)} 00:00" in line


def test_a_key_is_read_from_standard_input(county: County, public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"# comment\n\n" + public.read_bytes())))
    assert county("key", "add", "m.head", "-", "--name", "PC", "--json").json[0]["id"] == 1


def test_a_private_key_is_refused_and_not_repeated(county: County, pair: Ed25519PrivateKey, tmp_path: Path) -> None:
    text = pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    (tmp_path / "id").write_text(text)
    line = county("key", "add", "m.head", tmp_path / "id", "--name", "PC", status=1).line
    assert "This is a private key, which stays with its owner: give the file that ends in .pub" in line
    assert not any(part in line for part in text.splitlines())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "holds no key: give the file that ends in .pub"),
        (b"# ssh-ed25519 AAAA\n\n", "holds no key: give the file that ends in .pub"),
        (b"ssh-ed25519 " + b"A" * 65536, "is larger than a file of keys"),
        (b"\xff\xfe", "is no text: give an OpenSSH public key"),
        (b"a letter to the school\n", "This is not an OpenSSH public key"),
        (b"ssh-dss AAAAB3NzaC1kc3M=\n", "Keys of type ssh-dss are not accepted"),
    ],
)
def test_what_is_no_key_is_refused(county: County, tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "x.pub").write_bytes(data)
    before = county.state()
    assert words in county("key", "add", "m.head", tmp_path / "x.pub", "--name", "PC", status=1).line
    assert county.state() == before


def test_a_short_rsa_key_is_refused(county: County, tmp_path: Path) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    (tmp_path / "x.pub").write_bytes(short.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    line = county("key", "add", "m.head", tmp_path / "x.pub", "--name", "PC", status=1).line
    assert "has 2048 bits: at least 3072" in line


def test_one_key_is_given_to_an_account_once(county: County, public: Path) -> None:
    county("key", "add", "m.head", public, "--name", "PC")
    assert "has this key already ('PC')" in county("key", "add", "m.head", public, "--name", "2", status=1).line
    county("key", "remove", "m.head", "1")
    assert "removed for good" in county("key", "add", "m.head", public, "--name", "2", status=1).line
    assert "no live key 1" in county("key", "remove", "m.head", "1", status=1).line


@pytest.fixture
def several(public: Path, tmp_path: Path) -> Path:
    """A file of two good keys, one that is no key, and one good key that stands there twice."""
    other = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    file = tmp_path / "authorized_keys"
    file.write_bytes(b"# ours\n" + public.read_bytes() + b"nonsense\n" + other + b"\n" + public.read_bytes())
    return file


def test_of_several_keys_none_is_added_where_one_is_bad_and_each_bad_line_is_said(
    county: County, several: Path
) -> None:
    before = county.state()
    said = county("key", "add", "m.head", several, "--name", "PC", status=1).err.splitlines()
    assert [line.split(":")[0] for line in said] == ["line 3", "line 5", "ladocs"]
    assert said[0].startswith("line 3: This is not an OpenSSH public key")
    assert "has this key already" in said[1]
    assert said[2] == "ladocs: No key was added: mend these lines, or add the good ones with --partial."
    assert county.state() == before


def test_the_good_ones_of_several_keys_are_added_when_that_is_asked_for(county: County, several: Path) -> None:
    ran = county("key", "add", "m.head", several, "--name", "PC", "--partial", "--json", status=1)
    assert [row["name"] for row in ran.json] == ["PC 1", "PC 3"]
    assert len(ran.err.splitlines()) == 2
    assert county("account", "show", "m.head", "--json").json["keys"] == 2


def test_a_file_without_a_good_key_adds_nothing_even_in_part(county: County, tmp_path: Path) -> None:
    (tmp_path / "x.pub").write_text("ssh-ed25519 AAAA\nssh-ed25519 BBBB\n")
    before = county.state()
    ran = county("key", "add", "m.head", tmp_path / "x.pub", "--name", "PC", "--partial", status=1)
    assert len(ran.err.splitlines()) == 3
    assert county.state() == before


def test_a_private_key_among_several_is_refused_and_not_repeated(
    county: County, public: Path, pair: Ed25519PrivateKey, tmp_path: Path
) -> None:
    text = pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    (tmp_path / "both").write_text(public.read_text() + text)
    said = county("key", "add", "m.head", tmp_path / "both", "--name", "PC", status=1).err
    assert not any(part in said for part in text.splitlines())


def test_a_key_of_somebody_else_is_not_removed(county: County, public: Path) -> None:
    county("key", "add", "m.head", public, "--name", "PC")
    county("key", "remove", "s.senco", "1", status=1)
    assert county("account", "show", "m.head", "--json").json["keys"] == 1


def test_a_device_password_is_shown_once(county: County) -> None:
    made = county("device", "add", "m.head", "--name", "Office PC", "--network", "192.0.2.7", "--json").json
    assert made.keys() == DEVICE | {"username", "device_password"}
    assert [len(group) for group in made["device_password"].split("-")] == [4] * 6
    rows = county("device", "list", "m.head", "--json").json
    assert [row.keys() for row in rows] == [DEVICE]
    assert rows[0]["networks"] == "192.0.2.7/32"


def test_a_device_password_is_shown_with_the_user_name_to_type(county: County) -> None:
    ran = county("device", "add", "m.head", "--name", "Office PC")
    assert ran.out.splitlines()[0].split() == ["user", "name", "m.head"]
    assert ran.err == "This is shown once: type it on the device itself.\n"


def test_a_device_password_is_revoked_once(county: County) -> None:
    county("device", "add", "m.head", "--name", "Office PC")
    assert county("device", "revoke", "m.head", "1").out == "Device password 1 of m.head has ended.\n"
    assert county("device", "list", "m.head", "--json").json[0]["revoked_at"] is not None
    assert "no live device password 1" in county("device", "revoke", "m.head", "1", status=1).line


def test_a_script_has_one_device_password_at_a_time(county: County) -> None:
    script = ("--name", "Copy", "--service", "m.head", "--network", "192.0.2.7", "--school", PRIMARY)
    county("account", "add", "nightly", *script)
    county("device", "add", "nightly", "--name", "drive")
    assert "revoke 'drive' first" in county("device", "add", "nightly", "--name", "second", status=1).line
    county("device", "revoke", "nightly", "1")
    county("device", "add", "nightly", "--name", "second")


def test_an_account_without_keys_or_devices_says_none(county: County) -> None:
    assert county("key", "list", "m.head").out == county("device", "list", "m.head").out == "None.\n"
