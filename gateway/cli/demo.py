"""`ladocs demo`: a throw-away home with people and documents, built when there is none of today, and served."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from config.clock import SystemClock
from config.entropy import system_entropy
from config.errors import OperatorError
from config.home import Home, format_file
from config.settings import Settings
from gateway import compose, server
from gateway import core as cores
from gateway.cli.desk import HomeCommand, named_home
from gateway.cli.operators import os_user
from gateway.cli.output import text, to_json
from gateway.cli.serve import log_to_stderr
from gateway.demo import guide
from gateway.demo.build import Progress, building
from gateway.demo.guide import Doors, Guide
from gateway.demo.settings_file import is_demo

_DEFAULT = Path("var/demo")
_KEPT_FOR = timedelta(days=1)
_PORT = click.IntRange(0, 65535)


@click.command(cls=HomeCommand)
@click.option("--once", is_flag=True, help="Print how to connect, and do not serve.")
@click.option("--sftp-port", type=_PORT, help="Port of SFTP; 0 takes any free one.  [default: 2222]")
@click.option("--https-port", type=_PORT, help="Port of HTTPS; 0 takes any free one.  [default: 8443]")
@click.option("--http-port", type=_PORT, help="Port of plain HTTP; 0 takes any free one.  [default: 8080]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on one line when ready.")
@click.pass_context
def demo(
    ctx: click.Context,
    once: bool,
    sftp_port: int | None,
    https_port: int | None,
    http_port: int | None,
    as_json: bool,
) -> int:
    """Build a demonstration home (var/demo), serve it on loopback, and print how to connect as each person.

    A home older than a day is built again, so that its documents are of these months. A port that is taken gives way
    to the next free one. Ctrl-C ends it.
    """
    path = (named_home(ctx) or _DEFAULT).absolute()
    asked = {"SFTP_PORT": sftp_port, "HTTPS_PORT": https_port, "HTTP_PORT": http_port}
    environ = {**os.environ, **{f"LADOCS_SERVE__{key}": str(port) for key, port in asked.items() if port is not None}}
    if server.is_running(path):
        if not once:
            raise OperatorError(
                f"This demo is being served already: 'ladocs demo --home {path} --once' says how to connect.",
                exit_status=2,
            )
        _show(_kept(path), as_json=as_json)
        return 0
    home, settings = _opened(path, environ)
    if once:
        _show(_write(path, _kept(path)["people"], settings), as_json=as_json)
        return 0
    return _serve(home, settings, as_json=as_json)


def _opened(path: Path, environ: Mapping[str, str]) -> tuple[Home, Settings]:
    """The demo home at `path`: the one that is there, if it is of today and of this version, else a new one."""
    now = SystemClock().now()
    if _is_fresh(path, now, environ):
        return cores.open_home(path, environ)
    _throw_away(path)
    click.echo(f"Building a demonstration home in {path} ...", err=True)
    user = os_user(environ)
    with (
        _progress() as progress,
        building(path, user=user, environ=environ, now=now, entropy=system_entropy, progress=progress) as built,
    ):
        _write(path, guide.people_of(built), built.settings)
    return built.home, built.settings


def _serve(home: Home, settings: Settings, *, as_json: bool) -> int:
    log_to_stderr()
    asked = settings.serve
    sockets = server.bind_all(settings, next_free=True)
    doors = Doors(
        host=asked.sftp_host,
        sftp_port=server.port_of(sockets.sftp),
        https_port=server.port_of(sockets.https),
        http_port=server.port_of(sockets.http) if sockets.http is not None else None,
        pid=os.getpid(),
    )
    for door, wanted, got in (
        ("SFTP", asked.sftp_port, doors.sftp_port),
        ("HTTPS", asked.https_port, doors.https_port),
        ("HTTP", asked.http_port, doors.http_port),
    ):
        if wanted and wanted != got:
            click.echo(f"Port {wanted} is taken: {door} is on {got}.", err=True)
    made = guide.write(home.path, _kept(home.path)["people"], doors)

    def ready() -> None:
        if not as_json:
            click.echo("ready")
        _show(made, as_json=as_json)

    return server.run(home, settings, sockets, on_ready=ready)


def _is_fresh(path: Path, now: datetime, environ: Mapping[str, str]) -> bool:
    """Whether a whole demo of this version is there, made within a day."""
    if not is_demo(path) or guide.read(path) is None:
        return False
    try:
        made = datetime.fromtimestamp(format_file(path).stat().st_mtime, UTC)
        compose.check_home(*cores.open_home(path, environ))
    except (OSError, OperatorError):
        return False
    return now - made < _KEPT_FOR


def _throw_away(path: Path) -> None:
    """Empty `path`, if what lies there is a demo."""
    if path.is_dir() and any(path.iterdir()):
        if not is_demo(path):
            raise OperatorError(
                f"{path} holds something else than a demo, which stays: give --home an empty folder.", exit_status=2
            )
        shutil.rmtree(path)


def _write(path: Path, people: Sequence[Mapping[str, Any]], settings: Settings) -> Guide:
    """The guide as it will be once somebody serves on the ports that were asked for."""
    serve = settings.serve
    doors = Doors(
        host=serve.sftp_host,
        sftp_port=serve.sftp_port,
        https_port=serve.https_port,
        http_port=serve.http_port,
        pid=None,
    )
    return guide.write(path, people, doors)


def _kept(path: Path) -> Guide:
    kept = guide.read(path)
    if kept is None:
        raise OperatorError(
            f"{guide.guide_file(path)} cannot be read: remove {path}, and 'ladocs demo' builds it anew."
        )
    return kept


def _show(made: Guide, *, as_json: bool) -> None:
    click.echo(to_json(made) if as_json else guide.page(made, SystemClock().now(), Path(sys.argv[0])))


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal alone."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, total: bar.update(task, completed=done, total=total, description=text(name))
