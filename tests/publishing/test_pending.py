"""A certificate is pending as long as another holder may have the keys, and says so; then it is completed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway import compose
from gateway.certificate import differences
from gateway.destruction import Destruction
from gateway.vault.keybox import KeyBox
from gateway.vault.keyfolder import KeyFolder
from policy.audit.checkpoints import public_keys
from tests.publishing.authority import Authority


@pytest.fixture
def second(authority: Authority, tmp_path: Path) -> Path:
    """A second holder, which has the key of a document that is due."""
    authority.published(authority.item())
    box(authority).replicate(tmp_path / "second")
    authority.clock.advance(days=91)
    return tmp_path / "second"


def box(authority: Authority) -> KeyBox:
    return compose.key_box(authority.services.core)


def destruction(authority: Authority) -> Destruction:
    return compose.destruction(authority.services.core, authority.services.vault, authority.services.log)


def destroyed(authority: Authority) -> list[str]:
    """The lines of the certificate, which verifies."""
    assert destruction(authority).run(authority.clock.now()) is None
    return certificate(authority)


def certificate(authority: Authority) -> list[str]:
    [file] = authority.home.certificates_dir.glob("*.txt")
    assert differences(file.read_bytes(), public_keys(authority.services.secrets)) == []
    return file.read_text().splitlines()


def holders(lines: list[str]) -> list[str]:
    return [line.partition('" ')[2].split(":")[0].split(" 20")[0] for line in lines if line.startswith("holder ")]


def told(authority: Authority) -> list[tuple[str, str]]:
    return [(one["event"], one["result"]) for one in authority.record("destruction:pending", "destruction:certified")]


def test_a_certificate_names_every_holder(authority: Authority, second: Path) -> None:
    lines = destroyed(authority)
    assert "state complete" in lines
    assert holders(lines) == ["done", "done"]


def test_a_holder_out_of_reach_makes_it_pending_with_an_alarm(
    authority: Authority, second: Path, caplog: pytest.LogCaptureFixture
) -> None:
    second.rename(second.with_name("drawer"))
    lines = destroyed(authority)
    assert "state pending" in lines
    assert holders(lines) == ["done", "pending since"]
    assert told(authority) == [("destruction:pending", "error")]
    assert "the certificate is pending" in caplog.text


def test_what_is_pending_is_not_destroyed_again(authority: Authority, second: Path) -> None:
    second.rename(second.with_name("drawer"))
    destroyed(authority)
    assert destroyed(authority)
    assert told(authority) == [("destruction:pending", "error")]


def test_it_stays_pending_until_the_holder_has_caught_up(authority: Authority, second: Path) -> None:
    drawer = second.rename(second.with_name("drawer"))
    destroyed(authority)
    destruction(authority).complete()
    assert "state pending" in certificate(authority)
    drawer.rename(second)
    box(authority).follow()
    destruction(authority).complete()
    assert "state complete" in certificate(authority)
    assert holders(certificate(authority)) == ["done", "done"]
    assert told(authority) == [("destruction:pending", "error"), ("destruction:certified", "permit")]
    assert KeyFolder(second).read() == KeyFolder(authority.home.keys_dir).read()


def test_it_says_for_good_that_a_holder_was_given_up(authority: Authority, second: Path) -> None:
    shutil.rmtree(second)
    destroyed(authority)
    box(authority).forget(second, "the stick was lost")
    destruction(authority).complete()
    assert "state complete" in certificate(authority)
    assert holders(certificate(authority)) == ["done", "given up"]


def test_a_holder_that_was_behind_and_takes_over_brings_no_destroyed_key_back(
    authority: Authority, second: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys, drawer = authority.home.keys_dir, second.with_name("drawer")
    second.rename(drawer)
    destroyed(authority)
    known = set(KeyFolder(drawer).read()) - set(KeyFolder(keys).read())
    shutil.rmtree(keys)
    drawer.rename(keys)
    destruction(authority).bury()
    assert known
    assert not known & set(KeyFolder(keys).read())
    assert "had come back" in caplog.text
    assert authority.record("keys:rotated")[-1]["reason"].startswith("came back generation ")
