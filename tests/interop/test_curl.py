"""curl over both protocols: whole documents, ranges, heads, conditions."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from auth.principal import Door
from tests.interop.running import Done, run, well
from tests.support.county import HOST, County
from tests.support.story import ASHBY, BIG, Letter, Person

pytestmark = pytest.mark.needs("curl")
Curl = Callable[..., Done]


@pytest.fixture
def script(county: County) -> Person:
    return county["nightly"]


@pytest.fixture
def letter(county: County) -> Letter:
    return county.letter(BIG)


@pytest.fixture
def sftp(county: County, script: Person, tmp_path: Path) -> Curl:
    """curl on sftp://, with the key of a script and the host key that we know."""
    digest = hashlib.sha256(base64.b64decode(county.host_key.split()[1])).digest()
    known = ("--hostpubsha256", base64.b64encode(digest).decode().rstrip("="))
    key = ("--key", script.key, "--pubkey", f"{script.key}.pub", "-u", f"{script.username}:")

    def curl(path: str, *options: str) -> Done:
        url = f"sftp://{HOST}:{county.sftp_port}{quote(path)}"
        return run(tmp_path, "curl", "-sS", *known, *key, *options, url)

    return curl


@pytest.fixture
def https(county: County, script: Person, tmp_path: Path) -> Curl:
    """curl on https://, with a device password and the certificate that we know."""
    signed_in = ("--cacert", county.ca_file, "-u", f"{script.username}:{script.device}")

    def curl(path: str, *options: str) -> Done:
        return run(tmp_path, "curl", "-sS", *signed_in, *options, f"https://{HOST}:{county.https_port}{quote(path)}")

    return curl


@pytest.fixture(params=["sftp", "https"])
def either(request: pytest.FixtureRequest) -> tuple[Door, Curl]:
    curl: Curl = request.getfixturevalue(request.param)
    return (Door.SFTP if request.param == "sftp" else Door.WEBDAV), curl


def test_a_document_arrives_whole(
    county: County, script: Person, letter: Letter, either: tuple[Door, Curl], tmp_path: Path
) -> None:
    door, curl = either
    well(curl(letter.path(script, ASHBY), "-o", "copy"))
    assert (tmp_path / "copy").read_bytes() == letter.data
    county.received(script, door, letter)


@pytest.mark.parametrize(
    "name", ["100% #1 + [draft]; ok=yes.txt", "日本語 ファイル.txt", "{{7+7}} %s {0}.txt", "-rf.txt"]
)
def test_a_name_of_any_kind_is_found(
    county: County, script: Person, either: tuple[Door, Curl], name: str, tmp_path: Path
) -> None:
    door, curl = either
    letter = county.letter(name)
    well(curl(letter.path(script, ASHBY), "-g", "-o", "copy"))
    assert (tmp_path / "copy").read_bytes() == letter.data
    county.received(script, door, letter)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-0", 0, 1), ("65530-65541", 65530, 65542), ("3000000-", 3_000_000, 3 << 20), ("-7", (3 << 20) - 7, 3 << 20)],
)
def test_a_range_is_a_slice(
    county: County,
    script: Person,
    letter: Letter,
    either: tuple[Door, Curl],
    tmp_path: Path,
    asked: str,
    start: int,
    end: int,
) -> None:
    door, curl = either
    well(curl(letter.path(script, ASHBY), "-r", asked, "-o", "copy"))
    assert (tmp_path / "copy").read_bytes() == letter.data[start:end]
    county.received(script, door, letter, start, end)


def test_an_interrupted_download_goes_on(
    county: County, script: Person, letter: Letter, either: tuple[Door, Curl], tmp_path: Path
) -> None:
    door, curl = either
    half = 1_234_567
    (tmp_path / "copy").write_bytes(letter.data[:half])
    well(curl(letter.path(script, ASHBY), "-C", "-", "-o", "copy"))
    assert (tmp_path / "copy").read_bytes() == letter.data
    county.received(script, door, letter, half)


def test_a_folder_lists_over_sftp(county: County, script: Person, letter: Letter, sftp: Curl) -> None:
    folder = letter.path(script, ASHBY).removesuffix(letter.name)
    lines = well(sftp(folder)).stdout.splitlines()
    assert any(line.startswith("-r--r--r--") and line.endswith(f" {letter.name}") for line in lines)


def test_a_head_says_what_a_get_says(https: Curl, script: Person, letter: Letter) -> None:
    path = letter.path(script, ASHBY)
    head = _fields(well(https(path, "-I")).stdout)
    body = _fields(well(https(path, "-D", "-", "-o", "/dev/null")).stdout)
    differing = {name for name in head.keys() | body.keys() if head.get(name) != body.get(name)}
    assert differing <= {"date"}
    assert head["content-length"] == str(len(letter.data))


def test_what_is_unchanged_is_not_sent_again(https: Curl, script: Person, letter: Letter, tmp_path: Path) -> None:
    path = letter.path(script, ASHBY)
    well(https(path, "-R", "-o", "copy", "--etag-save", "etag"))
    for condition in (("-z", "copy"), ("--etag-compare", "etag")):
        done = well(https(path, *condition, "-o", "again", "-w", "%{http_code} %{size_download}"))
        assert done.stdout == "304 0"


def test_writing_is_refused_with_a_sentence(
    https: Curl, sftp: Curl, script: Person, letter: Letter, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")
    path = f"{letter.path(script, ASHBY)}.new"
    assert "is read-only" in well(https(path, "-T", "mine")).stdout
    assert "ermission denied" in sftp(path, "-T", "mine").stderr


@pytest.mark.parametrize("password", ["", "wrong", "password of the account"])
def test_only_a_device_password_opens_a_drive(county: County, tmp_path: Path, password: str) -> None:
    person = county["r.reader6"]
    shown = person.password if password == "password of the account" else password
    url = f"https://{HOST}:{county.https_port}/"
    done = run(
        tmp_path,
        "curl",
        "-sS",
        "--cacert",
        county.ca_file,
        "-u",
        f"{person.username}:{shown}",
        "-w",
        "%{http_code}",
        url,
    )
    assert done.stdout.endswith("401")
    assert "device password" in done.stdout


def _fields(head: str) -> dict[str, str]:
    lines = [line.split(": ", 1) for line in head.splitlines() if ": " in line]
    return {name.lower(): value for name, value in lines}
