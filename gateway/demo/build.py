"""Building a demo home: what a council would have done in five months, done in seconds by the same code.

Called by `ladocs demo`. The home is founded on the eve of the first month; a clock that is handed in steps through the
days, with the day's jobs each midnight and the plan's documents at their hours, and ends at the present. All of it or
nothing. Raises OperatorError, OSError.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from config.clock import end_of_day, london_date, london_midnight
from config.entropy import Entropy
from config.errors import OperatorError
from config.home import Home
from config.settings import Settings
from gateway import compose
from gateway import core as cores
from gateway.agreeing import enter_texts
from gateway.change import changing
from gateway.core import Core
from gateway.demo import cast
from gateway.demo.cast import Credentials, Numbers
from gateway.demo.clock import SteppedClock
from gateway.demo.plan import Parcel, first_day, plan
from gateway.demo.settings_file import settings_text, write_agreements
from gateway.founding import founding
from gateway.publishing import Failed, Item
from policy.audit.log import AuditLog

_ISSUED_AGO = timedelta(days=30)  # device passwords that lie unused for 90 days are off
_LEFT_AGO = timedelta(days=20)
_AGREEMENT_AGO = timedelta(days=10)
_SIGNED_AGO = timedelta(days=4)

Progress = Callable[[str, int, int], None]
"""Called with a document's name, how many are out, and how many there will be."""


@dataclass(frozen=True, slots=True)
class Built:
    """A demo home, and everybody's credentials by short name."""

    home: Home
    settings: Settings
    credentials: Mapping[str, Credentials]


@contextmanager
def building(
    path: Path, *, user: str, environ: Mapping[str, str], now: datetime, entropy: Entropy, progress: Progress
) -> Iterator[Built]:
    """A demo home at `path`, missing or empty, as it is at `now` (aware UTC). When the block raises, nothing stays.

    `user` of this machine is mapped to the officer who administers it.
    """
    clock = SteppedClock(london_midnight(first_day(now)))
    text = settings_text(user, london_date(now - _AGREEMENT_AGO))
    with founding(path, settings_text=text, environ=environ, clock=clock, entropy=entropy) as (home, settings):
        write_agreements(path)
        core = cores.core(home, settings, clock=clock, entropy=entropy)
        try:
            enter_texts(core)
            with cores.recording(core) as log:
                months = _Months(core, clock, log, user, progress)
                months.pass_until(now)
        finally:
            core.database.dispose()
        yield Built(home, settings, months.credentials)


@dataclass(slots=True)
class _Months:
    """The five months, day by day."""

    core: Core
    clock: SteppedClock
    log: AuditLog
    user: str
    progress: Progress
    credentials: dict[str, Credentials] = field(default_factory=dict)

    def pass_until(self, now: datetime) -> None:
        """From the first day to `now`."""
        vault = compose.vault(self.core)
        publisher = compose.publisher(self.core, vault, self.log)
        jobs = compose.clockwork(self.core, self.log, self.clock, compose.works(self.core, vault, self.log))
        acts = [(now - _ISSUED_AGO, self._issue), (now - _LEFT_AGO, self._leave), (now - _SIGNED_AGO, self._sign)]

        def serve_for_a_moment(at: datetime) -> None:
            """So that the silence before and after is explained."""
            self.clock.step_to(at)
            jobs.begin()
            jobs.turn()
            jobs.end()

        def live_until(end: datetime) -> None:
            """Every midnight that has not come yet, up to `end`, with its jobs and what the story does that day."""
            while (midnight := end_of_day(london_date(self.clock.now()))) <= end:
                serve_for_a_moment(midnight)
                while acts and acts[0][0] <= midnight:
                    acts.pop(0)[1]()

        with changing(self.core, self.log, None, self.user) as change:
            numbers = cast.enter(self.core, change)
        parcels = plan(now)
        done = 0
        for day, of_day in groupby(parcels, key=lambda parcel: london_date(parcel.at)):
            live_until(london_midnight(day))
            for parcel in of_day:
                self.clock.step_to(parcel.at)
                with _as_file(parcel) as source:
                    [result] = publisher.publish(
                        [_item(parcel, source, numbers)], actor=numbers.accounts[parcel.officer]
                    )
                if isinstance(result, Failed):
                    raise OperatorError(f"The demo could not be built: {result.message}")
                done += 1
                self.progress(parcel.draft.name, done, len(parcels))
        live_until(now)
        serve_for_a_moment(now)

    def _issue(self) -> None:
        with changing(self.core, self.log, None, self.user) as change:
            self.credentials.update(cast.issue(self.core, change))

    def _leave(self) -> None:
        with changing(self.core, self.log, None, self.user) as change:
            cast.leave(change)

    def _sign(self) -> None:
        with changing(self.core, self.log, None, self.user) as change:
            cast.sign_new(self.core, change)


def _item(parcel: Parcel, source: Path, numbers: Numbers) -> Item:
    return Item(
        source=source,
        schools=tuple(numbers.schools[dfe] for dfe in parcel.schools),
        category_id=numbers.categories[parcel.category],
    )


@contextmanager
def _as_file(parcel: Parcel) -> Iterator[Path]:
    """The document as its officer would have it on a disk."""
    with tempfile.TemporaryDirectory(prefix="ladocs-demo-") as folder:
        file = Path(folder) / parcel.draft.name
        file.write_bytes(parcel.draft.data())
        yield file
