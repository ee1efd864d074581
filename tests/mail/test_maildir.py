"""The folder that takes mails where there is no mail server."""

from __future__ import annotations

import mailbox
import stat
from pathlib import Path

import pytest

from gateway.mail.maildir import Maildir
from gateway.mail.outbox import MailKind
from gateway.mail.transport import OutOfReach
from tests.mail.postroom import Postroom


def test_mails_lie_in_a_maildir_that_other_programs_read(postroom: Postroom) -> None:
    postroom.post(MailKind.PASSWORD_CHANGED)
    postroom.post(MailKind.PASSWORD_CHANGED, "h.head")
    postroom.turn()
    box = mailbox.Maildir(postroom.folder, create=False)
    assert sorted(message["To"] for message in box) == [
        '"H.Head" <h.head@school.example>',
        '"O.Office" <o.office@school.example>',
    ]


def test_mails_and_their_folders_are_their_owner_s_alone(postroom: Postroom) -> None:
    postroom.post(MailKind.PASSWORD_CHANGED)
    postroom.turn()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [postroom.folder, *postroom.folder.iterdir()]}
    assert modes == {0o700}
    assert [stat.S_IMODE(file.stat().st_mode) for file in (postroom.folder / "new").iterdir()] == [0o600]


def test_a_folder_that_cannot_be_made_is_out_of_reach(postroom: Postroom, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    number = postroom.post(MailKind.PASSWORD_CHANGED)
    postroom.turn(Maildir(tmp_path / "file" / "mail"))
    assert postroom.row(number).sent_at is None
    assert "takes no mail (Not a directory)" in postroom.row(number).trouble


def test_a_disk_that_fails_leaves_nothing_in_new(postroom: Postroom, monkeypatch: pytest.MonkeyPatch) -> None:
    postroom.post(MailKind.PASSWORD_CHANGED)
    postroom.turn()
    message = postroom.message()
    monkeypatch.setattr("os.fsync", _full)
    with pytest.raises(OutOfReach, match="No space left"):
        Maildir(postroom.folder.with_name("other")).send(message, "o.office@school.example")
    assert list(postroom.folder.with_name("other").rglob("*.ladocs")) == []


def _full(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")
