"""What holds for every command there is, and that docs/commands.md has an example of each that would be understood."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli.commands import ladocs as program
from gateway.cli.entry import explain
from gateway.cli.lazy import LazyGroup
from tests.cli.county import ladocs

PAGE = Path(__file__).parents[2] / "docs/commands.md"
_WITHOUT_A_TABLE = {"serve", "key remove", "device revoke", "clock confirm", "audit checkpoint", "audit export"}


def commands(group: LazyGroup, before: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, LazyGroup):
            yield from commands(command, (*before, name))
        else:
            assert command is not None
            yield " ".join((*before, name)), command


ALL = dict(commands(program))


def examples() -> list[list[str]]:
    """The words after `ladocs` of each example on the page."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [words[1:] for line in lines if (words := shlex.split(line))[0] == "ladocs"]


EXAMPLES = examples()


def test_the_commands_are_those_of_the_product() -> None:
    assert set(ALL) == {
        *("demo", "init", "serve", "doctor", "publish", "db upgrade", "clock confirm", "expire", "job list"),
        *("backup", "restore"),
        *(f"certificate {verb}" for verb in ("list", "show", "verify")),
        *(f"keys {verb}" for verb in ("replicate", "list", "forget")),
        *(f"audit {verb}" for verb in ("list", "verify", "checkpoint", "find", "export")),
        *(f"school {verb}" for verb in ("add", "import", "list", "show", "network")),
        *(f"agreement {verb}" for verb in ("record", "list", "show")),
        *(f"account {verb}" for verb in ("add", "list", "show", "grant", "revoke", "import", "export", "invite")),
        *(f"account {verb}" for verb in ("suspend", "activate", "leave", "hand-over", "unlock")),
        *(f"account {verb}" for verb in ("password-reset", "totp-reset", "explain")),
        *(f"review {verb}" for verb in ("list", "show", "confirm", "extend", "remind", "verify")),
        *(f"key {verb}" for verb in ("add", "list", "remove")),
        *(f"device {verb}" for verb in ("add", "list", "revoke")),
        *(f"report {about}" for about in ("person", "access", "retention")),
        *(
            f"document {verb}"
            for verb in ("list", "show", "withdraw", "hold", "unhold", "withdrawals", "copies-destroyed")
        ),
        *(f"request {verb}" for verb in ("add", "list", "decide")),
    }


@pytest.mark.parametrize("name", ALL)
def test_every_command_explains_itself_and_its_options(name: str) -> None:
    ran = ladocs(*name.split(), "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: ladocs {name}")
    assert "--home DIR" in ran.out
    for parameter in ALL[name].params:
        assert not isinstance(parameter, click.Option) or parameter.help


@pytest.mark.parametrize("name", sorted(set(ALL) - _WITHOUT_A_TABLE))
def test_every_command_that_prints_a_table_prints_json_too(name: str) -> None:
    assert "as_json" in {parameter.name for parameter in ALL[name].params}


@pytest.mark.parametrize("name", ALL)
def test_the_page_has_an_example_of_every_command(name: str) -> None:
    words = name.split()
    assert any(example[: len(words)] == words for example in EXAMPLES)


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_every_example_of_the_page_is_understood(words: list[str]) -> None:
    name = " ".join(words[:2]) if " ".join(words[:2]) in ALL else words[0]
    try:
        ALL[name].make_context(name, words[len(name.split()) :])
    except click.UsageError as exc:
        pytest.fail(explain(exc)[0])


def test_every_command_stands_in_the_list_of_its_group_with_a_sentence() -> None:
    for name in ALL:
        group, _, verb = name.rpartition(" ")
        listed = ladocs(*group.split(), "--help").out
        [line] = [line for line in listed.splitlines() if line.split()[:1] == [verb]]
        assert line[line.index(verb) + len(verb) :].strip()[0].isupper()
