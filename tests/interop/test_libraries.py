"""Libraries of Python that scripts are written with: asyncssh and webdav4. (paramiko tells the story in `parity`.)"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest
import webdav4.client

from auth.principal import Door
from tests.interop.running import judge_copy
from tests.support.county import HOST, County
from tests.support.story import BIG, BRIGID, folder_of

TREE = folder_of(BRIGID)


def test_asyncssh_copies_a_tree(county: County, tmp_path: Path) -> None:
    person = county["nightly"]

    async def copy() -> tuple[int, int]:
        async with (
            asyncssh.connect(
                HOST,
                county.sftp_port,
                username=person.username,
                client_keys=[str(person.key)],
                known_hosts=str(county.known_hosts(tmp_path)),
                config=None,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            await sftp.get(f"/{TREE}", tmp_path / "copy", recurse=True, preserve=True)
            disk = await sftp.statvfs("/")
            return disk.blocks * disk.frsize, disk.bavail

    used, free = asyncio.run(copy())
    judge_copy(county, person, Door.SFTP, BRIGID, tmp_path / "copy")
    assert (used >= len(county.letter(BIG).data) * 2, free) == (True, 0)


@pytest.fixture
def webdav(county: County) -> Iterator[Any]:
    person = county["nightly"]
    address = f"https://{HOST}:{county.https_port}"
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(county.ca_file)), auth=(person.username, person.device)
    ) as http:
        yield webdav4.client.Client(address, http_client=http)


def test_webdav4_walks_the_tree(county: County, webdav: Any) -> None:
    wanted = {path for path in county.visible(county["nightly"]) if path.startswith(f"/{TREE}/")}
    assert set(_files(webdav, TREE)) == wanted


@pytest.mark.parametrize("name", [BIG, "Élan révision – été.pdf", "Only for St Brigid's.pdf"])
def test_webdav4_reads(county: County, webdav: Any, tmp_path: Path, name: str) -> None:
    person, letter = county["nightly"], county.letter(name)
    webdav.download_file(letter.path(person, BRIGID), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == letter.data
    county.received(person, Door.WEBDAV, letter)


def test_webdav4_knows_size_and_time(county: County, webdav: Any) -> None:
    person, letter = county["nightly"], county.letter(BIG)
    path = letter.path(person, BRIGID)
    assert (webdav.content_length(path), webdav.modified(path)) == (len(letter.data), letter.at)
    assert not webdav.exists(f"{path}.old")


def test_webdav4_is_refused_writing(webdav: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(webdav4.client.ClientError, match="403"):
        webdav.upload_file(tmp_path / "mine.txt", f"{TREE}/mine.txt")
    with pytest.raises(webdav4.client.ForbiddenOperation):
        webdav.mkdir(f"{TREE}/new")


def _files(webdav: Any, folder: str) -> Iterator[str]:
    for entry in webdav.ls(folder):
        if entry["type"] == "directory":
            yield from _files(webdav, entry["name"])
        else:
            yield f"/{entry['name']}"
