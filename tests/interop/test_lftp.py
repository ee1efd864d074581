"""lftp's mirror over both protocols."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from auth.principal import Door
from tests.interop.running import Done, judge_copy, key_options, run, ssh_options, well
from tests.support.county import HOST, County
from tests.support.story import BRIGID, folder_of

pytestmark = [pytest.mark.needs("lftp"), pytest.mark.needs("ssh")]
TREE = folder_of(BRIGID)


@pytest.fixture(params=[Door.SFTP, Door.WEBDAV])
def door(request: pytest.FixtureRequest) -> Door:
    found: Door = request.param
    return found


def lftp(county: County, folder: Path, door: Door, *commands: str) -> Done:
    """The commands, on the tree of the script."""
    person = county["nightly"]
    ssh = ["ssh", "-a", "-x", *ssh_options(county, folder), *key_options(person)]
    connected = {
        Door.SFTP: [
            f"set sftp:connect-program {shlex.quote(shlex.join(ssh))}",
            f"open -u {person.username}, sftp://{HOST}:{county.sftp_port}",
        ],
        Door.WEBDAV: [
            f"set ssl:ca-file {county.ca_file}",
            f"open -u {person.username},{person.device} https://{HOST}:{county.https_port}",
        ],
    }
    script = ["set net:max-retries 1", "set cmd:fail-exit true", *connected[door], *commands]
    return run(folder, "lftp", "-f", "/dev/stdin", says="\n".join([*script, "exit 0", ""]))


def test_a_mirror_is_the_tree(county: County, door: Door, tmp_path: Path) -> None:
    well(lftp(county, tmp_path, door, f"mirror {shlex.quote(f'/{TREE}')} copy"))
    judge_copy(county, county["nightly"], door, BRIGID, tmp_path / "copy")


def test_a_second_mirror_transfers_nothing(county: County, door: Door, tmp_path: Path) -> None:
    source = shlex.quote(f"/{TREE}")
    well(lftp(county, tmp_path, door, f"mirror {source} copy"))
    again = well(lftp(county, tmp_path, door, f"mirror --verbose {source} copy"))
    assert "Transferring file" not in again.stdout


def test_putting_is_refused(county: County, door: Door, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = lftp(county, tmp_path, door, f"cd {shlex.quote(f'/{TREE}')}", "put mine.txt")
    assert done.returncode != 0
