"""Whatever happens in whatever order: both doors show what the rules say, and the record accounts for every byte.

A Hypothesis state machine over `scene`, held against `model`. What was drawn is carried out on both; a power cut leaves
an act done or not done, and which, is asked of the home. Each history ends with a crash, a destruction and a reckoning.
Nothing that is drawn depends on what the home answers, so that a seed draws the same again.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from auth.principal import Door
from gateway.publishing import Restriction
from policy.audit.events import EventKind
from tests.property import cast
from tests.property.model import CATEGORIES, FOLDERS, Paper, Reader, day_of
from tests.property.scene import Kept, Refused, Scene
from tests.support.drives import Absent, Drive, Forbidden, Obstacle
from tests.support.faults import Disk, Faults, Statements

DOORS = (Door.SFTP, Door.WEBDAV)
LONGEST = timedelta(days=210)
"""When no day passes any more: a history is over before the script's account is, after 300."""

_T = TypeVar("_T")
_people = st.sampled_from(cast.NAMES)
_persons = st.sampled_from([name for name in cast.NAMES if name != cast.SCRIPT])
_schools = st.sampled_from(list(FOLDERS))
_categories = st.sampled_from(CATEGORIES)
_doors = st.sampled_from(DOORS)
_which = st.integers(0, 1000)
_days = st.sampled_from([None, None, 1, 20])
_cuts = st.sampled_from([Disk, Statements])
_several = st.frozensets(_schools, min_size=1)
_told = st.builds(
    Restriction,
    roles=st.frozensets(st.sampled_from(["SENCO", "Office"]), max_size=1),
    not_headteacher_reason=st.sampled_from([None, None, "it is about them"]),
)


