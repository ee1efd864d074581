"""Trust [R15]: one code for a working day, from one place and by one first factor, and nothing else is spared."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from auth import trust
from auth.authenticator import PageSignIn
from auth.models import Trust
from auth.principal import Door, Factor, Kind, Principal, Proof
from auth.trust import TrustRules, place_of
from auth.verdicts import Refusal
from config.database import Database
from tests.auth.world import ELSEWHERE, HOME, Someone, World
from tests.support.databases import opened
from tests.support.people import KEY

PASSWORD, KEYED = Factor.PASSWORD, Factor.PUBLIC_KEY
ASKED = frozenset({Factor.TOTP})


def first_factor(
    world: World, who: Someone, by: Factor = PASSWORD, address: str = HOME, door: Door = Door.SFTP
) -> Principal | Refusal:
    """What comes of a password or a key alone."""
    candidate = world.candidate(who.username, address, door)
    check = world.authenticator
    proof = check.check_password(candidate, who.password) if by is PASSWORD else check.check_public_key(candidate, KEY)
    assert isinstance(proof, Proof)
    return check.authenticate(candidate, [proof])


def is_asked(world: World, who: Someone, by: Factor = PASSWORD, address: str = HOME) -> bool:
    """Whether somebody who has shown a first factor at SFTP is asked for a code."""
    outcome = first_factor(world, who, by, address)
    assert isinstance(outcome, Principal) or outcome.missing == ASKED
    return isinstance(outcome, Refusal)


def sign_in_by_key(world: World, who: Someone) -> None:
    """With a key and a code."""
    world.clock.advance(seconds=90)
    candidate = world.candidate(who.username)
    shown = (
        world.authenticator.check_public_key(candidate, KEY),
        world.authenticator.check_code(candidate, world.code(who)),
    )
    outcome = world.authenticator.authenticate(candidate, [proof for proof in shown if isinstance(proof, Proof)])
    assert isinstance(outcome, Principal)


def trusts(database: Database) -> int:
    """How many rows of trust there are."""
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(Trust)).scalar_one()


# --- one code for a working day


def test_after_a_code_the_password_alone_signs_in(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    outcome = first_factor(world, jo)
    assert isinstance(outcome, Principal)
    assert outcome.factors == {PASSWORD, Factor.TRUST}


def test_after_a_code_the_key_alone_signs_in(world: World, jo: Someone) -> None:
    sign_in_by_key(world, jo)
    outcome = first_factor(world, jo, KEYED)
    assert isinstance(outcome, Principal)
    assert outcome.factors == {KEYED, Factor.TRUST}


@pytest.mark.parametrize(("hours", "asked"), [(9.999, False), (10, True)])
def test_it_lasts_for_ten_hours(world: World, jo: Someone, hours: float, asked: bool) -> None:
    world.sign_in(jo)
    world.clock.advance(hours=hours)
    assert is_asked(world, jo) is asked


def test_it_is_not_prolonged_by_being_used(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    world.clock.advance(hours=6)
    assert not is_asked(world, jo)
    world.clock.advance(hours=6)
    assert is_asked(world, jo)


def test_another_code_begins_it_anew(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    world.clock.advance(hours=6)
    world.sign_in(jo)
    world.clock.advance(hours=6)
    assert not is_asked(world, jo)


def test_a_code_that_was_given_all_the_same_is_what_the_sign_in_rests_on(world: World, jo: Someone) -> None:
    assert [world.sign_in(jo).factors for _ in range(2)] == [{PASSWORD, Factor.TOTP}] * 2


def test_another_process_knows_of_it(everywhere: World) -> None:
    who = everywhere.someone()
    everywhere.sign_in(who)
    with opened(everywhere.database.url) as database:
        other = World(database=database, secrets=everywhere.secrets, clock=everywhere.clock)
        assert not is_asked(other, who)


# --- nothing else is spared


def test_a_password_alone_is_asked_for_a_code_before_there_was_one(world: World, jo: Someone) -> None:
    assert is_asked(world, jo)


def test_from_another_address_one_is_asked(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    assert is_asked(world, jo, address="192.0.2.8")


def test_by_another_first_factor_one_is_asked(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    assert is_asked(world, jo, KEYED)


def test_another_account_is_asked(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    assert is_asked(world, world.someone("sam.shah"))


@pytest.mark.parametrize("door", [Door.PORTAL, Door.WEBDAV])
def test_at_another_door_there_is_none(world: World, jo: Someone, door: Door) -> None:
    world.sign_in(jo)
    assert isinstance(first_factor(world, jo, door=door), Refusal)


def test_a_wrong_password_is_as_wrong_as_before(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    assert world.authenticator.check_password(world.candidate(), "seven loud otters") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ],
)
def test_a_place_is_an_address_or_a_64_of_ipv6(one: str, other: str, same: bool) -> None:
    assert (place_of(one) == place_of(other)) is same


# --- what founds it


def test_a_code_at_the_pages_founds_none(world: World, jo: Someone) -> None:
    candidate = world.candidate(door=Door.PORTAL)
    shown = (
        world.authenticator.check_password(candidate, jo.password),
        world.authenticator.check_code(candidate, world.code(jo)),
    )
    outcome = world.authenticator.open_page(candidate, [proof for proof in shown if proof is not None])
    assert isinstance(outcome, PageSignIn)
    assert trusts(world.database) == 0


@pytest.mark.parametrize("door", [Door.SFTP, Door.PORTAL])
def test_a_recovery_code_founds_none(world: World, jo: Someone, door: Door) -> None:
    with world.database.write() as connection:
        recovery_code = world.recovery.replace(connection, jo.id, world.clock.now())[0]
    candidate = world.candidate(door=door)
    shown = (
        world.authenticator.check_password(candidate, jo.password),
        world.authenticator.check_recovery_code(candidate, recovery_code),
    )
    outcome = world.authenticator.authenticate(candidate, [proof for proof in shown if proof is not None])
    assert isinstance(outcome, Principal)
    assert trusts(world.database) == 0


def test_a_wrong_code_founds_none(world: World, jo: Someone) -> None:
    candidate = world.candidate()
    password = world.authenticator.check_password(candidate, jo.password)
    assert password is not None
    assert world.authenticator.check_code(candidate, "000000") is None
    world.authenticator.authenticate(candidate, [password])
    assert trusts(world.database) == 0


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("door", Door)
def test_it_is_of_people_at_sftp(kind: Kind, door: Door) -> None:
    assert TrustRules().permit(kind, door, HOME) is (kind is Kind.PERSON and door is Door.SFTP)


# --- settings


def _by(world: World, rules: TrustRules) -> World:
    """The same room under other settings."""
    return World(database=world.database, secrets=world.secrets, clock=world.clock, trust=rules)


@pytest.mark.parametrize("rules", [TrustRules(timedelta()), TrustRules(shared_networks=("192.0.2.0/24",))], ids=str)
def test_where_the_settings_permit_none_every_connection_is_asked(world: World, jo: Someone, rules: TrustRules) -> None:
    strict = _by(world, rules)
    strict.sign_in(jo)
    assert is_asked(strict, jo)
    assert trusts(world.database) == 0


@pytest.mark.parametrize(
    "rules",
    [TrustRules(timedelta()), TrustRules(timedelta(hours=1)), TrustRules(shared_networks=("192.0.2.0/24",))],
    ids=str,
)
def test_stricter_settings_hold_for_trust_that_was_founded_before(world: World, jo: Someone, rules: TrustRules) -> None:
    world.sign_in(jo)
    world.clock.advance(hours=1)
    assert is_asked(_by(world, rules), jo)


# --- time and rows


def test_a_clock_that_was_put_back_revives_none(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    world.clock.set(world.clock.now() - timedelta(minutes=1))
    assert is_asked(world, jo)


def test_it_is_shown_while_it_lasts(world: World, jo: Someone) -> None:
    principal = world.sign_in(jo)
    with world.database.read() as connection:
        [row] = trust.listing(connection, jo.id, world.clock.now())
        world.clock.advance(hours=10)
        later = trust.listing(connection, jo.id, world.clock.now())
    since = principal.authenticated_at
    assert (row.place, row.by, row.since, row.until) == (HOME, PASSWORD, since, since + timedelta(hours=10))
    assert later == []


def test_what_has_run_out_leaves_no_row(world: World, jo: Someone) -> None:
    world.sign_in(jo)
    world.clock.advance(hours=10)
    world.sign_in(jo, ELSEWHERE)
    assert trusts(world.database) == 1


def test_it_keeps_no_password_hash(world: World, jo: Someone, tmp_path: Path) -> None:
    world.sign_in(jo)
    with world.database.read() as connection:
        kept = connection.execute(select(Trust.first_factor)).scalar_one()
    assert kept.startswith("password:")
    assert "argon2" not in kept
