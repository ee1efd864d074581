"""One corpus of paths through both doors: names are only ever looked up, and both look them up alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial

import pytest

from auth.principal import Door
from tests.parity.conftest import Drives
from tests.support.county import County
from tests.support.drives import Absent, DavDrive, Drive, Forbidden
from tests.support.story import ASHBY, GENERAL, Letter

BOTH = [Door.SFTP, Door.WEBDAV]
ABSENT = {
    "above the root": b"/../../etc/passwd",
    "an encoded parent": b"/%2e%2e/%2e%2e/etc/passwd",
    "a twice encoded parent": b"/%252e%252e/etc/passwd",
    "backslashes": b"/..\\..\\windows\\win.ini",
    "a drive letter": b"/C:\\windows\\win.ini",
    "a NUL": b"/a\0.pdf",
    "a NUL at the end": b"/About this drive.txt\0",
    "bad UTF-8": b"/\xff",
    "overlong dots": b"/\xc0\xae\xc0\xae/etc/passwd",
    "an overlong slash": b"/..\xc0\xafetc\xc0\xafpasswd",
    "a surrogate": b"/\xed\xa0\x80",
    "full-width dots": "/．．/etc/passwd".encode(),
    "full-width slashes": "/／etc／passwd".encode(),
    "a right-to-left override": "/\u202efdp.exe".encode(),
    "a line break": b"/a\r\nX-Injected: 1",
    "an alternate stream": b"/About this drive.txt::$DATA",
    "a device": b"/CON",
    "a device with an extension": b"/NUL.txt",
    "a template": b"/{{7*7}}",
    "a format string": b"/{0.__class__}%s%n",
    "a quotation": b"/' OR 1=1 --",
    "markup": b"/<script>alert(1)</script>",
    "a host path": b"/etc/passwd",
    "an absolute URI": b"/https://127.0.0.1/etc/passwd",
    "a home": b"/~root/.ssh/id_ed25519",
    "an option": b"/-rf",
    "four kibibytes": b"/" + b"a" * 4096,
    "a thousand levels": b"/a" * 1000,
    "probes of a desktop": b"/.DS_Store",
}
WITHIN: dict[str, Callable[[str], str]] = {  # in the place of the document's own name
    "a trailing dot": lambda name: f"{name}.",
    "a trailing space": lambda name: f"{name} ",
    "a stream": lambda name: f"{name}::$DATA",
    "a child": lambda name: f"{name}/x",
    "an encoded name": lambda name: name.replace(" ", "%20"),
    "a pattern": lambda name: "*",
    "a prefix": lambda name: name[:-1],
    "a full-width letter": lambda name: name.replace("e", "ｅ"),
}
SAME: dict[str, Callable[[str], str]] = {
    "two slashes": lambda path: path.replace("/", "//"),
    "dots": lambda path: path.replace("/", "/./"),
    "a detour": lambda path: path.replace(f"/{GENERAL}/", f"/SEND/../{GENERAL}/"),
    "from above the root": lambda path: f"/../../{path}",
    "the other form of Unicode": lambda path: unicodedata.normalize("NFD", path),
    "another case": str.swapcase,
}


@pytest.fixture
def letter(county: County) -> Letter:
    return county.letter("Élan révision – été.pdf")


def answers(drive: Drive, path: bytes | str) -> list[str]:
    """How `drive` answers to looking, listing, reading and writing at `path`."""
    said = []
    for act in (drive.stat, drive.listing, drive.read, partial(drive.write, "create")):
        try:
            act(path)
        except (Absent, Forbidden) as exc:
            said.append(type(exc).__name__)
        else:
            said.append("succeeded")
    return said


@pytest.mark.parametrize("door", BOTH)
@pytest.mark.parametrize("raw", ABSENT.values(), ids=ABSENT)
def test_what_names_no_document_is_absent(drives: Drives, door: Door, raw: bytes) -> None:
    looked, listed, read, written = answers(drives[door], raw)
    assert [looked, listed, read] == ["Absent"] * 3
    assert written in ("Absent", "Forbidden")


@pytest.mark.parametrize("door", BOTH)
@pytest.mark.parametrize("change", WITHIN.values(), ids=WITHIN)
def test_a_name_that_is_nearly_right_is_absent(
    county: County, drives: Drives, door: Door, change: Callable[[str], str]
) -> None:
    folder, _, name = county.letter("Governor's report.docx").path(county["nightly"]).rpartition("/")
    assert answers(drives[door], f"{folder}/{change(name)}")[:3] == ["Absent"] * 3


@pytest.mark.parametrize("door", BOTH)
@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_another_way_of_writing_a_path_is_the_same_document(
    county: County, drives: Drives, letter: Letter, door: Door, change: Callable[[str], str]
) -> None:
    path = letter.path(county["nightly"], ASHBY)
    assert change(path) != path
    assert drives[door].stat(change(path)) == drives[door].stat(path)
    assert drives[door].read(change(path)) == letter.data


@pytest.mark.parametrize("door", BOTH)
def test_a_document_asked_for_as_a_folder_is_no_folder(
    county: County, drives: Drives, letter: Letter, door: Door
) -> None:
    path = letter.path(county["nightly"], ASHBY)
    if door is Door.SFTP:
        with pytest.raises(Absent):
            drives[door].listing(path)
    else:
        assert drives[door].listing(path) == {}


@pytest.mark.parametrize("door", BOTH)
def test_a_template_in_a_name_is_a_name(county: County, drives: Drives, door: Door) -> None:
    letter = county.letter("{{7+7}} %s {0}.txt")
    path = letter.path(county["nightly"])
    assert letter.name in drives[door].listing(path.rpartition("/")[0])
    assert drives[door].read(path) == letter.data


@pytest.mark.parametrize(
    "target",
    [
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/%252e%252e/etc/passwd",
        "/..%5c..%5cetc/passwd",
        "/%00",
        "/%ff",
        "/%c0%ae%c0%ae/etc/passwd",
        "/%",
        "/%zz",
        "//etc/passwd",
        "https://127.0.0.1/etc/passwd",
        "file:///etc/passwd",
        "*",
        "/a?logout",
    ],
)
def test_a_target_of_http_is_a_name_at_most(drives: Drives, target: str) -> None:
    drive = drives[Door.WEBDAV]
    assert isinstance(drive, DavDrive)
    assert drive.ask_raw("GET", target)[0] in (400, 404)
