"""A process that makes a home's keys: `python -m tests.vault.topping KEYS_DIR DATABASE_URL DAY`."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path

from config.clock import SystemClock
from config.database import Database
from gateway.vault.keybox import KeyBox
from gateway.vault.store import LocalStore
from gateway.vault.vault import Vault


def main(keys_dir: str, url: str, day: str) -> None:
    """Make the keys and print how many were missing."""
    database = Database(url)
    box = KeyBox(Path(keys_dir), SystemClock(), os.urandom)
    vault = Vault(box=box, store=LocalStore(Path(keys_dir)), entropy=os.urandom)
    print(vault.top_up(database, date.fromisoformat(day)))  # noqa: T201  # the test reads it
    database.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
