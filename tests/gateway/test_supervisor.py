"""The parent process: workers come up together, are replaced, and end together. Real processes, bounded waits."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

TIMEOUT = 60


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a supervisor in a process of its own, because it owns its signals and children."""
    prelude = """
        import os, signal, sys, time
        from pathlib import Path
        from gateway.supervisor import Supervisor, Worker
        HERE = Path(sys.argv[1])
        def until_term():
            done = []
            signal.signal(signal.SIGTERM, lambda *_: done.append(1))
            while not done:
                signal.pause()
        def count(name):
            with open(HERE / name, "a") as file:
                file.write("x")
            return len((HERE / name).read_text())
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(script), str(folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def test_ready_is_said_once_when_every_worker_is_ready(tmp_path: Path) -> None:
    done = run(
        """
        def work(say):
            say()
            until_term()
        def ready():
            print("ready", flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
        sys.exit(Supervisor([Worker("a", work), Worker("b", work)], ready).run())
        """,
        tmp_path,
    )
    assert (done.stdout, done.returncode) == ("ready\n", 0)


def test_a_worker_that_dies_before_it_is_ready_stops_the_start(tmp_path: Path) -> None:
    done = run(
        """
        def good(say):
            say()
            until_term()
        def bad(say):
            raise SystemExit(3)
        sys.exit(Supervisor([Worker("a", good), Worker("b", bad)], lambda: print("ready")).run())
        """,
        tmp_path,
    )
    assert (done.stdout, done.returncode) == ("", 1)


def test_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    done = run(
        """
        parent = os.getpid()
        def mortal(say):
            say()
            if count("starts") == 3:
                os.kill(parent, signal.SIGTERM)
                until_term()
            raise SystemExit(1)
        sys.exit(Supervisor([Worker("a", mortal)], lambda: None).run())
        """,
        tmp_path,
    )
    assert ((tmp_path / "starts").read_text(), done.returncode) == ("xxx", 0)


def test_five_deaths_in_a_minute_stop_the_service(tmp_path: Path) -> None:
    done = run(
        """
        def mortal(say):
            say()
            count("starts")
            raise SystemExit(1)
        sys.exit(Supervisor([Worker("a", mortal)], lambda: None).run())
        """,
        tmp_path,
    )
    assert ((tmp_path / "starts").read_text(), done.returncode) == ("xxxxx", 1)


def test_the_end_of_a_failed_flush_is_no_death(tmp_path: Path) -> None:
    done = run(
        """
        from policy.audit.log import EXIT_FLUSH_FAILED
        parent = os.getpid()
        def flushing(say):
            say()
            if count("starts") == 2:
                os.kill(parent, signal.SIGTERM)
                until_term()
            raise SystemExit(EXIT_FLUSH_FAILED)
        supervisor = Supervisor([Worker("a", flushing)], lambda: None)
        status = supervisor.run()
        print(len(supervisor._deaths))
        sys.exit(status)
        """,
        tmp_path,
    )
    assert (done.stdout, done.returncode) == ("0\n", 0)


def test_a_worker_whose_parent_is_gone_already_ends_at_once(tmp_path: Path) -> None:
    done = run(
        """
        from gateway.supervisor import _die_with
        _die_with(os.getppid() + 1)
        """,
        tmp_path,
    )
    assert done.returncode == 1
