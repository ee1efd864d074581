"""The demo's documents are what they look like: the programs that people use open them."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from gateway.demo.plan import Parcel
from tests.demo.conftest import planned
from tests.support.programs import need

KIB, MB = 1024, 1_000_000
PLACEHOLDERS = re.compile(r"lorem|ipsum|todo|xxx|foobar", re.IGNORECASE)


def one_of_each_kind(extension: str) -> list[Parcel]:
    """A document for each first word of a name, which is one or more of each letter writer."""
    named = [parcel for parcel in planned() if parcel.draft.name.endswith(extension)]
    return list({parcel.draft.name.lstrip("0123456789 ").split(" ")[0]: parcel for parcel in named}.values())


def saved(folder: Path, extension: str) -> list[Path]:
    files = [folder / parcel.draft.name for parcel in one_of_each_kind(extension)]
    for file, parcel in zip(files, one_of_each_kind(extension), strict=True):
        file.write_bytes(parcel.draft.data())
    return files


def test_sizes_run_from_one_kibibyte_to_sixty_megabytes() -> None:
    smallest = min((parcel for parcel in planned() if parcel.draft.name.endswith(".csv")), key=lambda p: p.draft.name)
    plans = next(parcel for parcel in planned() if parcel.draft.name.startswith("Site & asbestos plans"))
    assert KIB <= len(smallest.draft.data()) < 10 * KIB
    assert 50 * MB < len(plans.draft.data()) <= 60 * MB


@pytest.mark.needs("pdftotext")
def test_a_reader_opens_the_pdf_files(tmp_path: Path) -> None:
    for file in saved(tmp_path, ".pdf"):
        done = subprocess.run([need("pdftotext"), str(file), "-"], capture_output=True, text=True, check=True)
        assert "Derbyshire County Council" in done.stdout
        assert not PLACEHOLDERS.search(done.stdout)
        assert done.stderr == ""


@pytest.mark.needs("soffice")
@pytest.mark.parametrize("extension", [".docx", ".xlsx"])
def test_an_office_program_opens_the_office_files(tmp_path: Path, extension: str) -> None:
    files = saved(tmp_path, extension)
    profile = (tmp_path / "profile").as_uri()
    command = [need("soffice"), f"-env:UserInstallation={profile}", "--headless", "--convert-to", "pdf"]
    subprocess.run(
        [*command, "--outdir", str(tmp_path), *map(str, files)], capture_output=True, check=True, timeout=120
    )
    for file in files:
        assert file.with_suffix(".pdf").read_bytes().startswith(b"%PDF-"), file.name


def test_a_spreadsheet_reads_the_csv_files() -> None:
    for parcel in one_of_each_kind(".csv"):
        text = parcel.draft.data().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
        assert not PLACEHOLDERS.search(text)
        assert len(rows) > 5
        assert len({len(row) for row in rows[1:]}) == 1


def test_the_archives_are_whole() -> None:
    for parcel in one_of_each_kind(".zip"):
        with zipfile.ZipFile(io.BytesIO(parcel.draft.data())) as archive:
            assert archive.testzip() is None
            assert archive.namelist()
