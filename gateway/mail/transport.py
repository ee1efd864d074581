"""How a mail leaves: what `delivery` asks of a mail server or a folder, and what may come of it."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol


class NotSent(Exception):
    """This mail could not be sent; the next one may be. The message is a line for the web team."""


class Refused(NotSent):
    """The mail server will never take this mail."""


class OutOfReach(Exception):
    """No mail can be sent at the moment: `what` is the matter, and `mend` what would do, if we know it."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(f"{what}: {mend}" if mend else what)
        self.what = what
        self.mend = mend


class Transport(Protocol):
    """Where mails go. Not thread-safe: one thread sends at a time."""

    def send(self, message: EmailMessage, address: str) -> None:
        """Hand `message` over for `address`: taken for good on return. Raises NotSent, Refused, OutOfReach."""
        ...

    def close(self) -> None:
        """Nothing more is sent for now. Never raises."""
        ...


def in_one_line(said: object) -> str:
    """A server's words as one line that no terminal and no log obeys, cut at 300 characters."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
