"""A built demo home is a real one: its clock, keys, record, people and documents stand as if months had passed."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from sqlalchemy import func, select

from config.clock import london_date
from config.database import Database
from gateway import compose
from gateway import core as cores
from gateway.cli.operators import os_user
from gateway.clockguard import mark
from gateway.demo import guide
from gateway.demo.build import Built
from gateway.demo.cast import SLOW_TO_SIGN
from gateway.demo.people import PEOPLE, SCHOOLS
from gateway.demo.plan import months_of
from gateway.mail.outbox import Mail
from gateway.models import Delivery, Document
from gateway.vault.models import Kek
from policy import order, schools
from policy.audit.events import EventKind
from policy.audit.query import Filter, listing
from policy.audit.verify import verify
from policy.order import SchoolOrder
from tests.support.databases import opened

PERSON_FIELDS = {
    "username", "email", "name", "kind", "role", "state", "schools", "categories", "layout", "password",
    "totp_secret", "private_key", "device_password",
}  # fmt: skip


@pytest.fixture(scope="session")
def people(built: Built) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(guide.guide_file(built.home.path).read_text("utf-8"))["people"]
    return found


@pytest.fixture
def database(built: Built) -> Iterator[Database]:
    with opened(built.settings.main_url(built.home.path)) as database:
        yield database


def test_the_home_passes_the_checks_of_any_start(built: Built) -> None:
    compose.check_home(built.home, built.settings)


def test_the_clock_s_mark_is_the_present(database: Database, today: datetime) -> None:
    with database.read() as connection:
        assert mark(connection) == today


def test_nobody_of_the_story_is_mailed(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(Mail)).scalar_one() == 0


def test_keys_reach_120_days_ahead_of_the_present(database: Database, today: datetime) -> None:
    with database.read() as connection:
        assert connection.execute(select(func.max(Kek.day))).scalar_one() == london_date(today) + timedelta(days=120)


def test_the_record_is_whole_and_has_no_silence_that_nobody_explained(built: Built) -> None:
    with opened(built.settings.record_url(built.home.path)) as record, record.read() as connection:
        report = verify(connection)
    assert (report.finding, report.gap_count) == (None, 0)


def test_the_record_ends_with_a_stop_so_that_serving_it_later_leaves_no_silence(built: Built) -> None:
    with opened(built.settings.record_url(built.home.path)) as record, record.read() as connection:
        [last] = listing(connection, Filter(), 1)
    assert last.event is not None
    assert last.event.event is EventKind.SERVICE_STOPPED


def test_the_oldest_month_is_there_for_the_authority_and_for_nobody_else(database: Database, today: datetime) -> None:
    with database.read() as connection:
        oldest = connection.execute(select(func.min(Delivery.month))).scalar_one()
        ends = connection.execute(select(func.max(Delivery.visible_until)).where(Delivery.month == oldest)).scalar_one()
        documents = connection.execute(select(func.count()).select_from(Document)).scalar_one()
    assert (oldest, documents >= 150) == (months_of(today)[0].key, True)
    assert ends <= today


def test_there_are_three_schools_and_ten_people(people: list[dict[str, object]]) -> None:
    roles = {person["role"] for person in people}
    assert len(SCHOOLS) == 3
    assert len(people) >= 10
    assert {"Headteacher", "SENCO", "Business manager", "Office", "officer"} <= roles
    assert sum(person["kind"] == "service" for person in people) == 1
    assert sum(person["role"] == "officer" for person in people) == 2
    assert sum(person["state"] == "left" for person in people) == 1
    assert sum(len(person["schools"]) == 2 and person["kind"] == "person" for person in people) == 1  # type: ignore[arg-type]
    assert any(person["schools"] and not any(person["categories"].values()) for person in people)  # type: ignore[attr-defined]


def test_everybody_has_the_credentials_of_their_kind(people: list[dict[str, object]]) -> None:
    for person in people:
        assert set(person) == PERSON_FIELDS
        has = {name for name in ("password", "totp_secret", "private_key", "device_password") if person[name]}
        if person["kind"] == "service":
            assert has == {"private_key", "device_password"}
        elif person["role"] == "officer":
            assert has == {"password", "totp_secret", "private_key"}
        else:
            assert has == {"password", "totp_secret", "private_key", "device_password"}


def test_private_keys_are_openssh_s_and_their_owner_s_alone(built: Built) -> None:
    for person in PEOPLE:
        file = built.credentials[person.username].private_key
        load_ssh_private_key(file.read_bytes(), password=None)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_the_home_says_of_secrets_is_readable_by_its_owner_alone(built: Built) -> None:
    assert stat.S_IMODE(guide.guide_file(built.home.path).stat().st_mode) == 0o600
    assert stat.S_IMODE(built.home.path.stat().st_mode) == 0o700


def test_no_representation_of_credentials_shows_a_secret(built: Built) -> None:
    for credentials in built.credentials.values():
        for secret in (credentials.password, credentials.totp_secret, credentials.device_password):
            assert secret is None or secret not in repr(credentials)


def test_an_officer_of_the_home_may_give_commands(built: Built) -> None:
    core = cores.core(built.home, built.settings)
    assert dict(core.settings.operators) == {os_user({}): "h.calladine"}
    core.database.dispose()


def test_the_page_names_every_person_with_a_line_for_each_door(built: Built, today: datetime) -> None:
    made = guide.read(built.home.path)
    assert made is not None
    page = guide.page(made, today, built.home.path / "ladocs")
    for person in PEOPLE:
        [block] = [part for part in page.split("\n\n") if part.startswith(f"{person.username} ")]
        doors = ["sftp", "pages"] if person.staff_roles else ["sftp", "curl", "browser"]
        assert [door for door in ("sftp", "curl", "browser", "pages") if f"\n  {door} " in block] == doors


def test_one_school_still_has_the_new_agreement_to_sign(database: Database, today: datetime) -> None:
    with database.read() as connection:
        standing = order.orders(connection, today)
        found = {school.dfe: standing[school.id].state for school in schools.listing(connection)}
    assert found == {dfe: SchoolOrder.DUE if dfe == SLOW_TO_SIGN else SchoolOrder.IN_FORCE for dfe in SCHOOLS}
