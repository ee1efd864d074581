"""A home that is restored after a destruction: what was destroyed since the backup stays so."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import compose, recovery
from gateway.backup import back_up
from gateway.clockguard import set_mark
from gateway.errors import FSError
from gateway.restoring import restore
from tests.publishing.authority import Authority, opened
from tests.support.world import read, tree


def confirm(authority: Authority) -> None:
    """Vouch for the clock, which has leapt."""
    with authority.database.write() as connection:
        set_mark(connection, authority.clock.now())
    authority.services.clock.observe(authority.clock.now())


def test_a_document_destroyed_since_the_backup_stays_so_and_the_others_are_read(
    authority: Authority, tmp_path: Path
) -> None:
    key = tmp_path / "recovery.txt"
    key.write_text(recovery.make(authority.home.path))
    authority.published(authority.item(authority.file("Old.pdf", b"old")))
    authority.clock.advance(days=40)
    confirm(authority)
    authority.published(authority.item(authority.file("New.pdf", b"new")))
    paths = {one.rpartition("/")[2]: one for one in tree(authority.session("helen.head").fs)}
    backed_up_at = authority.clock.now()
    back_up(authority.services.core, tmp_path / "backup")
    authority.clock.advance(days=51)
    core, vault, log = authority.services.core, authority.services.vault, authority.services.log
    assert compose.destruction(core, vault, log).run(authority.clock.now()) is None
    authority.clock.set(backed_up_at)  # as if the old document were in its days still
    restore(
        tmp_path / "backup",
        tmp_path / "again",
        keys_dir=authority.home.keys_dir,
        recovery_key=key,
        user="root",
        environ={},
        clock=authority.clock,
    )
    authority.clock.advance(seconds=1)
    again = opened(tmp_path / "again", authority.outbox, authority.clock)
    try:
        assert again.rows()["object"] == 2
        fs = again.session("helen.head").fs
        assert read(fs, paths["New.pdf"]) == b"new"
        with pytest.raises(FSError):
            read(fs, paths["Old.pdf"])
    finally:
        compose.close(again.services)
