"""`passwords`, `choice` and `argon`: hashes, rules for choosing, three words, and the gate."""

from __future__ import annotations

import threading
import unicodedata
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from auth import choice
from auth.argon import ArgonGate, GateBusy
from auth.passwords import PasswordRules, normalised
from config.errors import OperatorError
from config.secrets import PASSWORD_PEPPER
from tests.auth.world import PASSWORD, World
from tests.support.waiting import until


def test_a_hash_is_argon2id_at_the_cost_of_the_product(world: World) -> None:
    assert world.passwords.hash(PASSWORD).startswith("1$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_right_password_verifies(world: World) -> None:
    assert world.passwords.verify(world.passwords.hash(PASSWORD), PASSWORD)


@pytest.mark.parametrize("typed", ["", PASSWORD + " ", PASSWORD.upper(), "\ud800" * 12, "x" * 100_000])
def test_any_other_password_does_not(world: World, typed: str) -> None:
    assert not world.passwords.verify(world.passwords.hash(PASSWORD), typed)


def test_no_password_verifies_against_no_hash(world: World) -> None:
    assert not world.passwords.verify(None, "")


@pytest.mark.parametrize("stored", [None, "1$argon2id$broken"])
def test_an_argon2_runs_where_there_is_nothing_to_verify(world: World, stored: str | None) -> None:
    before = world.gate.runs
    world.passwords.verify(stored, PASSWORD)
    assert world.gate.runs == before + 1


def test_the_same_password_composed_otherwise_verifies(world: World) -> None:
    stored = world.passwords.hash(unicodedata.normalize("NFC", "d\u00e9j\u00e0 vu \u00e0 No\u00ebl"))
    assert world.passwords.verify(stored, unicodedata.normalize("NFD", "d\u00e9j\u00e0 vu \u00e0 No\u00ebl"))


@pytest.mark.parametrize("blank", ["\u00a0", "\u2009", "\u3000"])
def test_a_blank_of_another_kind_verifies(world: World, blank: str) -> None:
    assert world.passwords.verify(world.passwords.hash(PASSWORD), PASSWORD.replace(" ", blank))


def test_letters_of_another_width_are_other_letters(world: World) -> None:
    wide = PASSWORD.translate({letter: letter + 0xFEE0 for letter in range(ord("a"), ord("z") + 1)})
    assert not world.passwords.verify(world.passwords.hash(PASSWORD), wide)


def test_128_characters_verify_however_they_are_composed(world: World) -> None:
    longest = "각힣\u01d6\u1f82" * 32
    stored = world.passwords.hash(unicodedata.normalize("NFD", longest))
    world.passwords.check_choice(unicodedata.normalize("NFD", longest))
    assert world.passwords.verify(stored, longest)


def test_without_the_pepper_a_hash_is_worthless(world: World) -> None:
    stored = world.passwords.hash(PASSWORD)
    world.secrets.create(PASSWORD_PEPPER, b"other" * 8)
    moved = stored.replace("1$", "2$", 1)
    assert not world.passwords.verify(moved, PASSWORD)


def test_a_hash_made_before_the_pepper_changed_verifies_and_is_outdated(world: World) -> None:
    stored = world.passwords.hash(PASSWORD)
    world.secrets.create(PASSWORD_PEPPER, b"other" * 8)
    assert (world.passwords.verify(stored, PASSWORD), world.passwords.is_outdated(stored)) == (True, True)


@pytest.mark.parametrize(
    "lowered", [{"minimum": 11}, {"minimum_staff": 14}, {"maximum": 64}, {"memory_kib": 1024}, {"passes": 1}]
)
def test_settings_may_raise_but_not_lower(lowered: dict[str, int]) -> None:
    with pytest.raises(OperatorError, match="raised but not lowered"):
        PasswordRules(**lowered)  # type: ignore[arg-type]  # a table of fields


@pytest.mark.parametrize(
    ("chosen", "staff"),
    [
        ("tidy-otter-lamp", True),
        ("\u4e16\u754c\u3053\u3093\u306b\u3061\u306f\u3055\u3088\u3046\u306a\u3089", False),
        ("\U0001f984\U0001f40c\U0001f333\U0001f6b2\U0001f58b\U0001f9f6" * 2, False),
        ("x7 " * 42 + "zq", False),
        ("my derbyshire bicycle rusts", False),
        ("7!g. 4?k; 2,p: 9", False),
    ],
)
def test_good_choices_pass(world: World, chosen: str, staff: bool) -> None:
    world.passwords.check_choice(chosen, words=["Derbyshire"], staff=staff)


@pytest.mark.parametrize(
    ("chosen", "staff", "why"),
    [
        ("tidy-otter7", False, "12 to 128"),
        ("tidy-otter-la", True, "15 to 128"),
        ("tidy otter lamp " * 9, False, "12 to 128"),
        ("e\u0301" * 11, False, "12 to 128"),
        ("\ud800" * 12, False, "not a character"),
        ("tidy otter lamp" * 9999, False, "12 to 128"),
        ("tidy\totter\tlamp", False, "no line break, tab"),
        ("tidy otter lamp\n", False, "no line break, tab"),
        ("\x00tidy otter lamp", False, "no line break, tab"),
        ("aaaaaaaaaaaaab", False, "few different"),
        ("qwertyuiopasdf", False, "row of keys"),
        ("123456789012345", False, "row of keys"),
        ("passwordpassword", False, "most common"),
        ("Password1234!!", False, "most common"),
        ("unbelievable", False, "most common"),
        ("ｐａｓｓｗｏｒｄ１２３４", False, "most common"),
        ("Derbyshire-Dales-26", False, "a name that goes with"),
        ("bloggs.bloggs.bloggs", False, "a name that goes with"),
        ("Example-Primary1", False, "a name that goes with"),
    ],
)
def test_bad_choices_are_refused_in_one_line(world: World, chosen: str, staff: bool, why: str) -> None:
    with pytest.raises(OperatorError, match=f"^[^\n]*{why}[^\n]*$"):
        world.passwords.check_choice(
            chosen, words=["Derbyshire County Council", "jo.bloggs@school.example", "Example Primary"], staff=staff
        )


_anything = st.text(alphabet=st.characters(), max_size=300)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_anything, words=st.lists(_anything, max_size=4), staff=st.booleans())
def test_whatever_is_typed_is_taken_or_refused_in_one_line(
    world: World, text: str, words: list[str], staff: bool
) -> None:
    said = ""
    try:
        world.passwords.check_choice(text, words=words, staff=staff)
    except OperatorError as refused:
        said = str(refused)
    assert len(said.splitlines()) <= 1


