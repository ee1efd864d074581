"""The one error that a command shows to the person at the terminal."""

from __future__ import annotations


class OperatorError(Exception):
    """One line: what is wrong, then what would be right.

    `exit_status` is 1 where an act was asked for and refused or failed in part, 2 where nothing could begin (usage,
    settings, a broken home).
    """

    def __init__(self, message: str, *, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status
