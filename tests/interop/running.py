"""Running somebody else's program against the county, and judging the copy that it made.

A program gets an empty home folder, the system's PATH and nothing else of ours. What a copy holds is told to the oracle
of the record, which asks at the end whether every byte of it was granted.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from auth.principal import Door
from tests.support.askpass import askpass
from tests.support.county import HOST, County
from tests.support.story import Person, folder_of

Done = subprocess.CompletedProcess[str]


def run(
    folder: Path, *command: str | Path, says: str = "", environ: Mapping[str, str] | None = None, seconds: float = 60.0
) -> Done:
    """`command`, run in `folder` as its home, with `says` on its standard input."""
    return subprocess.run(
        [str(part) for part in command],
        input=says,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", **(environ or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def well(done: Done) -> Done:
    """`done`, which ended well."""
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done


def openssh(
    county: County,
    folder: Path,
    person: Person,
    *options: str,
    commands: str = "",
    answers: Sequence[str] = (),
) -> Done:
    """OpenSSH's sftp as `person`: it asks an askpass program, which gives `answers` in their turn."""
    return run(
        folder,
        "sftp",
        *("-P", str(county.sftp_port)),
        *ssh_options(county, folder),
        *options,
        f"{person.username}@{HOST}",
        says=commands,
        environ=askpass(folder, answers),
    )


def ssh_options(county: County, folder: Path) -> list[str]:
    """No settings and no agent of whoever runs the tests; the server is the one that we know."""
    known = f"UserKnownHostsFile={county.known_hosts(folder)}"
    return ["-F", "none", "-o", known, "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none"]


def key_options(person: Person) -> list[str]:
    """The key of `person`, and no other."""
    return ["-i", str(person.key), "-o", "IdentitiesOnly=yes"]


def judge_copy(county: County, person: Person, door: Door, school: str, copy: Path) -> None:
    """The folder `copy` holds what `person` reads in `school`, each byte of it, and nothing else."""
    above = f"/{folder_of(school)}/" if person.by_school else "/"
    wanted = {
        path.removeprefix(above): letter for path, letter in county.visible(person).items() if path.startswith(above)
    }
    found = {str(file.relative_to(copy)): file.read_bytes() for file in copy.rglob("*") if file.is_file()}
    assert sorted(found) == sorted(wanted)
    assert [path for path, letter in wanted.items() if found[path] != letter.data] == []
    for letter in wanted.values():
        county.received(person, door, letter)
