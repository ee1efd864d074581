"""One normaliser of paths, whatever arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import NotFound
from gateway.path import MAX_BYTES, MAX_DEPTH, VirtualPath


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (b"/", ()),
        (b"", ()),
        (b".", ()),
        (b"/a//b/./c", ("a", "b", "c")),
        (b"/a/../../../b", ("b",)),
        (b"a/b/", ("a", "b")),
        ("/e\u0301te\u0301".encode(), ("\u00e9t\u00e9",)),
        (b"/..\\x", ("..\\x",)),
        (b"/%2e%2e/x", ("%2e%2e", "x")),
    ],
)
def test_a_path_is_resolved_by_its_names_alone(raw: bytes, names: tuple[str, ...]) -> None:
    assert VirtualPath.parse(raw).names == names


@pytest.mark.parametrize(
    "raw",
    [
        b"/\xff",
        b"/\xc0\xae\xc0\xae/x",
        b"/a\x00b",
        b"/a\nb",
        b"/" + b"x" * MAX_BYTES,
        b"/x" * (MAX_DEPTH + 1),
        "/a\ud800b",
    ],
)
def test_what_no_document_could_be_called_is_not_found(raw: bytes | str) -> None:
    with pytest.raises(NotFound):
        VirtualPath.parse(raw)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_clean_path_or_not_found(raw: bytes) -> None:
    try:
        path = VirtualPath.parse(raw)
    except NotFound:
        return
    assert not {"", ".", ".."} & set(path.names)
    assert all("/" not in name for name in path.names)
    assert VirtualPath.parse(str(path)) == path


@given(st.lists(st.text("abc\u00e9 .", min_size=1, max_size=5).filter(lambda t: t not in (".", "..")), max_size=5))
def test_a_path_is_its_parent_and_its_name(names: list[str]) -> None:
    path = VirtualPath(tuple(names))
    if names:
        assert path.parent.joinpath(path.name) == path
    else:
        assert path.parent == path
