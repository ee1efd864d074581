"""What speaks against publishing an item: its name [R8], to whom it goes, its file; one line each, with the mend.

Called by publishing alone. Thread-safe. Raises sqlalchemy.exc.SQLAlchemyError alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from auth import accounts
from config.database import Database
from gateway import names
from gateway.item import Item, Rules
from policy import categories, schools
from policy.access import HEADTEACHER, ROLES

EMPTY = "{}: the file is empty: publish it when it holds something."


class Scrutiny:
    """Looks at items before anything is read of them."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def objection(self, item: Item) -> str | None:
        """What forbids publishing `item`, as one line with the mend, or None. Raises SQLAlchemyError."""
        name = item.wanted_name
        wrong = None if self._rules.fix_names else names.fault(name)
        if wrong is not None:
            return f"{item.source}: the name {wrong}: '{names.proposal(name)}' would do (--fix-names takes it)."
        return self._check_whom(item) or self._check_file(item.source)

    def _check_whom(self, item: Item) -> str | None:
        restriction = item.restriction
        with self._database.read() as connection:
            known = {school.id for school in schools.listing(connection)}
            rows = (
                (not item.schools, "no school is given: name one with --school 830-2001"),
                (not known.issuperset(item.schools), "there is no such school: see 'ladocs school list'"),
                (
                    item.category_id not in categories.names(connection),
                    "there is no such category: take one of the settings' categories",
                ),
                (
                    not restriction.roles.issubset(ROLES),
                    f"'{min(restriction.roles - set(ROLES), default='')}' is no role: there are {', '.join(ROLES)}",
                ),
                (
                    any(accounts.get(connection, account) is None for account in restriction.accounts),
                    "there is no such account: see 'ladocs account list'",
                ),
                (
                    restriction.not_headteacher and not restriction.reason,
                    "withholding from headteachers needs a reason: give it with --not-headteacher 'REASON'",
                ),
                (
                    restriction.not_headteacher and HEADTEACHER in restriction.roles,
                    "it is addressed to the headteacher and withheld from the headteacher: choose one",
                ),
            )
        return next((f"{item.source}: {text}." for applies, text in rows if applies), None)

    def _check_file(self, source: Path) -> str | None:
        try:
            if not source.is_file():
                return f"{source}: this is not a file: give the path of a document."
            size = source.stat().st_size
        except OSError as exc:
            return f"{source}: cannot be read ({exc.strerror}): check the path and its permissions."
        if not os.access(source, os.R_OK):
            return f"{source}: cannot be read (its permissions forbid it): let yourself read it, then publish again."
        if size == 0:
            return EMPTY.format(source)
        if size > self._rules.max_bytes:
            return (
                f"{source}: {size:,} bytes are more than publish.max_bytes ({self._rules.max_bytes:,}):"
                " split the file or raise that setting."
            )
        return None