class Histories(RuleBasedStateMachine):
    """One history. A reader, document or school that an act wants is one of those there are. `done` counts over all."""

    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(prefix="ladocs-history-"))
        self.scene = Scene(self.place)
        self.began = self.scene.clock.now()
        self.readers = cast.readers()
        self.papers: list[Paper] = []
        self.kept: dict[str, set[Kept]] = {}
        self.held: list[tuple[Reader, Paper, str, Any]] = []
        self.numbers = count(1)

    @property
    def now(self) -> datetime:
        return self.scene.clock.now()

    @invariant()
    def go_on(self) -> None:
        """Between two acts codes become fresh, and wrong guesses are forgotten."""
        self.scene.pass_time(minutes=6)
        self.done["acts"] += 1

    # Acts of the authority

    @initialize(to=_several, category=_categories, told=_told)
    def begin(self, to: frozenset[str], category: str, told: Restriction) -> None:
        self.publish(to, category, told, 1000)

    @rule(to=_several, category=_categories, told=_told, size=st.sampled_from([1, 70_000]))
    def publish(self, to: frozenset[str], category: str, told: Restriction, size: int) -> None:
        paper = self._written(to, category, told, size)
        self._enter(paper, self._send(paper))

    @rule(to=_several, category=_categories, cut=_cuts, step=st.integers(1, 40))
    def publish_as_the_power_fails(
        self, to: frozenset[str], category: str, cut: type[Disk | Statements], step: int
    ) -> None:
        paper, known = self._written(to, category, Restriction(), 5000), set(self.scene.published())
        with self._power_cut(cut, step) as faults:
            self._send(paper)
        new = set(self.scene.published()) - known
        assert len(new) == 1 or (faults.fired and not new)
        for reference in new:
            self._enter(paper, reference)

    @rule(which=_which, at=_schools)
    def withdraw(self, which: int, at: str) -> None:
        paper = _one_of(self.papers, which)
        if at in paper.schools and day_of(self.now) <= paper.last_day:
            gone, paper.schools = self.now, paper.schools - {at}
            self.scene.withdraw(paper.reference, at)
            paper.withdrawn_at = None if paper.schools else gone

    @rule(which=_which)
    def hold(self, which: int) -> None:
        paper = _one_of(self.papers, which)
        held = self.scene.hold(paper.reference)
        assert held or paper.doomed
        assert not (held and paper.destroyed)
        paper.holds += held

    @rule(which=_which)
    def lift(self, which: int) -> None:
        held = [paper for paper in self.papers if paper.holds]
        if held:
            paper = _one_of(held, which)
            self.scene.lift(paper.reference)
            paper.holds -= 1

    @rule(who=_people, at=_schools, category=_categories, later=_days, days=_days)
    def grant(self, who: str, at: str, category: str, later: int | None, days: int | None) -> None:
        """From now, in place of what is held; or from a later day, beside what is held now."""
        reader = self.readers[who]
        if at in reader.roles:
            begins = None if later is None else self.now + timedelta(days=later)
            until = None if days is None else (begins or self.now) + timedelta(days=days)
            before = reader.grants.get((at, category), []) if begins else []
            kept = [span for span in before if span[0] is None or span[0] <= self.now]
            reader.grants[at, category] = [*kept, (begins, until)]
            self.scene.grant(who, at, category, begins, until)

    @rule(who=_people, which=_which)
    def revoke(self, who: str, which: int) -> None:
        reader = self.readers[who]
        if reader.grants:
            at, category = _one_of(sorted(reader.grants), which)
            self.scene.revoke(who, at, category)
            del reader.grants[at, category]

    @rule(who=_people, which=_which)
    def leave_school(self, who: str, which: int) -> None:
        reader = self.readers[who]
        if reader.roles:
            at = _one_of(sorted(reader.roles), which)
            self.scene.leave_school(who, at)
            del reader.roles[at]
            reader.grants = {held: end for held, end in reader.grants.items() if held[0] != at}

    @rule(who=_people, at=_schools)
    def join_school(self, who: str, at: str) -> None:
        reader, role = self.readers[who], cast.ROLES[who]
        if not reader.left and at not in reader.roles and (reader.person.by_school or not reader.roles):
            self.scene.join(who, at, role)
            reader.roles[at] = role
            self._renew(reader)

    @rule(who=_persons)
    def leave(self, who: str) -> None:
        reader = self.readers[who]
        if not reader.left:
            self.scene.leave(who)
            reader.left, reader.roles, reader.grants = True, {}, {}

    # Time and misfortune

    @rule(hours=st.sampled_from([1, 24, 24 * 30, 24 * 80]))
    def pass_time(self, hours: int) -> None:
        if self.now - self.began > LONGEST:
            return
        self.scene.pass_time(hours=hours)
        for reader in self.readers.values():
            if reader.comes_in:
                self._asks(reader)  # a device password that nobody uses for 90 days ends

    @rule(early=st.booleans())
    def destroy(self, early: bool) -> None:
        self._doom(early)
        self.scene.destroy(early)
        certified, there = self.scene.certified(), self.scene.published()
        for paper in self.papers:
            paper.destroyed = paper.destroyed or paper.falls_due(self.now, early=early)
            if paper.destroyed:
                assert not [found for kept in self.kept[paper.reference] for found in self.scene.remains(kept)]
                assert f"document {paper.reference} " in certified
            elif not paper.doomed:
                assert there[paper.reference] is not None

    @rule(cut=_cuts, step=st.integers(1, 100), early=st.booleans())
    def destroy_as_the_power_fails(self, cut: type[Disk | Statements], step: int, early: bool) -> None:
        self._doom(early)
        with self._power_cut(cut, step):
            self.scene.destroy(early)

    @rule()
    def crash(self) -> None:
        self.held.clear()
        self.scene.crash()
        self.done["crashes"] += 1

    # People at the doors

    @rule(who=_people)
    def sign_in(self, who: str) -> None:
        self.scene.hang_up(who)
        try:
            self.scene.sign_in(self.readers[who].person)
        except Refused:
            assert not self.readers[who].comes_in
        else:
            assert self.readers[who].comes_in

    @rule(who=_persons)
    def replay_a_code(self, who: str) -> None:
        assert self.scene.one_code_twice(self.readers[who].person) == [self.readers[who].comes_in, False]

    @rule(who=_people)
    def replay_a_revoked_password(self, who: str) -> None:
        reader = self.readers[who]
        if not reader.left:
            revoked = replace(reader, person=reader.person)
            self._renew(reader)
            assert not self._asks(revoked)
            assert self._asks(reader) == reader.comes_in

    @rule(who=_people, door=_doors)
    def list_everything(self, who: str, door: Door) -> None:
        reader = self.readers[who]
        try:
            with self.scene.drive(reader.person, door) as drive:
                found = set(_tree(drive))
        except (Refused, Forbidden, Obstacle):
            assert not reader.comes_in
        else:
            assert reader.comes_in
            assert found == reader.tree(self.papers, self.now)

    @rule(who=_people, door=_doors, which=_which)
    def read(self, who: str, door: Door, which: int) -> None:
        reader = self.readers[who]
        if reader.comes_in:
            with self.scene.drive(reader.person, door) as drive:
                self._read(drive, reader, _one_of(self.papers, which))

    @rule(who=_people, which=_which)
    def keep_open(self, who: str, which: int) -> None:
        reader = self.readers[who]
        seen = reader.documents(self.papers, self.now)
        if seen:
            path = _one_of(sorted(seen), which)
            file = self.scene.sign_in(reader.person).client.open(path.encode(), "r")
            self.held.append((reader, seen[path], path, file))

    @rule(which=_which)
    def read_on(self, which: int) -> None:
        if not self.held:
            return
        reader, paper, path, file = _one_of(self.held, which)
        visible = path in reader.documents(self.papers, self.now)
        file.seek(0)
        try:
            data = file.read()
        except (OSError, EOFError):
            assert not visible or file.sftp.get_channel().closed
        else:
            assert visible
            assert data == paper.data
            self._received(reader, Door.SFTP, paper)

    # The reckoning

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._reckon()
        finally:
            self.scene.close()
            shutil.rmtree(self.place)

    def _reckon(self) -> None:
        for who in self.readers:
            self.list_everything(who, Door.WEBDAV)
        self.crash()
        self.destroy(early=False)
        for who, reader in self.readers.items():
            for door in DOORS:
                self.list_everything(who, door)
                if reader.comes_in:
                    with self.scene.drive(reader.person, door) as drive:
                        for paper in self.papers:
                            self._read(drive, reader, paper)
        assert self.scene.ungranted() == []
        told = {event.reference for event in self.scene.events(EventKind.DOCUMENT_PUBLISHED)}
        assert {paper.reference for paper in self.papers} <= told
        report = self.scene.verified()
        assert report.intact, report.finding
        self.done["histories"] += 1
        self.done["receipts"] += len(self.scene.receipts)
        self.done["records"] += report.head.records

    def _written(self, to: frozenset[str], category: str, told: Restriction, size: int) -> Paper:
        number = next(self.numbers)
        return Paper(
            name=f"Letter {number}.pdf",
            data=random.Random(number).randbytes(size),
            category=category,
            schools=to,
            roles=told.roles,
            withheld=told.not_headteacher_reason is not None,
            at=self.now,
        )

    def _send(self, paper: Paper) -> str:
        reason = "it is about them" if paper.withheld else None
        told = Restriction(roles=paper.roles, not_headteacher_reason=reason)
        return self.scene.publish(paper.name, paper.data, paper.category, paper.schools, told)

    def _enter(self, paper: Paper, reference: str) -> None:
        kept = self.scene.published()[reference]
        assert kept is not None
        self.kept[reference] = {kept}
        self.papers.append(replace(paper, reference=reference))

    def _doom(self, early: bool) -> None:
        """Before a destruction: what it is about to destroy, and by what each document opens now."""
        there = self.scene.published()
        for paper in self.papers:
            paper.doomed = paper.doomed or paper.falls_due(self.now, early=early)
            if (kept := there[paper.reference]) is not None:
                self.kept[paper.reference].add(kept)

    def _renew(self, reader: Reader) -> None:
        reader.person = replace(reader.person, device=self.scene.new_device(reader.person.username))

    def _asks(self, reader: Reader) -> bool:
        """Whether WebDAV answers this reader."""
        try:
            with self.scene.drive(reader.person, Door.WEBDAV):
                return True
        except Refused:
            return False

    def _read(self, drive: Drive, reader: Reader, paper: Paper) -> None:
        """In each school the whole of it where it is seen, and elsewhere nothing."""
        for school in reader.roles:
            try:
                data = drive.read(reader.path(paper, school))
            except Absent:
                assert not reader.sees(paper, school, self.now)
            else:
                assert reader.sees(paper, school, self.now)
                assert data == paper.data
                self._received(reader, drive.door, paper)

    def _received(self, reader: Reader, door: Door, paper: Paper) -> None:
        kept = next(iter(self.kept[paper.reference]))
        self.scene.received(reader.person, door, kept, len(paper.data))

    @contextmanager
    def _power_cut(self, cut: type[Disk | Statements], step: int) -> Iterator[Faults]:
        """The power fails at that step of the block, or after it."""
        with self.scene.power_cut(cut, step) as faults:
            yield faults
        self.crash()


def _one_of(things: Sequence[_T], which: int) -> _T:
    return things[which % len(things)]


def _tree(drive: Drive, folder: str = "/") -> Iterator[str]:
    """Every path below `folder`, as a client finds it that looks everywhere."""
    for name, node in drive.listing(folder).items():
        path = f"{folder.rstrip('/')}/{name}"
        yield path
        if node.folder:
            yield from _tree(drive, path)
