"""A program at a terminal of its own, with somebody who reads and types."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Self

_SECONDS = 60.0


class Terminal:
    """A pseudo-terminal with a program in it; `seen` is all that it has shown."""

    def __init__(self, *command: str | Path) -> None:
        self.seen = ""
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
        os.close(theirs)
        self._looked_at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def read_until(self, text: str) -> None:
        """Wait until `text` is shown, after what was waited for before."""
        while (found := self.seen.find(text, self._looked_at)) < 0:
            assert self._read(), f"{text!r} was not shown: {self.seen[self._looked_at :]!r}"
        self._looked_at = found + len(text)

    def type(self, line: str) -> None:
        """Type `line` and Enter."""
        os.write(self._ours, f"{line}\n".encode())

    def status(self) -> int:
        """Read to the end; the exit status."""
        while self._read():
            pass
        return self._process.wait(_SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], _SECONDS)
        data = b""
        if ready:
            with suppress(OSError):  # Linux says EIO when the program has closed its end
                data = os.read(self._ours, 65536)
        self.seen += data.decode(errors="replace")
        return bool(data)
