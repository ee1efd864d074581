"""What cannot be published: nothing of that document, one line with the mend, and the others go on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.errors import OperatorError
from gateway.models import Document
from gateway.publishing import Failed, Item, Published, Restriction
from policy.access import HEADTEACHER
from tests.publishing.authority import Authority

BAD: dict[str, tuple[Callable[[Authority], Item], str]] = {
    "a name that Windows cannot carry": (lambda a: a.item(name="a:b.pdf"), "'a-b.pdf' would do"),
    "a device name": (lambda a: a.item(name="con.pdf"), "'_con.pdf' would do"),
    "a name that is too long": (lambda a: a.item(name="x" * 101), f"'{'x' * 100}' would do"),
    "a name of too many bytes": (lambda a: a.item(name="字" * 70 + ".pdf"), "200 bytes"),
    "a name that is no text": (lambda a: a.item(a.file(os.fsdecode(b"caf\xe9.pdf"))), "would do"),
    "a name of dots": (lambda a: a.item(name=".."), "'document' would do"),
    "an empty file": (lambda a: a.item(a.file(data=b"")), "is empty"),
    "a file over publish.max_bytes": (lambda a: a.item(a.file(data=bytes(1001))), "publish.max_bytes (1,000)"),
    "no such file": (lambda a: a.item(a.outbox / "missing.pdf"), "give the path"),
    "a folder": (lambda a: a.item(a.file().parent), "give the path"),
    "a link to nothing": (lambda a: a.item(link(a, "nowhere")), "give the path"),
    "a link to itself": (lambda a: a.item(link(a, "link.pdf")), "give the path"),
    "a pipe": (lambda a: a.item(pipe(a)), "give the path"),
    "an unknown school": (lambda a: replace(a.item(), schools=(1, 99)), "ladocs school list"),
    "no school": (lambda a: replace(a.item(), schools=()), "--school"),
    "an unknown category": (lambda a: replace(a.item(), category_id=99), "settings' categories"),
    "an unknown role": (lambda a: a.item(restriction=Restriction(roles=frozenset({"Cook"}))), "'Cook' is no role"),
    "an unknown account": (lambda a: a.item(restriction=Restriction(accounts=frozenset({99}))), "ladocs account list"),
    "no reason": (lambda a: a.item(restriction=Restriction(not_headteacher_reason="")), "needs a reason"),
    "a blank reason": (lambda a: a.item(restriction=Restriction(not_headteacher_reason="  ")), "needs a reason"),
    "to the headteacher and not to the headteacher": (
        lambda a: a.item(
            restriction=Restriction(roles=frozenset({HEADTEACHER, "DSL"}), not_headteacher_reason="about the head")
        ),
        "choose one",
    ),
}


def link(authority: Authority, to: str) -> Path:
    path = authority.outbox / "link.pdf"
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(to)
    return path


def pipe(authority: Authority) -> Path:
    path = authority.outbox / "pipe.pdf"
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("what", BAD)
def test_it_is_refused_by_one_line_with_the_mend_and_the_others_go_on(what: str, authority: Authority) -> None:
    make, mend = BAD[what]
    before, other, after = (
        authority.item(authority.file("1.pdf")),
        make(authority),
        authority.item(authority.file("2.pdf")),
    )
    verdicts = authority.publish(before, other, after)
    assert [type(verdict) for verdict in verdicts] == [Published, Failed, Published]
    assert isinstance(verdicts[1], Failed)
    message = verdicts[1].message
    assert mend in message
    assert message.startswith(f"{other.source}: ")
    assert "\n" not in message
    assert authority.listing("helen.head") == ["1.pdf", "2.pdf"]
    assert len(authority.blobs()) == authority.rows()["object"] == 2
    assert len(authority.record("document:published")) == 2


@pytest.mark.parametrize("what", BAD)
def test_trying_it_first_says_the_same_and_leaves_nothing(what: str, authority: Authority) -> None:
    make, mend = BAD[what]
    before = authority.rows()
    assert mend in (authority.publisher().check(make(authority)) or "")
    assert authority.rows() == before
    assert authority.blobs() == []
    assert authority.record() == []


def test_a_good_item_has_nothing_against_it(authority: Authority) -> None:
    assert authority.publisher().check(authority.item()) is None


def test_a_file_that_may_not_be_read_is_refused(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "permissions" in authority.refused(authority.item())


@pytest.mark.parametrize("when", ["opened", "read"])
def test_a_file_whose_disk_fails_is_told_as_the_file_s_fault(
    when: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, opening = authority.item(), Path.open

    class Failing:
        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *error: object) -> None: ...

        def read(self, size: int) -> bytes:
            raise OSError(5, "Input/output error")

    def fail(path: Path, *how: Any, **named: Any) -> Any:
        if path != item.source:
            return opening(path, *how, **named)
        if when == "opened":
            raise PermissionError(13, "Permission denied")
        return Failing()

    monkeypatch.setattr(Path, "open", fail)
    message = authority.refused(item)
    assert message.startswith(f"{item.source}: cannot be read (")
    assert authority.blobs() == []


def test_a_file_that_grows_over_the_limit_while_being_read_is_refused(authority: Authority) -> None:
    source = authority.file(data=bytes(900))

    def grow(item: Item, size: int) -> None:
        with source.open("ab") as file:
            file.write(bytes(size))

    [verdict] = authority.publish(authority.item(source), progress=grow)
    assert isinstance(verdict, Failed)
    assert "grew beyond publish.max_bytes (1,000)" in verdict.message
    assert authority.blobs() == []
    assert authority.record() == []


def test_a_file_that_was_emptied_meanwhile_is_refused(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    item, check = authority.item(), os.access

    def empty(path: Any, mode: int) -> bool:
        Path(path).write_bytes(b"")
        return check(path, mode)

    monkeypatch.setattr(os, "access", empty)
    publisher = authority.publisher()
    monkeypatch.setattr(Path, "stat", _size_before(item.source, item.source.stat()))
    [verdict] = authority.publish(item, publisher=publisher)
    assert isinstance(verdict, Failed)
    assert "is empty" in verdict.message
    assert authority.blobs() == []


def _size_before(source: Path, state: os.stat_result) -> Callable[..., os.stat_result]:
    stat = Path.stat
    return lambda path, **named: state if path == source else stat(path, **named)


# What stands in the way of the whole act


class _Full:
    """What `statvfs` says of a disk with `free` blocks of 100."""

    def __init__(self, free: int) -> None:
        self.f_bavail, self.f_blocks = free, 100


def test_a_disk_that_is_nearly_full_takes_no_document(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda folder: _Full(5))
    with pytest.raises(OperatorError, match="make room") as caught:
        authority.publish(authority.item())
    assert caught.value.exit_status == 1
    assert authority.blobs() == []
    monkeypatch.setattr(os, "statvfs", lambda folder: _Full(6))
    authority.published(authority.item())


def test_a_disk_that_fills_up_on_the_way_keeps_what_is_out_and_refuses_the_rest(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(item: Item, size: int) -> None:
        monkeypatch.setattr(os, "statvfs", lambda folder: _Full(5))

    verdicts = authority.publish(authority.item(), authority.item(authority.file("Other.pdf")), progress=fill)
    assert [type(verdict) for verdict in verdicts] == [Published, Failed]
    assert authority.listing("helen.head") == ["Letter.pdf"]


def test_a_clock_that_leapt_dates_no_document(authority: Authority) -> None:
    authority.clock.set(authority.clock.now().replace(year=2027))
    with pytest.raises(OperatorError, match="ladocs clock confirm"):
        authority.publish(authority.item())
    assert authority.rows()["document"] == 0


def test_a_clock_that_went_back_dates_no_document_before_the_last(authority: Authority) -> None:
    at = authority.clock.now()
    authority.clock.set(at.replace(month=10))
    authority.published(authority.item())
    assert authority.row(Document).published_at == at


def test_a_key_box_that_does_not_open_lets_nothing_be_published(authority: Authority) -> None:
    for root in authority.home.keys_dir.glob("root.*"):
        root.write_bytes(bytes(32))
    with pytest.raises(OperatorError) as caught:
        authority.publish(authority.item())
    assert caught.value.exit_status == 2
    assert authority.blobs() == []


def test_a_store_that_cannot_be_written_is_told_as_the_store_s_fault(authority: Authority) -> None:
    authority.home.store_dir.rmdir()
    authority.home.store_dir.write_text("no folder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "statvfs", lambda folder: _Full(50))
        assert "the store cannot be written" in authority.refused(authority.item())


def test_many_who_publish_at_once_are_all_served(authority: Authority) -> None:
    verdicts: list[Published | Failed] = []
    items = [authority.item(authority.file(f"{number}.pdf")) for number in range(12)]
    threads = [
        threading.Thread(target=lambda mine=items[start::3]: verdicts.extend(authority.publish(*mine)))
        for start in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(isinstance(verdict, Published) for verdict in verdicts)
    assert len(authority.listing("helen.head")) == 12
    assert authority.rows()["batch"] == 3
    assert {name for verdict in verdicts if isinstance(verdict, Published) for _, name in verdict.names} == {
        f"{number}.pdf" for number in range(12)
    }
