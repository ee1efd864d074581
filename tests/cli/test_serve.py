"""The installed program: `ladocs serve` says `ready` and ends on a signal; output into a pipe that closes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.county import LADOCS, County
from tests.support.waiting import until

_SECONDS = 60
_PRESS_SECONDS = 5.0


@pytest.fixture(autouse=True)
def _any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SFTP_PORT", "0"), ("HTTPS_PORT", "0"), ("SFTP_PROCESSES", "1")):
        monkeypatch.setenv(f"LADOCS_SERVE__{name}", value)


@contextmanager
def serving(county: County) -> Iterator[subprocess.Popen[str]]:
    """A process that serves the home, and has said so."""
    words: list[str | Path] = [LADOCS, "serve", "--home", county.home]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], _SECONDS)[0], "not ready in time"
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_served_home_is_ready_once_and_ends_well_on_a_signal(county: County, number: signal.Signals) -> None:
    with serving(county) as process:
        process.send_signal(number)
        out, _ = process.communicate(timeout=_SECONDS)
    assert (process.returncode, out) == (0, "")
    county("audit", "verify")


def test_a_service_that_ended_and_began_again_leaves_no_silence_unexplained(county: County) -> None:
    for _ in range(2):
        with serving(county) as process:
            process.terminate()
            process.communicate(timeout=_SECONDS)
    told = [row["event"] for row in county("audit", "list", "--json").json if row["event"].startswith("service:")]
    assert [event for event in told if event != "service:heartbeat"] == ["service:started", "service:stopped"] * 2
    assert told[-1] == "service:stopped"
    assert county("audit", "verify", "--json").json["gaps"] == []


def test_a_served_home_signs_where_its_record_stands_to_the_last_word(county: County, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    with county.settings.open("a") as settings:
        settings.write(f'\n[audit]\ncheckpoint_file = "{witness}"\n')
    with serving(county) as process:
        assert until(witness.exists)
        process.terminate()
        process.communicate(timeout=_SECONDS)
    said = county("audit", "verify", "--against", witness, "--json").json
    assert (said["intact"], said["checkpoints"]["refused"]) == (True, 0)
    assert f" records={said['records']} " in witness.read_text().splitlines()[-1]


def test_one_home_is_served_once(county: County) -> None:
    with serving(county):
        line = county.program("serve", status=2).line
    assert line == f"Another 'ladocs serve' is running on {county.home}: stop it first."


def test_commands_work_while_the_home_is_served(county: County) -> None:
    with serving(county) as process:
        county("school", "add", "830-2009", "--name", "New")
        process.terminate()
        process.communicate(timeout=_SECONDS)
    county("audit", "verify")


def test_the_installed_program_prints_and_fails_as_it_does_in_this_process(county: County) -> None:
    assert county.program("school", "list") == county("school", "list")
    assert county.program("school", "show", "9", status=1) == county("school", "show", "9", status=1)


def test_a_reader_that_stops_reading_is_no_fault_of_the_command(county: County) -> None:
    with subprocess.Popen(
        [LADOCS, "--home", county.home, "audit", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_ctrl_c_ends_a_command_with_one_line_and_nothing_changed(county: County) -> None:
    waited_for = county.root / "id.pub"
    os.mkfifo(waited_for)
    before = county.state()
    words: list[str | Path] = [LADOCS, "--home", county.home, "key", "add", "m.head", waited_for, "--name", "PC"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        writer = _opened_by_its_reader(waited_for)
        err = _pressed_until_it_ends(process)
    os.close(writer)
    assert (process.returncode, err.lstrip("\n")) == (130, "ladocs: interrupted\n")  # after the terminal's own ^C
    assert county.state() == before


def _pressed_until_it_ends(process: subprocess.Popen[str]) -> str:
    """What it says when it has ended. A Ctrl-C between the opening and the reading is heard at the next one."""
    for _ in range(int(_SECONDS / _PRESS_SECONDS)):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_PRESS_SECONDS)[1]
    process.kill()
    raise AssertionError("the command did not end")


def _opened_by_its_reader(fifo: Path) -> int:
    """The writing end of `fifo`, once somebody has opened the other."""
    ends: list[int] = []

    def opens() -> bool:
        with suppress(OSError):  # nobody reads it yet
            ends.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        return ends != []

    assert until(opens, _SECONDS), "the command never opened the file"
    return ends[0]
