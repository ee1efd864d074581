"""OpenSSH's sftp: people with two steps, a script with its key, whole trees, interrupted downloads, `df`."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth.principal import Door
from tests.interop.running import judge_copy, key_options, openssh, run, ssh_options, well
from tests.support.county import HOST, County
from tests.support.story import ABOUT, ASHBY, BIG, BRIGID, folder_of

pytestmark = pytest.mark.needs("sftp")
TREE = folder_of(BRIGID)


def test_password_and_code_open_the_tree(county: County, tmp_path: Path) -> None:
    person, letter = county["r.reader2"], county.letter("Governor's report.docx")
    answers = (person.password, county.code(person))
    well(openssh(county, tmp_path, person, commands=f'get "{letter.path(person)}"\n', answers=answers))
    assert (tmp_path / letter.name).read_bytes() == letter.data
    county.received(person, Door.SFTP, letter)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.rpartition(") ")[2] for line in asked] == ["Password:", "One-time code:"]


def test_key_and_code_open_the_tree(county: County, tmp_path: Path) -> None:
    person = county["r.reader3"]
    done = openssh(county, tmp_path, person, *key_options(person), commands="ls -1\n", answers=(county.code(person),))
    assert well(done).stdout.splitlines()[1:] == [ABOUT, "Derbyshire Documents"]


def test_a_code_is_good_once(county: County, tmp_path: Path) -> None:
    person = county["r.reader4"]
    code = county.code(person)
    well(openssh(county, tmp_path, person, *key_options(person), commands="ls\n", answers=(code,)))
    elsewhere = (*key_options(person), "-o", "BindAddress=127.4.0.1")  # where no earlier code is trusted
    done = openssh(county, tmp_path, person, *elsewhere, commands="ls\n", answers=(code,) * 3)
    assert (done.returncode, "Permission denied" in done.stderr) == (255, True)


@pytest.mark.parametrize("method", ["password", "publickey"])
def test_one_factor_alone_opens_nothing_for_a_person(county: County, tmp_path: Path, method: str) -> None:
    person = county["r.reader5"]
    only = ("-o", f"PreferredAuthentications={method}")
    done = openssh(
        county, tmp_path, person, *key_options(person), *only, commands="ls\n", answers=(person.password,) * 3
    )
    assert (done.returncode, "Permission denied (keyboard-interactive)" in done.stderr) == (255, True)


def test_a_leaver_is_refused_without_a_word_more(county: County, tmp_path: Path) -> None:
    person = county["l.leaver"]
    done = openssh(county, tmp_path, person, *key_options(person), commands="ls\n", answers=(person.password, "123456"))
    assert done.returncode == 255
    assert "left" not in done.stderr


def test_a_script_copies_a_tree_with_its_key_alone(county: County, tmp_path: Path) -> None:
    person = county["nightly"]
    batch = (*key_options(person), "-o", "BatchMode=yes")
    done = openssh(county, tmp_path, person, *batch, commands=f'get -pr "/{TREE}" copy\n')
    assert well(done).stderr.splitlines() == ["Connected to 127.0.0.1."]
    judge_copy(county, person, Door.SFTP, BRIGID, tmp_path / "copy")


def test_a_copy_keeps_the_times(county: County, tmp_path: Path) -> None:
    person, letter = county["nightly"], county.letter("Governor's report.docx")
    well(openssh(county, tmp_path, person, *key_options(person), commands=f'get -p "{letter.path(person)}" copy\n'))
    assert (tmp_path / "copy").stat().st_mtime == letter.at.timestamp()


def test_an_interrupted_download_goes_on(county: County, tmp_path: Path) -> None:
    person, letter, half = county["nightly"], county.letter(BIG), 1_234_567
    (tmp_path / "copy").write_bytes(letter.data[:half])
    path = letter.path(person, ASHBY)
    well(openssh(county, tmp_path, person, *key_options(person), commands=f'reget "{path}" copy\n'))
    assert (tmp_path / "copy").read_bytes() == letter.data
    county.received(person, Door.SFTP, letter, half)


def test_df_shows_a_full_disk_of_what_may_be_read(county: County, tmp_path: Path) -> None:
    person = county["nightly"]
    used = sum(len(letter.data) for letter in county.visible(person).values())
    done = well(openssh(county, tmp_path, person, *key_options(person), commands="df\n"))
    size, taken, free, _, share = done.stdout.splitlines()[-1].split()
    assert (int(size) * 1024 - used < 4096, size == taken, free, share) == (True, True, "0", "100%")


@pytest.mark.parametrize("command", ["mkdir /new", "rm *", "put askpass", "rename a b", "chmod 777 /"])
def test_writing_is_refused(county: County, tmp_path: Path, command: str) -> None:
    person = county["nightly"]
    done = openssh(county, tmp_path, person, *key_options(person), commands=f'cd "/{TREE}"\n{command}\n')
    assert "Permission denied" in done.stderr


@pytest.mark.needs("scp")
def test_scp_brings_a_document_and_ends_well(county: County, tmp_path: Path) -> None:
    person, letter = county["nightly"], county.letter(BIG)
    source = f"{person.username}@{HOST}:{letter.path(person, BRIGID)}"
    options = [*ssh_options(county, tmp_path), *key_options(person), "-P", str(county.sftp_port)]
    assert well(run(tmp_path, "scp", *options, source, "copy")).stderr == ""
    assert (tmp_path / "copy").read_bytes() == letter.data
    county.received(person, Door.SFTP, letter)
