"""A document that cannot be read to its end: the answer ends short, and an obstacle that was foreseen is one line."""

from __future__ import annotations

import logging

import pytest

from gateway.errors import ClosedHandle, Damaged, FSError, NotFound, Unavailable
from gateway.path import VirtualPath
from gateway.webdav.app import BLOCK_SIZE
from tests.webdav.harness import BASIC, BIG, Site, running, send_raw, status_of

GET = f"GET {BIG} HTTP/1.1\r\nHost: a\r\nAuthorization: {BASIC}\r\n\r\n".encode()


def _damaged() -> Damaged:
    error = Damaged()
    error.__cause__ = ValueError("the tag does not fit")
    return error


def _fail_in_the_middle(site: Site, error: Exception) -> None:
    fs = site.door.fs
    note, verbs = fs.note, list[str]()

    def failing(verb: str, path: VirtualPath) -> None:
        verbs.append(verb)
        if verbs.count("pread") == 2:
            raise error
        note(verb, path)

    fs.note = failing  # type: ignore[method-assign]


@pytest.mark.parametrize("error", [_damaged(), Unavailable(), NotFound(), ClosedHandle()], ids=repr)
def test_a_foreseen_obstacle_within_a_document_is_one_line(error: FSError, caplog: pytest.LogCaptureFixture) -> None:
    with running() as site:
        _fail_in_the_middle(site, error)
        answer = send_raw(site, GET)
    said = [(line.levelno, line.exc_info) for line in caplog.records if line.levelno >= logging.WARNING]
    assert (status_of(answer), len(answer) < BLOCK_SIZE + 10_000, said) == (200, True, [(logging.WARNING, None)])


def test_what_nobody_foresaw_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with running() as site:
        _fail_in_the_middle(site, RuntimeError("a defect"))
        send_raw(site, GET)
    assert "RuntimeError: a defect" in caplog.text
