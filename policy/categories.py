"""Categories by number: settings name them and their order, the database keeps a number for each for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from auth.upsert import insert_into
from config.errors import OperatorError
from policy.models import Category


def ensure(connection: Connection, names: Sequence[str]) -> None:
    """Enter every category of the settings that the database does not know yet."""
    known = set(connection.execute(select(Category.name)).scalars())
    for name in names:
        if name not in known:
            # Another process may enter it at the same moment.
            row = insert_into(connection, Category).values(name=name)
            connection.execute(row.on_conflict_do_nothing(index_elements=["name"]))


def names(connection: Connection) -> Mapping[int, str]:
    """Number to name, for all that ever were."""
    return {row.id: row.name for row in connection.execute(select(Category.id, Category.name))}


def find(connection: Connection, name: str) -> int:
    """The number of a category, found without regard to case. Raises OperatorError listing the right ones."""
    known = names(connection)
    for number, known_name in known.items():
        if known_name.casefold() == name.strip().casefold():
            return number
    raise OperatorError(f"No category is called '{name}': there are {', '.join(known.values())}.")
