"""Groups that know the names of their commands without importing them, so that `ladocs --help` is quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Later:
    """A command by the place where it stands, `module:attribute`, and its line in the list of commands."""

    target: str
    line: str

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """A group whose commands are imported when one is called, or asked for its own `--help`."""

    def __init__(self, *args: Any, later: Mapping[str, Later | LazyGroup], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.later)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        later = self.later.get(cmd_name)
        return later.load() if isinstance(later, Later) else later

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, one.line if isinstance(one, Later) else one.help or "") for name, one in self.later.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
