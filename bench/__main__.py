"""`python -m bench`: measure `ladocs` beside the peers that are installed, in interleaved rounds, and print a table.

Client and servers share one machine, so only ratios of one run count. Everything is made in a temporary folder, and
nothing of it stays. Exit status: 0 measured, 1 a measurement failed, 2 could not begin.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from bench import recording, rekeying, signins
from bench.home import served, write_files, write_key
from bench.machine import machine, versions
from bench.peers import PEERS
from bench.processes import BenchError, found
from bench.report import Figures, as_data, as_facts, as_markdown
from bench.rows import CLIENTS, MEASURES, Measure
from bench.target import QUICK, Sizes, Target
from config.errors import OperatorError

_ROUNDS = 5
_SETTLE_SECONDS = 0.3  # a server is busy for a moment after its client has gone
Targets = Mapping[tuple[str, bool], Target]
"""Every server by its name and whether it is reached over SFTP."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the exit status is returned."""
    asked = _parser().parse_args(arguments)
    known = [*dict.fromkeys(measure.row for measure in MEASURES), signins.ROW, *recording.ROWS, rekeying.ROW]
    rows = [row.strip().upper() for row in asked.rows.split(",")] if asked.rows else known
    if unknown := [row for row in rows if row not in known]:
        _say(f"There is no row {unknown[0]}: there are {', '.join(known)}.")
        return 2
    if asked.rounds < 1:
        _say("There is at least one round: give --rounds 1 or more.")
        return 2
    measures = [measure for measure in MEASURES if measure.row in rows and _has_client(measure)]
    sizes = (QUICK if asked.quick else Sizes()).of({measure.files for measure in measures})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever ends us, nothing is left behind
    try:
        tries = (signins.QUICK_TRIES if asked.quick else signins.TRIES) if signins.ROW in rows else 0
        _measure(measures, sizes, rows, asked, tries=tries)
    except (BenchError, OperatorError, OSError) as exc:
        _say(str(exc))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Measure ladocs beside the servers that are installed.")
    parser.add_argument("--rows", help="some rows alone, for example P7,P8")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often each is measured [%(default)s]")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it works, not how fast it is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to FILE too")
    return parser


def _has_client(measure: Measure) -> bool:
    """Whether it can be taken; if not, what is missing is told."""
    client = measure.client
    if client is None or found(client):
        return True
    _say(f"{client} is not installed, and {measure.row} is left out: apt-get install {CLIENTS[client]}")
    return False


def _measure(
    measures: Sequence[Measure], sizes: Sizes, rows: Sequence[str], asked: argparse.Namespace, *, tries: int
) -> None:
    rounds: int = asked.rounds
    wanted = {name for measure in measures for name in measure.peers}
    absent = {name: peer for name, peer in PEERS.items() if name in wanted and not peer.installed}
    for name, peer in absent.items():
        _say(f"{name} is not installed and is left out: apt-get install {peer.package}")
    run = [Figures(measure) for measure in measures]
    with tempfile.TemporaryDirectory(prefix="ladocs-bench-") as made:
        folder = Path(made)
        folder.chmod(0o711)  # Apache's own user reads the files below
        facts = {"date": f"{datetime.now(UTC):%Y-%m-%d}", **machine(folder), **versions()}
        facts |= {name: PEERS[name].version() for name in sorted(wanted - absent.keys())}
        servers: AbstractContextManager[Targets] = nullcontext({})
        if run:
            servers = _targets(folder, wanted - absent.keys(), sizes)
        with servers as targets:
            for number in range(1, rounds + 1):
                for figures in run:
                    _round(figures, targets, sizes, f"round {number} of {rounds}")
        refused = signins.measured(folder, tries, _tell_tries) if tries else []
        recorded = recording.measured(folder, rows, rounds, quick=asked.quick, tell=_say)
        moved = [rekeying.measured(folder, rounds, quick=asked.quick, tell=_say)] if rekeying.ROW in rows else []
    tables = [as_markdown(run, sizes)] if run else []
    tables += [signins.as_markdown(refused)] if refused else []
    tables += [recording.as_markdown(recorded)] if recorded else []
    tables += map(rekeying.as_markdown, moved)
    print(as_facts(facts), *tables, sep="\n\n")
    if asked.json is not None:
        all_rows = [*as_data(run, sizes), *signins.as_data(refused), *recording.as_data(recorded)]
        all_rows += chain(*map(rekeying.as_data, moved))
        data = {"facts": facts, "rounds": rounds, "tries": tries, "rows": all_rows}
        asked.json.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", "utf-8")


@contextmanager
def _targets(folder: Path, peers: set[str], sizes: Sizes) -> Iterator[Targets]:
    """All servers, running."""
    plain = folder / "plain"
    key = write_key(folder)
    _say("Writing the files ...")
    write_files(plain, sizes)
    begun = time.monotonic()

    def progress(done: int, total: int) -> None:
        if done % 1000 == 0 or done == total:
            _say(f"Publishing: {done} of {total} files, {time.monotonic() - begun:.0f} s")

    with ExitStack() as stack:
        ours = stack.enter_context(served(folder, plain, key, sizes, progress))
        targets = {(ours.sftp.name, True): ours.sftp, (ours.webdav.name, False): ours.webdav}
        for name in sorted(peers):
            target = stack.enter_context(PEERS[name].start(folder, plain))
            targets[name, PEERS[name].over_sftp] = target
        yield targets


def _round(figures: Figures, targets: Targets, sizes: Sizes, which: str) -> None:
    """Each server once."""
    measure = figures.measure
    for (name, over_sftp), target in targets.items():
        if over_sftp is measure.over_sftp:
            before = target.server.cpu_seconds()
            value = measure.run(target, sizes)
            time.sleep(_SETTLE_SECONDS)
            cpu = target.server.cpu_seconds() - before
            figures.add(name, value, cpu)
            _say(f"{which}: {measure.row} {measure.what(sizes)}: {name} {value:.4g} {measure.unit}")


def _tell_tries(done: int, total: int) -> None:
    if done % 10 == 0:
        _say(f"Signing in wrongly: {done} of {total} tries of each kind")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
