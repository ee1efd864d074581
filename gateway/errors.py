"""The one family of errors of the file system. Adapters translate the class; the cause goes to the log.

Messages are fit for a client: they name no host path, no key, no other school.
"""

from __future__ import annotations


class FSError(Exception):
    """Anything that a file-system operation can refuse with."""

    message = "The request could not be carried out."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)


class NotFound(FSError):
    """Not there, hidden, another school's or past its last day: deliberately one answer."""

    message = "Not found."


class NotADirectory(FSError):
    """A listing was asked of a document."""

    message = "Not a folder."


class IsADirectory(FSError):
    """Bytes were asked of a folder."""

    message = "This is a folder."


class Unavailable(FSError):
    """An obstacle on our side or in the account's standing: never shown as emptiness.

    `retry_after` is in seconds. `standing` holds where it is the account or the school that is not in order (HTTP 403)
    rather than a fault of the service (HTTP 503).
    """

    message = "The service cannot answer just now. Please try again in a few minutes."

    def __init__(self, message: str | None = None, *, retry_after: int = 30, standing: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.standing = standing


class Damaged(Unavailable):
    """A stored document is missing or fails its authentication tag."""

    message = "This document cannot be read at present. The council has been told."


class ClosedHandle(FSError):
    """The handle was closed, or its permission has ended."""

    message = "The handle is no longer open."
