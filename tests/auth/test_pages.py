"""Browsers [R32]: a cookie names a session, which is judged anew with every request, and ends with what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select

from auth import accounts, endings
from auth.authenticator import PageSignIn
from auth.models import PageSession
from auth.principal import AccountState, Door, Factor, Peer, Principal, Proof
from auth.verdicts import Effect, Refusal, RefusalReason, Verdict
from tests.auth.world import HOME, Someone, World

BROWSER = Peer(address=HOME, door=Door.PORTAL, client="Firefox")


def open_page(world: World, who: Someone) -> PageSignIn:
    """Somebody's browser, signed in with password and code."""
    world.clock.advance(seconds=90)
    candidate = world.candidate(who.username, door=Door.PORTAL)
    outcome = world.authenticator.open_page(candidate, page_proofs(world, who))
    assert isinstance(outcome, PageSignIn)
    return outcome


def page_proofs(world: World, who: Someone) -> list[Proof]:
    """Password and code, shown at the pages."""
    candidate = world.candidate(who.username, door=Door.PORTAL)
    shown = (
        world.authenticator.check_password(candidate, who.password),
        world.authenticator.check_code(candidate, world.code(who)),
    )
    return [proof for proof in shown if proof is not None]


def browsers(world: World) -> int:
    """How many page sessions there are."""
    with world.database.read() as connection:
        return connection.execute(select(func.count()).select_from(PageSession)).scalar_one()


def seen_at(world: World) -> object:
    """When the one browser was seen, as the database has it."""
    with world.database.read() as connection:
        return connection.execute(select(PageSession.seen_at)).scalar_one()


@pytest.fixture
def page(world: World, jo: Someone) -> PageSignIn:
    return open_page(world, jo)


def test_a_cookie_brings_back_who_signed_in(world: World, page: PageSignIn) -> None:
    assert world.authenticator.resume(page.token, BROWSER) == page.principal


def test_it_brings_back_the_factors_and_the_time_of_signing_in(world: World, jo: Someone, page: PageSignIn) -> None:
    world.clock.advance(minutes=10)
    resumed = world.authenticator.resume(page.token, BROWSER)
    assert isinstance(resumed, Principal)
    assert resumed.factors == {Factor.PASSWORD, Factor.TOTP}
    assert resumed.authenticated_at == page.principal.authenticated_at


@pytest.mark.parametrize("token", ["", "A" * 43, "\ud800", "x" * 100_000])
def test_any_other_cookie_brings_back_nobody(world: World, page: PageSignIn, token: str) -> None:
    assert world.authenticator.resume(token, BROWSER) is None


def test_too_few_factors_open_no_session(world: World, jo: Someone) -> None:
    candidate = world.candidate(door=Door.PORTAL)
    password = world.authenticator.check_password(candidate, jo.password)
    assert password is not None
    outcome = world.authenticator.open_page(candidate, [password])
    assert isinstance(outcome, Refusal)
    assert browsers(world) == 0


def test_nothing_keeps_the_cookie(world: World, page: PageSignIn) -> None:
    with world.database.read() as connection:
        kept = connection.execute(select(PageSession.__table__)).one()
    assert page.token.encode() not in [value for value in kept if isinstance(value, bytes)]
    assert page.token not in f"{kept} {page}"


def test_another_process_knows_the_cookie(everywhere: World) -> None:
    page = open_page(everywhere, everywhere.someone())
    other = World(database=everywhere.database, secrets=everywhere.secrets, clock=everywhere.clock)
    assert isinstance(other.authenticator.resume(page.token, BROWSER), Principal)


# --- its end


def test_whoever_signs_out_is_signed_out(world: World, page: PageSignIn) -> None:
    world.authenticator.close_page(page.token)
    assert world.authenticator.resume(page.token, BROWSER) is None


def test_signing_out_of_one_browser_leaves_the_other(world: World, jo: Someone, page: PageSignIn) -> None:
    other = open_page(world, jo)
    world.authenticator.close_page(page.token)
    assert isinstance(world.authenticator.resume(other.token, BROWSER), Principal)


