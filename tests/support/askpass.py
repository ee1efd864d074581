"""What OpenSSH's clients ask a person for, answered by a script: they run a program for each prompt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def askpass(folder: Path, answers: Sequence[str]) -> dict[str, str]:
    """The environment of a client that gets `answers` in their turn; `asked` in `folder` will hold the prompts."""
    program = folder / "askpass"
    (folder / "answers").write_text("".join(f"{answer}\n" for answer in answers))
    program.write_text(
        f'#!/bin/sh\necho "$1" >> {folder}/asked\nhead -n1 {folder}/answers\nsed -i 1d {folder}/answers\n'
    )
    program.chmod(0o700)
    return {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}


def asked(folder: Path) -> list[str]:
    """The prompts so far, without what the client puts before them; none where it asked nothing."""
    file = folder / "asked"
    return [line.rpartition(") ")[2] for line in file.read_text().splitlines()] if file.exists() else []
