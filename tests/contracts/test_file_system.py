"""What `gateway.tree` promises, of the real file system and of the one in memory that the adapters' tests stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ClosedHandle, IsADirectory, NotADirectory, NotFound
from gateway.tree import FileSystem, NodeKind
from tests.support.memory_fs import MemoryFileSystem
from tests.support.world import HERE, a_world, names, path, read, tree

FOLDER = "/Derbyshire Documents/2026-11 November/SEND"
FILES = {"É & co.csv": b"a,b\n", "big.bin": bytes(range(256)) * 1024, "letter.pdf": b"%PDF"}
FOLDERS = ("/", "/Derbyshire Documents", "/Derbyshire Documents/2026-11 November", FOLDER)


@pytest.fixture(scope="module", params=["real", "memory"])
def fs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileSystem]:
    """The same three documents in either."""
    if request.param == "memory":
        yield MemoryFileSystem({f"{FOLDER[1:]}/{name}": data for name, data in FILES.items()})
        return
    with a_world(tmp_path_factory.mktemp("contract")) as world:
        world.school(HERE, "Alder Primary")
        world.person("o.office", {HERE: ["SEND"]})
        for name, data in FILES.items():
            world.publish(name, HERE, "SEND", data)
        yield world.fs("o.office")


def test_every_document_is_listed_and_reads_whole(fs: FileSystem) -> None:
    assert sorted(names(fs, FOLDER)) == sorted(FILES)
    assert {name: read(fs, f"{FOLDER}/{name}") for name in FILES} == FILES


def test_what_a_listing_says_stat_says_too_and_the_open_handle(fs: FileSystem) -> None:
    for folder in FOLDERS:
        for entry in fs.scandir(path(folder)):
            place = path(folder).joinpath(entry.name)
            assert fs.stat(place) == entry.attributes
            if not entry.attributes.is_folder:
                with fs.open(place) as handle:
                    assert handle.attributes == entry.attributes


def test_attributes_are_those_of_a_file_or_a_folder(fs: FileSystem) -> None:
    for folder in FOLDERS:
        found = fs.stat(path(folder))
        assert (found.kind, found.size, found.etag) == (NodeKind.FOLDER, 0, None)
        assert found.mtime.microsecond == 0 and found.mtime.utcoffset() is not None
    etags = set()
    for name, data in FILES.items():
        found = fs.stat(path(f"{FOLDER}/{name}"))
        assert (found.kind, found.size, found.mtime.microsecond) == (NodeKind.FILE, len(data), 0)
        etags.add(found.etag)
    assert len(etags) == len(FILES) and None not in etags


@pytest.mark.parametrize("place", ["/nothing", f"{FOLDER}/nothing.pdf", f"{FOLDER}/letter.pdf/deeper", "/a/b/c/d/e"])
def test_what_is_not_there_is_not_found_whatever_is_asked(fs: FileSystem, place: str) -> None:
    for act in (fs.stat, fs.scandir, fs.open):
        with pytest.raises(NotFound):
            act(path(place))


def test_folders_do_not_open_and_documents_do_not_list(fs: FileSystem) -> None:
    for folder in FOLDERS:
        with pytest.raises(IsADirectory):
            fs.open(path(folder))
    with pytest.raises(NotADirectory):
        fs.scandir(path(f"{FOLDER}/letter.pdf"))


@settings(max_examples=50, deadline=None)
@given(offset=st.integers(0, 300_000), size=st.integers(0, 300_000))
def test_a_range_is_the_slice_of_the_document(fs: FileSystem, offset: int, size: int) -> None:
    with fs.open(path(f"{FOLDER}/big.bin")) as handle:
        expected = FILES["big.bin"][offset : offset + size]
        assert handle.pread(offset, size) == expected
        assert handle.cached(offset, size) in (None, expected)


def test_past_the_end_there_is_nothing(fs: FileSystem) -> None:
    with fs.open(path(f"{FOLDER}/letter.pdf")) as handle:
        assert [handle.pread(offset, 10) for offset in (4, 5, 2**40)] == [b"", b"", b""]


def test_a_closed_handle_reads_nothing_and_closes_again(fs: FileSystem) -> None:
    handle = fs.open(path(f"{FOLDER}/letter.pdf"))
    handle.close()
    handle.close()
    assert handle.cached(0, 4) is None
    with pytest.raises(ClosedHandle):
        handle.pread(0, 4)


def test_usage_is_the_sum_of_what_may_be_read(fs: FileSystem) -> None:
    assert fs.usage() == sum(map(len, FILES.values()))


def test_a_refused_write_is_one_sentence_and_changes_nothing(fs: FileSystem) -> None:
    before = tree(fs)
    for place in (FOLDER, f"{FOLDER}/letter.pdf", "/nothing"):
        sentence = fs.refuse_write(path(place), "remove")
        assert sentence.endswith(".") and "\n" not in sentence
    assert tree(fs) == before


def test_there_is_no_verb_that_writes() -> None:
    verbs = {name for name in dir(FileSystem) if not name.startswith("_")}
    assert verbs == {"stat", "scandir", "open", "usage", "refuse_write"}