def test_every_one_of_the_30000_common_passwords_is_refused() -> None:
    common = FREQUENCY_LISTS["passwords"]
    assert len(common) == 30000
    assert not [one for one in common if choice.objection(one, ()) is None]


def test_the_authoritys_own_words_come_with_the_rules(world: World) -> None:
    assert choice.objection("matlock-matlock", PasswordRules(own_words=("Matlock",)).own_words) is not None


def test_there_are_4096_plain_words_to_draw_from() -> None:
    words = choice._words()
    assert len(set(words)) == 4096
    assert all(word.isascii() and word.isalpha() and word.islower() and 4 <= len(word) <= 7 for word in words)


@pytest.mark.parametrize("staff", [False, True])
def test_three_words_are_always_a_permitted_choice(world: World, staff: bool) -> None:
    for _ in range(50):
        world.passwords.check_choice(world.passwords.three_words(staff=staff), staff=staff)


def test_three_words_come_from_the_entropy_handed_in() -> None:
    drawn = iter([b"\x00\x00", b"\x00\x01", b"\x10\x00"])
    words = choice._words()
    assert choice.three_words(lambda size: next(drawn), 1) == f"{words[0]}-{words[1]}-{words[0]}"


@settings(max_examples=50)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


class _Blocked:
    """Work that lasts until it is told to end, and says in which order it was begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()
        self.go = threading.Event()

    def work(self, name: str) -> None:
        with self._lock:
            self.begun.append(name)
            self._running += 1
            self.most = max(self.most, self._running)
        self.go.wait(20)
        with self._lock:
            self._running -= 1


def _queue(gate: ArgonGate, work: _Blocked, names: str) -> list[threading.Thread]:
    """Threads that come to the gate one after another; names in capitals come from known places."""
    threads, before = [], len(work.begun) + gate.waiting
    for number, name in enumerate(names, before + 1):
        thread = threading.Thread(target=gate.run, args=(partial(work.work, name),), kwargs={"known": name.isupper()})
        threads.append(thread)
        thread.start()
        assert until(partial(lambda came: len(work.begun) + gate.waiting == came, number))
    return threads


def _begun(work: _Blocked, names: str) -> bool:
    """Whether these have begun, in this order."""
    return until(lambda: "".join(work.begun) == names)


def _done(work: _Blocked, threads: list[threading.Thread]) -> str:
    """Let all work end; in which order it was begun."""
    work.go.set()
    for thread in threads:
        thread.join()
    return "".join(work.begun)


def test_two_argon2_run_at_a_time() -> None:
    gate, work = ArgonGate(), _Blocked()
    _done(work, _queue(gate, work, "abCdEfGH"))
    assert (work.most, gate.runs) == (2, 8)


def test_strangers_together_never_hold_every_slot() -> None:
    gate, work = ArgonGate(at_once=3), _Blocked()
    threads = _queue(gate, work, "abcdef")
    assert _begun(work, "ab") and gate.waiting == 4
    _done(work, threads)
    assert work.most == 2


def test_somebody_known_begins_at_once_though_strangers_run_and_wait() -> None:
    gate, work = ArgonGate(), _Blocked()
    threads = _queue(gate, work, "abcK")
    assert _begun(work, "aK")
    assert _done(work, threads) == "aKbc"


def test_the_known_may_hold_every_slot() -> None:
    gate, work = ArgonGate(), _Blocked()
    threads = _queue(gate, work, "KLa")
    assert _begun(work, "KL")
    assert _done(work, threads) == "KLa"


def test_a_strangers_slot_that_is_free_again_goes_to_the_next_stranger() -> None:
    gate, work = ArgonGate(), _Blocked()
    gate.run(lambda: None, known=False)
    assert _done(work, _queue(gate, work, "ab")) == "ab"


def test_a_single_slot_is_shared() -> None:
    gate, work = ArgonGate(at_once=1), _Blocked()
    threads = _queue(gate, work, "aK")
    assert _begun(work, "a") and gate.waiting == 1
    assert _done(work, threads) == "aK"


def test_known_places_go_first_and_each_in_its_order() -> None:
    gate, work = ArgonGate(at_once=1), _Blocked()
    assert _done(work, _queue(gate, work, "abcKLM")) == "aKLMbc"


def test_strangers_cannot_fill_the_queue_of_the_known() -> None:
    gate, work = ArgonGate(at_once=1, queue=2), _Blocked()
    threads = _queue(gate, work, "abc")
    with pytest.raises(GateBusy):
        gate.run(lambda: None, known=False)
    threads += _queue(gate, work, "K")
    assert _done(work, threads) == "aKbc"


def test_waiting_ends_in_a_refusal() -> None:
    gate, work = ArgonGate(at_once=1, patience=0.01), _Blocked()
    threads = _queue(gate, work, "a")
    with pytest.raises(GateBusy, match="too long"):
        gate.run(lambda: None, known=True)
    _done(work, threads)


def test_a_place_is_given_back_when_the_work_fails() -> None:
    gate = ArgonGate(at_once=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            gate.run(lambda: 1 // 0, known=False)
    assert gate.run(lambda: 7, known=False) == 7


def test_chance_makes_each_hash_another(world: World) -> None:
    assert world.passwords.hash(PASSWORD) != world.passwords.hash(PASSWORD)
