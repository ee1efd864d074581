"""`ladocs expire` and `ladocs certificate`: what is due, destroyed, and its proof."""

from __future__ import annotations

import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.vault.models import Stage
from tests.cli.county import LADOCS, PRIMARY, County, ladocs

DAY = "2020-01-02"


@pytest.fixture
def due(county: County, letter: Path) -> County:
    """A county whose one document has been due for years, as its rows say."""
    county("publish", letter, "--category", "SEND", "--school", PRIMARY)
    county("clock", "confirm")
    county.execute("ladocs.db", f"UPDATE kek SET day = '{DAY}' WHERE id IN (SELECT kek_id FROM object)")
    county.execute("ladocs.db", f"UPDATE document SET destroy_day = '{DAY}', visible_until = 0")
    county.execute("ladocs.db", "UPDATE delivery SET visible_until = 0")
    return county


def test_a_dry_run_shows_what_is_due_and_destroys_nothing(due: County) -> None:
    rows = due("expire", "--dry-run", "--json").json
    assert rows == [{"day": DAY, "cause": "day", "documents": 1, "schools": 1, "held": 0, "state": "due"}]
    assert due("document", "list", "--json").json[0]["state"] == "expired"


def test_a_dry_run_looks_ahead(county: County, letter: Path) -> None:
    county("publish", letter, "--category", "SEND", "--school", PRIMARY)
    assert county("expire", "--dry-run", "--json").json == []
    assert len(county("expire", "--dry-run", "--at", "2099-01-01", "--json").json) == 1


def test_only_a_dry_run_looks_ahead(county: County) -> None:
    assert "Only --dry-run looks ahead" in county("expire", "--at", "2099-01-01", status=2).err


def test_what_is_due_is_destroyed_with_a_certificate_that_verifies_without_the_home(due: County) -> None:
    [row] = due("expire", "--json").json
    assert row["state"] == "certified"
    assert due("document", "list", "--json").json[0]["state"] == "destroyed"
    [listed] = due("certificate", "list", "--json").json
    assert (listed["name"], listed["day"], listed["cause"], listed["documents"]) == (DAY, DAY, "day", 1)
    assert datetime.fromisoformat(listed["keys_gone"]) <= datetime.now(UTC)
    assert listed["keys_gone"] not in due("certificate", "list").out
    assert due("certificate", "show", DAY).out == Path(listed["file"]).read_text()
    assert due("certificate", "verify", listed["file"], "--json").json == {"intact": True, "differs": []}
    key = due("audit", "checkpoint", "--public-key").out.split()[1]
    assert ladocs("certificate", "verify", listed["file"], "--key", key).status == 0
    assert due("expire", "--json").json == []


def test_a_changed_certificate_is_refused_with_the_line(due: County, tmp_path: Path) -> None:
    due("expire")
    forged = tmp_path / "forged.txt"
    forged.write_text(due("certificate", "show", DAY).out.replace("documents 1", "documents 2"))
    ran = due("certificate", "verify", forged, "--json", status=1)
    assert [line.split(":")[1] for line in ran.json["differs"]] == [" 'documents 2' is not what was signed"]


@pytest.mark.parametrize("stage", [Stage.INTENT, Stage.KEYGONE, Stage.SWEPT])
def test_a_process_that_is_killed_at_a_step_is_completed_by_the_next_one(
    due: County, tmp_path: Path, stage: Stage
) -> None:
    for attempt in range(5):  # it may have been faster than the signal
        county = due.copied_to(tmp_path / f"{attempt}")
        words: list[str | Path] = [LADOCS, "--home", county.home, "expire"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line == f"{DAY}: {stage}\n":
                    process.kill()
                    break
        if process.returncode == -signal.SIGKILL:
            break
    assert process.returncode == -signal.SIGKILL
    [row] = county("expire", "--json").json
    assert row["state"] == "certified"
    assert county("document", "list", "--json").json[0]["state"] == "destroyed"
    [listed] = county("certificate", "list", "--json").json
    assert county("certificate", "verify", listed["file"], "--json").json["intact"]
    assert len(list(county.keys.glob("root.*"))) == 1
