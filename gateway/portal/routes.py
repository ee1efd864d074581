"""A page's address as a row: method, rule, view, and whether strangers may ask.

Whoever forgets to say so has made a page behind sign-in. A view behind sign-in takes the `Visitor` as its first
argument, and only `gate` makes one. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.typing import ResponseReturnValue

from gateway.portal.visitor import visitor

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class Route:
    """`view` answers `method` at `rule`, and is called `name` in `url_for`."""

    method: str
    rule: str
    name: str
    view: View
    for_strangers: bool = False

    def answer(self, **parts: Any) -> ResponseReturnValue:
        """What the view answers."""
        return self.view(**parts) if self.for_strangers else self.view(visitor(), **parts)


def add_to(app: Flask, routes: Iterable[Route]) -> None:
    """Let `app` answer `routes`, each by its one method (and GET also to HEAD)."""
    for route in routes:
        app.add_url_rule(route.rule, route.name, route.answer, methods=[route.method], provide_automatic_options=False)
