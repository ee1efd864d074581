"""Signing in by SFTP [R14]: two factors for a person, the key alone for a script, and nothing less opens a session."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import asyncssh
import pytest

from auth.verdicts import SignInUnavailable
from gateway.sftp.limits import SftpLimits
from tests.sftp.door import BANNER, CODE, Door, answers, running
from tests.sftp.userauth import FAILURE, SUCCESS, UserAuth
from tests.support.waiting import until

PASSWORD = "correct horse battery"
OTHER_PASSWORD = "another long password"


@pytest.fixture
def door() -> Iterator[Door]:
    with running() as door:
        yield door


def _run(what: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(what, 20))


async def _root(connection: Any) -> str:
    async with connection, connection.start_sftp_client() as sftp:
        root: str = await sftp.realpath(".")
        return root


async def _enters(door: Door, username: str, **options: Any) -> bool:
    """Whether a client that brings `options` gets a session and can use it."""
    try:
        return await _root(await door.connect(username, **options)) == "/"
    except asyncssh.Error:
        return False


def test_password_and_code_open_a_session(door: Door) -> None:
    assert _run(_enters(door, "jo.head", client_factory=answers(PASSWORD, CODE)))


def test_the_password_is_asked_hidden_and_the_code_in_sight_each_in_its_own_round(door: Door) -> None:
    client = answers(PASSWORD, CODE)
    _run(_enters(door, "jo.head", client_factory=client))
    assert client.asked == [("Password:", False), ("One-time code:", True)]


def test_key_and_code_open_a_session(door: Door) -> None:
    client = answers(CODE)
    assert _run(_enters(door, "jo.head", client_factory=client, client_keys=[door.account("jo.head").key]))
    assert client.asked == [("One-time code:", True)]


def test_the_password_method_leaves_the_code_to_be_asked(door: Door) -> None:
    client = answers(CODE)
    methods = ["password", "keyboard-interactive"]
    options = {"client_factory": client, "password": PASSWORD, "preferred_auth": methods}
    assert _run(_enters(door, "jo.head", **options))
    assert client.asked == [("One-time code:", True)]


def test_a_script_comes_in_by_its_key_without_a_prompt(door: Door) -> None:
    client = answers()
    assert _run(_enters(door, "nightly", client_factory=client, client_keys=[door.account("nightly").key]))
    assert client.asked == []


def test_a_windows_domain_before_the_name_is_dropped(door: Door) -> None:
    assert _run(_enters(door, "SCHOOL\\Jo.Head", client_factory=answers(PASSWORD, CODE)))


def test_a_code_that_was_wrong_can_be_given_again(door: Door) -> None:
    assert _run(_enters(door, "jo.head", client_factory=answers(PASSWORD, "000000", CODE)))


def test_a_person_is_told_who_runs_the_service_once_signed_in(door: Door) -> None:
    client = answers(PASSWORD, CODE)
    _run(_enters(door, "jo.head", client_factory=client))
    assert client.banners == [BANNER]


def test_a_script_is_told_nothing(door: Door) -> None:
    client = answers()
    _run(_enters(door, "nightly", client_factory=client, client_keys=[door.account("nightly").key]))
    assert client.banners == []


# --- nothing less


def _key(door: Door, username: str) -> dict[str, Any]:
    return {"client_keys": [door.account(username).key]}


LESS: dict[str, Callable[[Door], tuple[str, dict[str, Any]]]] = {
    "nothing": lambda door: ("jo.head", {}),
    "a password alone": lambda door: ("jo.head", {"password": PASSWORD}),
    "a password alone, asked for": lambda door: ("jo.head", {"client_factory": answers(PASSWORD)}),
    "a password twice": lambda door: ("jo.head", {"client_factory": answers(PASSWORD, PASSWORD)}),
    "a code in the place of the password": lambda door: ("jo.head", {"client_factory": answers(CODE, CODE)}),
    "a wrong password and a code": lambda door: ("jo.head", {"client_factory": answers("wrong", CODE)}),
    "a password and wrong codes": lambda door: ("jo.head", {"client_factory": answers(PASSWORD, "1", "2", "3", "4")}),
    "a key alone": lambda door: ("jo.head", _key(door, "jo.head")),
    "a key and a password": lambda door: ("jo.head", {**_key(door, "jo.head"), "password": PASSWORD}),
    "another's key and a code": lambda door: (
        "jo.head",
        {**_key(door, "sam.office"), "client_factory": answers(CODE)},
    ),
    "a name that nobody has": lambda door: ("nobody", {"client_factory": answers(PASSWORD, CODE)}),
    "a script's name and a code": lambda door: ("nightly", {"client_factory": answers("", CODE)}),
}


@pytest.mark.parametrize("shown", LESS.values(), ids=LESS)
def test_nothing_less_opens_a_session(door: Door, shown: Callable[[Door], tuple[str, dict[str, Any]]]) -> None:
    username, options = shown(door)
    assert not _run(_enters(door, username, **options))
    assert door.visits.all == []


def test_a_script_from_elsewhere_is_not_let_in(door: Door) -> None:
    door.account("nightly").network = "192.0.2.0/24"
    assert not _run(_enters(door, "nightly", **_key(door, "nightly")))


def test_the_same_prompts_are_shown_for_a_name_that_nobody_has(door: Door) -> None:
    known, unknown = answers("wrong"), answers("wrong")
    _run(_enters(door, "jo.head", client_factory=known))
    _run(_enters(door, "nobody", client_factory=unknown))
    assert known.asked == unknown.asked


# --- what the library leaves to us


def test_factors_are_forgotten_when_the_user_name_changes_in_mid_connection(door: Door) -> None:
    async def mix() -> tuple[list[bytes], int]:
        async with UserAuth.connect(door.port) as wire:
            partial = await wire.password("jo.head", PASSWORD)
            assert partial == (FAILURE, True)
            asked = await wire.interactive("sam.office")
            answer = await wire.answer(CODE)
            return asked, answer[0]

    asked, answer = _run(mix())
    assert asked == [b"Password:"]
    assert answer != SUCCESS
    assert door.visits.all == []


def test_one_persons_key_and_anothers_code_open_nothing(door: Door) -> None:
    async def mix() -> int:
        async with UserAuth.connect(door.port) as wire:
            await wire.public_key("jo.head", door.account("jo.head").key)
            await wire.password("sam.office", OTHER_PASSWORD)
            await wire.interactive("jo.head")
            return (await wire.answer(CODE))[0]

    assert _run(mix()) != SUCCESS


def test_a_key_that_was_only_offered_proves_nothing_when_a_password_follows(door: Door) -> None:
    async def offered() -> tuple[int, bool]:
        async with UserAuth.connect(door.port) as wire:
            await wire.offer("nightly", door.account("nightly").key)
            await wire.offer("jo.head", door.account("jo.head").key)
            return await wire.password("jo.head", PASSWORD)

    assert _run(offered()) == (FAILURE, True)
    assert "check_public_key" not in door.people.asked


def test_a_change_of_password_in_mid_protocol_signs_nobody_in(door: Door) -> None:
    async def change() -> tuple[int, bool]:
        async with UserAuth.connect(door.port) as wire:
            return await wire.change_password("jo.head", PASSWORD, "a new and longer one")

    assert _run(change()) == (FAILURE, False)


def test_the_service_may_be_asked_for_again_before_each_method(door: Door) -> None:
    async def again() -> tuple[tuple[int, bool], int]:
        async with UserAuth.connect(door.port) as wire:
            first = await wire.password("jo.head", PASSWORD)
            await wire.ask_service()
            await wire.interactive("jo.head")
            return first, (await wire.answer(CODE))[0]

    assert _run(again()) == ((FAILURE, True), SUCCESS)


def test_a_channel_before_sign_in_ends_the_connection(door: Door) -> None:
    async def too_early() -> bool:
        async with UserAuth.connect(door.port) as wire:
            await wire.password("jo.head", PASSWORD)
            return await wire.open_channel()

    assert not _run(too_early())


@pytest.mark.parametrize("first_factor", [b"password", b"publickey"])
def test_partial_success_leaves_only_the_prompt(door: Door, first_factor: bytes) -> None:
    async def left() -> tuple[tuple[int, bool], bytes]:
        async with UserAuth.connect(door.port) as wire:
            if first_factor == b"password":
                answer = await wire.password("jo.head", PASSWORD)
            else:
                answer = await wire.public_key("jo.head", door.account("jo.head").key)
            return answer, wire.methods

    assert _run(left()) == ((FAILURE, True), b"keyboard-interactive")


# --- what refusals say: [R33]


def test_who_has_shown_all_factors_is_told_why_not_in_a_round_without_prompts(door: Door) -> None:
    client = answers("once upon a time", CODE)
    assert not _run(_enters(door, "lee.left", client_factory=client))
    assert client.told == ["Ask your headteacher."]


def test_who_has_shown_less_is_told_nothing(door: Door) -> None:
    client = answers("once upon a time", "000000")
    assert not _run(_enters(door, "lee.left", client_factory=client))
    assert client.told == []


def test_a_script_is_told_why_not_in_a_banner_after_its_signature_held(door: Door) -> None:
    door.account("nightly").ended = "The account has expired: its owner can renew it."
    client = answers()
    assert not _run(_enters(door, "nightly", client_factory=client, **_key(door, "nightly")))
    assert client.banners == ["The account has expired: its owner can renew it.\r\n"]


def test_one_session_too_many_is_refused_with_its_reason(door: Door) -> None:
    door.visits.most = 0
    client = answers(PASSWORD, CODE)
    assert not _run(_enters(door, "jo.head", client_factory=client))
    assert client.told == ["Too many connections of this account."]


# --- faults


VERBS = ("candidate", "check_password", "check_code", "authenticate")


@pytest.mark.parametrize("fault", [SignInUnavailable("the database is gone"), KeyError("secret text")], ids=repr)
@pytest.mark.parametrize("verb", VERBS)
def test_a_fault_at_any_step_signs_nobody_in_and_says_only_that_it_is_ours(
    door: Door, verb: str, fault: Exception
) -> None:
    door.people.faults[verb] = fault
    with pytest.raises(asyncssh.DisconnectError, match="cannot answer just now"):
        _run(_root_of(door, "jo.head", client_factory=answers(PASSWORD, CODE)))
    assert door.visits.all == []


async def _root_of(door: Door, username: str, **options: Any) -> str:
    return await _root(await door.connect(username, **options))


@pytest.mark.parametrize("verb", ["check_password", "check_code", "authenticate"])
def test_a_client_that_leaves_in_mid_check_is_not_signed_in(door: Door, verb: str) -> None:
    door.people.holds[verb] = release = threading.Event()

    async def leave() -> None:
        client = answers(PASSWORD, CODE)
        waiting = asyncio.ensure_future(_enters(door, "jo.head", client_factory=client))
        await asyncio.to_thread(door.people.held.wait, 10)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    _run(leave())
    release.set()
    assert until(lambda: all(visit.closed for visit in door.visits.all)), "every session closed"


def test_another_request_in_mid_check_takes_the_place_of_the_first(door: Door) -> None:
    door.people.holds["check_password"] = release = threading.Event()

    async def overtake() -> tuple[int, bool]:
        async with UserAuth.connect(door.port) as wire:
            wire.send_password("jo.head", PASSWORD)
            await asyncio.to_thread(door.people.held.wait, 10)
            wire.send_request("sam.office", b"none")
            answer = await wire.failure()
            release.set()
            return answer

    assert _run(overtake()) == (FAILURE, False)
    assert door.visits.all == []


def test_the_connection_ends_after_too_many_wrong_codes() -> None:
    with running(limits=SftpLimits(tries=3)) as door:
        with pytest.raises(asyncssh.DisconnectError, match="Too many attempts"):
            _run(_root_of(door, "jo.head", client_factory=answers(PASSWORD, *["000000"] * 9)))
        assert door.people.asked.count("check_code") == 3


def test_offered_keys_are_not_wrong_tries() -> None:
    with running(limits=SftpLimits(tries=1)) as door:
        keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(6)]
        keys.append(door.account("nightly").key)
        assert _run(_enters(door, "nightly", client_keys=keys))
