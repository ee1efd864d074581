"""The one table of errors."""

from __future__ import annotations

import pytest
from wsgidav.dav_error import DAVError

from gateway import errors
from gateway.errors import FSError, NotFound, Unavailable
from gateway.webdav.errors import STATUS, answer_for
from tests.webdav.harness import DOCUMENT, Wsgi


def every_error(kind: type[FSError] = FSError) -> set[type[FSError]]:
    found = {kind}
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            found |= every_error(each)
    return found


def test_every_error_has_a_row() -> None:
    assert set(STATUS) == every_error()


@pytest.mark.parametrize("kind", sorted(every_error(), key=str))
@pytest.mark.parametrize("verb", ["stat", "open", "pread", "scandir", "usage", "refuse_write"])
def test_every_error_of_every_verb_is_a_status_of_its_row(kind: type[FSError], verb: str) -> None:
    asks = {
        "stat": ("OPTIONS", DOCUMENT),
        "open": ("GET", DOCUMENT),
        "pread": ("GET", DOCUMENT),
        "scandir": ("GET", "/"),
        "usage": ("PROPFIND", "/"),
        "refuse_write": ("PUT", DOCUMENT),
    }
    drive = Wsgi()
    drive.fs.faults[verb] = kind()
    method, path = asks[verb]
    reply = drive(method, path, {"Depth": "0"})
    if verb == "open" and kind is errors.IsADirectory:
        assert reply.status == 404  # a folder's page is shown instead, and here there is none
    else:
        assert reply.status == STATUS[kind]


@pytest.mark.parametrize("kind", sorted(every_error(), key=str))
def test_an_obstacle_says_when_to_try_again(kind: type[FSError]) -> None:
    answer = answer_for(kind())
    assert (answer.status == 503) == ("Retry-After" in dict(answer.headers))


def test_retry_after_is_the_obstacles_own() -> None:
    assert ("Retry-After", "7") in answer_for(Unavailable(retry_after=7)).headers


def test_standing_is_forbidden_with_its_reason() -> None:
    answer = answer_for(Unavailable("The school has no agreement in force.", standing=True))
    assert (answer.status, answer.body) == (403, b"The school has no agreement in force.\n")


def test_a_standing_refusal_is_never_a_401() -> None:
    drive = Wsgi()
    drive.door.fault = Unavailable("This account has ended.", standing=True)
    reply = drive("PROPFIND", "/", {"Depth": "0"})
    assert (reply.status, "www-authenticate" in reply.headers) == (403, False)


def test_what_nobody_foresaw_is_an_obstacle_without_its_text() -> None:
    answer = answer_for(RuntimeError("/srv/secret"))
    assert (answer.status, b"secret" in answer.body) == (503, False)


@pytest.mark.parametrize("status", [400, 403, 404, 412, 415, 416])
def test_wsgidavs_refusals_keep_their_status_and_lose_their_page(status: int) -> None:
    answer = answer_for(DAVError(status, "/srv/secret"))
    assert (answer.status, b"srv" in answer.body, b"wsgidav" in answer.body.lower()) == (status, False, False)


@pytest.mark.parametrize("status", [500, 501, 502])
def test_wsgidavs_failures_are_obstacles(status: int) -> None:
    assert answer_for(DAVError(status)).status == 503


def test_an_error_of_the_door_is_an_obstacle() -> None:
    drive = Wsgi()
    drive.door.fault = RuntimeError("database gone")
    assert drive("GET", "/").status == 503


def test_not_found_is_one_sentence() -> None:
    assert answer_for(NotFound()).body == b"Not found.\n"


def test_no_handle_stays_open_after_an_error() -> None:
    drive = Wsgi()
    drive.fs.faults["pread"] = errors.Damaged()
    drive("GET", DOCUMENT)
    assert drive.fs.open_handles == 0