@pytest.mark.parametrize(("minutes", "goes_on"), [(29.99, True), (30, False)])
def test_a_browser_may_lie_idle_for_half_an_hour(world: World, page: PageSignIn, minutes: float, goes_on: bool) -> None:
    world.clock.advance(minutes=minutes)
    assert isinstance(world.authenticator.resume(page.token, BROWSER), Principal) is goes_on


def test_a_browser_in_use_goes_on_for_ten_hours_and_no_longer(world: World, page: PageSignIn) -> None:
    known = []
    for _ in range(30):
        world.clock.advance(minutes=20)
        known.append(isinstance(world.authenticator.resume(page.token, BROWSER), Principal))
    assert known == [True] * 29 + [False]


def test_a_clock_that_was_put_back_revives_none(world: World, page: PageSignIn) -> None:
    world.clock.set(world.clock.now() - timedelta(minutes=1))
    assert world.authenticator.resume(page.token, BROWSER) is None


@pytest.mark.parametrize(("seconds", "written"), [(59, False), (60, True)])
def test_a_browser_is_noted_as_seen_once_a_minute(
    world: World, page: PageSignIn, seconds: float, written: bool
) -> None:
    before = seen_at(world)
    world.clock.advance(seconds=seconds)
    world.authenticator.resume(page.token, BROWSER)
    assert (seen_at(world) != before) is written


def test_what_has_run_out_leaves_no_row(world: World, jo: Someone, page: PageSignIn) -> None:
    world.clock.advance(minutes=30)
    open_page(world, jo)
    assert browsers(world) == 1


