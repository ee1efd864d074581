"""How long a day's documents take to move to another key (D1), where one of them dies before its day.

Called by `__main__`. A throw-away home with one object for each document, whose files are not written: moving a key
reads none. Measured is the step of a real early destruction from its intent to the old key's end, with record and
database durable. Raises BenchError.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, update

from bench.processes import BenchError
from bench.target import OURS
from config.clock import SystemClock, london_date
from config.entropy import system_entropy
from gateway import compose
from gateway.catalogue import Folder
from gateway.founding import founding
from gateway.models import Batch, Delivery, Document, StoredObject
from gateway.services import Services
from gateway.vault.blob import Sealed
from gateway.vault.format import SEGMENT_BYTES
from gateway.vault.models import Purpose, Stage
from policy import categories, schools
from policy.months import Month, Window, destroy_day, visible_until
from tests.support.home import SETTINGS
from tests.support.people import enter_person

ROW = "D1"
DOCUMENTS, QUICK_DOCUMENTS = 20_000, 500
MOST_SECONDS = 2.0
_LENGTH = 10_240


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """So many documents in each round, and the seconds of each: on the clock, and of processor time."""

    documents: int
    took: Sequence[float]
    cpu: Sequence[float]

    @property
    def median(self) -> float:
        """In seconds on the clock."""
        return statistics.median(self.took)

    @property
    def reached(self) -> bool:
        """Whether that is soon enough."""
        return self.median < MOST_SECONDS


def measured(folder: Path, rounds: int, *, quick: bool, tell: Callable[[str], None]) -> Rekeyed:
    """Move a day's documents `rounds` times, each time because one more of them was withdrawn."""
    documents = QUICK_DOCUMENTS if quick else DOCUMENTS
    with founding(
        folder / "rekeyed", settings_text=SETTINGS, environ={}, clock=SystemClock(), entropy=system_entropy
    ) as (home, settings):
        services = compose.services(home, settings)
    try:
        services.vault.top_up(services.database, london_date(services.clock.now()))
        with services.database.write() as connection:
            ids = _enter(services, connection, documents + rounds)
        took, cpu = [], []
        for number in range(rounds):
            seconds, worked = _round(services, ids[number])
            took.append(seconds)
            cpu.append(worked)
            tell(f"round {number + 1} of {rounds}: {ROW} {documents} documents: {took[-1]:.4g} s")
        return Rekeyed(documents, took, cpu)
    finally:
        compose.close(services)


def _round(services: Services, delivery_id: bytes) -> tuple[float, float]:
    at = services.clock.now()
    with services.database.write() as connection:
        connection.execute(update(Delivery).where(Delivery.id == delivery_id).values(withdrawn_at=at))
    reached: dict[Stage, tuple[float, float]] = {}
    destruction = compose.destruction(services.core, services.vault, services.log)

    def tell(_: object, stage: Stage) -> None:
        reached[stage] = time.perf_counter(), time.process_time()

    left = destruction.run(at, early=True, progress=tell)
    if left is not None or Stage.KEYGONE not in reached:
        raise BenchError(f"The document was not destroyed ({left}).")
    (began, worked), (ended, worked_in_all) = reached[Stage.INTENT], reached[Stage.KEYGONE]
    return ended - began, worked_in_all - worked


def _enter(services: Services, connection: Connection, count: int) -> list[bytes]:
    """So many documents in one folder; the ids of their deliveries."""
    at, vault, entropy = services.clock.now(), services.vault, services.entropy
    account = enter_person(connection, "olive.officer", at)
    school = schools.add(connection, dfe="830-2001", name="Example Primary", urn=None, at=at).id
    category = next(iter(categories.names(connection)))
    batch = connection.execute(insert(Batch).values(account_id=account, published_at=at, note="").returning(Batch.id))
    day, until, folder = (
        destroy_day(at),
        visible_until(at, Window.ROLLING),
        Folder(school, Month.of(at.date()), category),
    )
    shared = {"category_id": category, "published_at": at, "visible_until": until, "restricted": False}
    shared |= {"not_headteacher": False}
    about = {"batch_id": batch.scalar_one(), "last_day": day, "destroy_day": day, "not_headteacher_reason": ""}
    objects: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
    deliveries: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        object_id, delivery_id, name = entropy(16), entropy(16), f"Letter {number}.pdf"
        sealed = Sealed(
            object_id=object_id,
            length=_LENGTH,
            segment_size=SEGMENT_BYTES,
            ciphertext_sha256=entropy(32),
            commitment=entropy(48),
            dek=entropy(32),
        )
        wrapped = vault.wrap(connection, sealed, purpose=Purpose.PUBLISH, day=day, category_id=category)
        objects.append(
            {
                "id": object_id,
                "kek_id": wrapped.kek_id,
                "category_id": category,
                "wrap": wrapped.wrap,
                "length": _LENGTH,
                "segment_size": SEGMENT_BYTES,
                "ciphertext_sha256": sealed.ciphertext_sha256,
                "commitment": sealed.commitment,
                "created_at": at,
            }
        )
        documents.append({**shared, **about, "id": number, "reference": f"D-{number}", "object_id": object_id})
        sealed_name = vault.seal_name(
            wrapped.kek_id, name, delivery_id=delivery_id, school_id=school, category_id=category, object_id=object_id
        )
        deliveries.append(
            {
                **shared,
                "id": delivery_id,
                "document_id": number,
                "object_id": object_id,
                "school_id": school,
                "month": folder.month.key,
                "kek_id": wrapped.kek_id,
                "name_sealed": sealed_name,
                "token": vault.token(wrapped.kek_id, folder.token_id, name),
                "size": _LENGTH,
            }
        )
    connection.execute(insert(StoredObject), objects)
    connection.execute(insert(Document), documents)
    connection.execute(insert(Delivery), deliveries)
    return [row["id"] for row in deliveries]


def as_data(rekeyed: Rekeyed) -> list[dict[str, Any]]:
    """Everything, for JSON, in the form of the other rows."""
    mark = {"mark": "must", "peer": None, "wanted": MOST_SECONDS, "got": rekeyed.median, "reached": rekeyed.reached}
    return [
        {
            "row": ROW,
            "measure": f"move {rekeyed.documents} documents of a day to another key",
            "unit": "s",
            "median": {OURS: rekeyed.median},
            "rounds": {OURS: list(rekeyed.took)},
            "cpu_seconds": {OURS: list(rekeyed.cpu)},
            "marks": [mark],
        }
    ]


def as_markdown(rekeyed: Rekeyed) -> str:
    """The table of a run."""
    verdict = "reached" if rekeyed.reached else "**not reached**"
    median, cpu = f"{rekeyed.median:.2f}", f"{statistics.median(rekeyed.cpu):.2f}"
    row = (f"{rekeyed.documents} documents of one day", "s", median, cpu)
    return (
        "|  | moved to another key | unit | ladocs | processor time | must |\n"
        "| --- | --- | --- | ---: | ---: | --- |\n"
        f"| {ROW} | {' | '.join(row)} | < {MOST_SECONDS:g}: {verdict} |"
    )
