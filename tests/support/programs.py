"""Programs that some tests drive, and the packages of Debian that hold them: the one list of both.

A test says `@pytest.mark.needs("rclone")`, a fixture calls `need("rclone")`: where the program is missing, the test is
skipped, and the last lines of the run name it. Under TESTS_COMPLETE=1 (CI) it fails instead.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

PACKAGES = {
    "cadaver": "cadaver",
    "chromium": "chromium",
    "curl": "curl",
    "filezilla": "filezilla",
    "fusermount3": "fuse3",
    "initdb": "postgresql",
    "lftp": "lftp",
    "mount.davfs": "davfs2",
    "pdftotext": "poppler-utils",
    "psftp": "putty-tools",
    "rclone": "rclone",
    "scp": "openssh-client",
    "sftp": "openssh-client",
    "soffice": "libreoffice-calc-nogui libreoffice-writer-nogui",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshfs": "sshfs",
    "strace": "strace",
    "sudo": "sudo",
    "xdotool": "xdotool",
    "Xvfb": "xvfb",
}
FUSE = Path("/dev/fuse")
NO_FUSE = "this machine has no /dev/fuse"
_MORE_FOLDERS = ("/usr/sbin", "/sbin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))


def found(program: str) -> str | None:
    """Where `program` is, or None. Looks also where Debian keeps what is not on everybody's PATH."""
    return shutil.which(program) or shutil.which(program, path=":".join(_MORE_FOLDERS))


def missing(program: str) -> str:
    """The reason of a skip: the program, and what installs it."""
    return f"{program} is not installed: apt-get install {PACKAGES[program]}"


def need(program: str) -> str:
    """Where `program` is; skips the test where it is not."""
    path = found(program)
    if path is None:
        pytest.skip(missing(program))
    return path


def need_fuse() -> None:
    """Skips the test where nothing can be mounted."""
    if not FUSE.exists():
        pytest.skip(NO_FUSE)
