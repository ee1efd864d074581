"""Help with choosing a password, and what came of it: three random words, the lengths, two fields that agree [R12].

The password is typed twice rather than shown: without scripts a page cannot switch between the two, and offices have
visitors. Thread-safe.
"""

from __future__ import annotations

from dataclasses import dataclass

from auth.passwords import Passwords
from gateway.portal import forms

_UNEQUAL = "The two passwords are not the same: type the new one again, in both fields."


@dataclass(frozen=True, slots=True)
class Advice:
    """What a page says about passwords, to people of the authority (`staff`) and of schools."""

    suggestion: str
    minimum: int
    maximum: int
    guidance_url: str | None


class Adviser:
    """Gives advice by the settings."""

    def __init__(self, passwords: Passwords, guidance_url: str | None) -> None:
        self._passwords = passwords
        self._guidance_url = guidance_url

    def advise(self, *, staff: bool) -> Advice:
        """Another suggestion each time."""
        rules = self._passwords.rules
        return Advice(
            suggestion=self._passwords.three_words(staff=staff),
            minimum=rules.minimum_staff if staff else rules.minimum,
            maximum=rules.maximum,
            guidance_url=self._guidance_url,
        )


def chosen() -> tuple[str, str | None]:
    """The new password, and what is wrong with how it was typed."""
    password = forms.field("new", forms.LONGEST_PASSWORD)
    return password, None if password == forms.field("again", forms.LONGEST_PASSWORD) else _UNEQUAL
