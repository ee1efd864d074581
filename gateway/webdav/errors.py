"""The one table of errors: what each FSError, and each of wsgidav's own, is over HTTP.

The client hears the class and the error's message, which is fit for it; the log hears the cause.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from wsgidav.dav_error import DAVError

from gateway.errors import ClosedHandle, Damaged, FSError, IsADirectory, NotADirectory, NotFound, Unavailable
from gateway.webdav.answers import Answer, text

log = logging.getLogger(__name__)

STATUS: Mapping[type[FSError], HTTPStatus] = {
    FSError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotFound: HTTPStatus.NOT_FOUND,
    NotADirectory: HTTPStatus.NOT_FOUND,
    IsADirectory: HTTPStatus.METHOD_NOT_ALLOWED,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Damaged: HTTPStatus.SERVICE_UNAVAILABLE,
    ClosedHandle: HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_AFTER = 30


def answer_for(error: Exception) -> Answer:
    """The answer that stands for `error`; what nobody foresaw is an obstacle, never an emptiness [R32]."""
    if isinstance(error, FSError):
        return _for_fs_error(error)
    if isinstance(error, DAVError):
        return _for_dav_error(error)
    log.error("a request failed", exc_info=error)
    return _obstacle(Unavailable.message, _RETRY_AFTER)


def _for_fs_error(error: FSError) -> Answer:
    if isinstance(error, Unavailable) and error.standing:
        return text(HTTPStatus.FORBIDDEN, str(error))
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        if error.__cause__ is None or not isinstance(error, Unavailable):  # the cause of one was told where it was met
            log.warning("%s: %s", type(error).__name__, error, exc_info=error.__cause__)
        return _obstacle(str(error), getattr(error, "retry_after", _RETRY_AFTER))
    return text(status, str(error))


def _for_dav_error(error: DAVError) -> Answer:
    """wsgidav's refusals keep their status; its pages, which name it and its version, are not sent."""
    if not 400 <= error.value < 500:
        log.error("wsgidav failed: %s", error, exc_info=error)
        return _obstacle(Unavailable.message, _RETRY_AFTER)
    status = HTTPStatus(error.value)
    return text(status, NotFound.message if status is HTTPStatus.NOT_FOUND else f"{status.phrase}.")


def _obstacle(sentence: str, retry_after: int) -> Answer:
    return text(HTTPStatus.SERVICE_UNAVAILABLE, sentence, ("Retry-After", str(retry_after)))