Change = Callable[[World, Connection, Someone], object]
CHANGES: dict[str, Change] = {
    "another password": lambda world, connection, who: accounts.set_password_hash(
        connection, who.id, accounts.password_hash(connection, who.id), world.clock.now()
    ),
    "another secret": lambda world, connection, who: accounts.set_totp_sealed(
        connection, who.id, accounts.totp_sealed(connection, who.id), world.clock.now()
    ),
    "suspended": lambda world, connection, who: accounts.set_state(
        connection, who.id, AccountState.SUSPENDED, world.clock.now()
    ),
    "left": lambda world, connection, who: accounts.set_state(connection, who.id, AccountState.LEFT, world.clock.now()),
    "sessions ended": lambda world, connection, who: endings.end_sessions(connection, who.id, world.clock.now()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_what_it_rests_on_ends_it(world: World, jo: Someone, page: PageSignIn, change: Change) -> None:
    world.clock.advance(seconds=1)
    with world.database.write() as connection:
        change(world, connection, jo)
    assert world.authenticator.resume(page.token, BROWSER) is None


def test_what_stands_in_the_way_is_told(world: World, page: PageSignIn) -> None:
    world.doors.verdict = Verdict(effect=Effect.DENY, reason="account expired", message="This account has run out.")
    outcome = world.authenticator.resume(page.token, BROWSER)
    assert outcome == Refusal(reason="account expired", message="This account has run out.")


def test_factors_that_no_longer_suffice_sign_in_anew(world: World, page: PageSignIn) -> None:
    world.doors.verdict = Verdict(effect=Effect.MORE, reason="more factors", missing=frozenset({Factor.TOTP}))
    assert world.authenticator.resume(page.token, BROWSER) is None


# --- recovery codes, and the code of a new secret


def _codes(world: World, who: Someone) -> tuple[str, ...]:
    with world.database.write() as connection:
        return world.recovery.replace(connection, who.id, world.clock.now())


def test_a_recovery_code_signs_in_once(world: World, jo: Someone) -> None:
    code = _codes(world, jo)[0]
    candidate = world.candidate(door=Door.PORTAL)
    password = world.authenticator.check_password(candidate, jo.password)
    shown = [world.authenticator.check_recovery_code(candidate, code) for _ in range(2)]
    assert password is not None
    assert shown[0] is not None
    assert shown[1] is None
    outcome = world.authenticator.open_page(candidate, [password, shown[0]])
    assert isinstance(outcome, PageSignIn)
    assert outcome.principal.factors == {Factor.PASSWORD, Factor.RECOVERY_CODE}


def test_wrong_recovery_codes_are_guesses(world: World, jo: Someone) -> None:
    code = _codes(world, jo)[0]
    candidate = world.candidate(door=Door.PORTAL)
    for _ in range(10):
        assert world.authenticator.check_recovery_code(candidate, "AAAAA-AAAAA") is None
    assert world.authenticator.check_recovery_code(candidate, code) is None
    assert world.recorder.reasons == [RefusalReason.WRONG_RECOVERY_CODE] * 10 + [RefusalReason.TOO_MANY_GUESSES]


def test_right_recovery_codes_are_no_guesses(world: World, jo: Someone) -> None:
    candidate = world.candidate(door=Door.PORTAL)
    shown = [world.authenticator.check_recovery_code(candidate, code) for code in (*_codes(world, jo), "")]
    assert [proof is not None for proof in shown] == [True] * 10 + [False]


def test_a_recovery_code_of_nobodys_is_refused(world: World, jo: Someone) -> None:
    code = _codes(world, jo)[0]
    assert world.authenticator.check_recovery_code(world.candidate("nobody", door=Door.PORTAL), code) is None


def test_a_recovery_code_proves_nothing_once_the_codes_were_replaced(world: World, jo: Someone) -> None:
    candidate = world.candidate(door=Door.PORTAL)
    password = world.authenticator.check_password(candidate, jo.password)
    spent = world.authenticator.check_recovery_code(candidate, _codes(world, jo)[0])
    _codes(world, jo)
    assert password is not None
    assert spent is not None
    outcome = world.authenticator.open_page(candidate, [password, spent])
    assert outcome == Refusal(reason=RefusalReason.CREDENTIAL_ENDED)


def _waiting(world: World, who: Someone) -> Someone:
    """As `who`, with a new secret that waits for its confirming code."""
    secret = world.totp.new_secret()
    with world.database.write() as connection:
        accounts.set_totp_pending(connection, who.id, world.totp.seal(who.id, secret), world.clock.now())
    return Someone(id=who.id, username=who.username, password=who.password, secret=secret, key=who.key, device="")


def test_a_code_of_the_new_secret_confirms_it_once(world: World, jo: Someone) -> None:
    new = _waiting(world, jo)
    candidate, code = world.candidate(door=Door.PORTAL), world.code(new)
    shown = [world.authenticator.check_new_code(candidate, code) for _ in range(2)]
    assert [proof is not None for proof in shown] == [True, False]
    assert world.recorder.reasons == [RefusalReason.CODE_SPENT]


def test_a_code_of_the_secret_in_use_confirms_nothing(world: World, jo: Someone) -> None:
    _waiting(world, jo)
    assert world.authenticator.check_new_code(world.candidate(door=Door.PORTAL), world.code(jo)) is None


def test_a_code_of_the_new_secret_signs_nobody_in_before_it_is_in_use(world: World, jo: Someone) -> None:
    new = _waiting(world, jo)
    candidate = world.candidate(door=Door.PORTAL)
    password = world.authenticator.check_password(candidate, jo.password)
    code = world.authenticator.check_new_code(candidate, world.code(new))
    assert password is not None
    assert code is not None
    assert world.authenticator.open_page(candidate, [password, code]) == Refusal(reason=RefusalReason.CREDENTIAL_ENDED)


def test_without_a_secret_that_waits_every_code_is_wrong_and_a_guess(world: World, jo: Someone) -> None:
    candidate = world.candidate(door=Door.PORTAL)
    for _ in range(11):
        assert world.authenticator.check_new_code(candidate, world.code(jo)) is None
    assert world.recorder.reasons == [RefusalReason.WRONG_CODE] * 10 + [RefusalReason.TOO_MANY_GUESSES]
