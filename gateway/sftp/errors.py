"""Errors of the file system as SFTP statuses, in one table. The client hears the class, the log hears the cause.

Statuses are those of version 3 (draft-ietf-secsh-filexfer-02, section 7). Called by `handler` alone. Pure, apart from
the log; thread-safe.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from asyncssh import SFTPError, SFTPFailure, SFTPNoSuchFile

from gateway import errors

log = logging.getLogger(__name__)

STATUS: dict[type[errors.FSError], Callable[[str], SFTPError]] = {
    errors.FSError: SFTPFailure,
    errors.NotFound: SFTPNoSuchFile,
    errors.NotADirectory: SFTPNoSuchFile,  # as OpenSSH's server answers ENOTDIR
    errors.IsADirectory: SFTPFailure,
    errors.Unavailable: SFTPFailure,
    errors.Damaged: SFTPFailure,
    errors.ClosedHandle: SFTPFailure,
}


def sftp_error(error: BaseException) -> SFTPError:
    """The status that answers `error`. What is not an FSError becomes FAILURE with a general sentence."""
    if not isinstance(error, errors.FSError):
        log.error("an SFTP request failed on a fault of ours", exc_info=error)
        return SFTPFailure(errors.FSError.message)
    status = next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)
    return status(str(error))
