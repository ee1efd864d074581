"""PROPFIND: equal to the library's own answer, and bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsgidav.request_server import RequestServer

from gateway.path import VirtualPath
from gateway.webdav import propfind
from gateway.webdav.call import KEY, Call
from gateway.webdav.provider import Drive
from gateway.webdav.xmlbody import parse_propfind
from tests.support.memory_fs import TREE, MemoryFileSystem
from tests.webdav.harness import DOCUMENT, SEND, MemoryDoor, Wsgi

DAV = "{DAV:}"
NAMED = (
    b'<D:propfind xmlns:D="DAV:" xmlns:N="urn:n"><D:prop><D:getetag/><D:resourcetype/><D:getcontentlength/>'
    b"<D:displayname/><N:colour/></D:prop></D:propfind>"
)
QUOTA = b'<propfind xmlns="DAV:"><prop><quota-used-bytes/><quota-available-bytes/></prop></propfind>'
PROPNAME = b'<propfind xmlns="DAV:"><propname/></propfind>'
BODIES = {
    "nothing": b"",
    "allprop": b'<propfind xmlns="DAV:"><allprop/></propfind>',
    "named": NAMED,
    "unknown": b'<propfind xmlns="DAV:"><prop><x xmlns="urn:x"/><y/></prop></propfind>',
}

Parsed = dict[str, dict[str, dict[str, str]]]


def parsed(document: bytes) -> Parsed:
    """href -> status -> property -> its text or the names of its children."""
    found: Parsed = {}
    for response in ET.fromstring(document).iter(f"{DAV}response"):
        link = response.findtext(f"{DAV}href", "")
        assert link not in found
        found[link] = {}
        for propstat in response.iter(f"{DAV}propstat"):
            properties = found[link].setdefault(propstat.findtext(f"{DAV}status", ""), {})
            for each in propstat.findall(f"{DAV}prop/*"):
                properties[each.tag] = ",".join(child.tag for child in each) or (each.text or "")
    return found


def librarys_own(fs: MemoryFileSystem, path: str, depth: str, body: bytes) -> Parsed:
    """What wsgidav makes of the same resources."""
    drive = Drive()
    drive.set_share_path("/")
    call = Call(fs, VirtualPath.parse(path), body)
    call.with_quota = propfind.wants_quota(parse_propfind(body), depth)
    import io

    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "HTTP_DEPTH": depth,
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "wsgidav.provider": drive,
        KEY: call,
    }
    document = b"".join(RequestServer(drive).do_PROPFIND(environ, lambda *_: None))
    return quoted_tags(parsed(document))


def quoted_tags(found: Parsed) -> Parsed:
    for statuses in found.values():
        for properties in statuses.values():
            if properties.get(f"{DAV}getetag"):
                properties[f"{DAV}getetag"] = f'"{properties[f"{DAV}getetag"]}"'
    return found


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("depth", ["0", "1"])
@pytest.mark.parametrize(
    "path", ["/", "/Derbyshire Documents", "/Derbyshire Documents/2026-11 November/SEND", "/About this drive.txt"]
)
def test_the_template_says_what_wsgidav_says(path: str, depth: str, body: bytes) -> None:
    drive = Wsgi()
    reply = drive("PROPFIND", path.replace(" ", "%20"), {"Depth": depth}, body=body)
    assert (reply.status, parsed(reply.body)) == (207, librarys_own(drive.fs, path, depth, body))


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/"), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.sets(NAMES, min_size=1, max_size=5))
def test_any_names_are_written_as_wsgidav_writes_them(names: set[str]) -> None:
    clean = {VirtualPath.parse(name).name for name in names} - {""}
    if not clean:
        return
    drive = Wsgi(MemoryDoor(MemoryFileSystem(dict.fromkeys(clean, b"x"))))
    reply = drive("PROPFIND", "/", {"Depth": "1"})
    assert parsed(reply.body) == librarys_own(drive.fs, "/", "1", b"")


@settings(max_examples=60, deadline=None)
@given(st.sets(NAMES, min_size=1, max_size=4))
def test_every_listed_name_can_be_asked_for(names: set[str]) -> None:
    clean = {VirtualPath.parse(name).name for name in names} - {""}
    drive = Wsgi(MemoryDoor(MemoryFileSystem(dict.fromkeys(clean, b"x"), folders=["shelf"])))
    listed = parsed(drive("PROPFIND", "/", {"Depth": "1"}).body)
    from gateway.quiet import is_quiet_name

    loud = len({name for name in clean if not is_quiet_name(name)} | {"shelf"})
    asked = [drive("PROPFIND", link, {"Depth": "0"}).status for link in listed if link != "/"]
    assert asked.count(207) == loud


def test_propname_is_valid_and_names_what_allprop_gives() -> None:
    drive = Wsgi()
    names = parsed(drive("PROPFIND", DOCUMENT, {"Depth": "0"}, body=PROPNAME).body)[DOCUMENT]
    values = parsed(drive("PROPFIND", DOCUMENT, {"Depth": "0"}).body)[DOCUMENT]
    assert names == {"HTTP/1.1 200 OK": dict.fromkeys(values["HTTP/1.1 200 OK"], "")}


def test_include_adds_to_allprop() -> None:
    body = b'<propfind xmlns="DAV:"><allprop/><include><x xmlns="urn:x"/></include></propfind>'
    found = parsed(Wsgi()("PROPFIND", DOCUMENT, {"Depth": "0"}, body=body).body)[DOCUMENT]
    assert "{urn:x}x" in found["HTTP/1.1 404 Not Found"] and f"{DAV}getetag" in found["HTTP/1.1 200 OK"]


def test_the_entity_tag_is_that_of_get() -> None:
    drive = Wsgi()
    found = parsed(drive("PROPFIND", DOCUMENT, {"Depth": "0"}).body)[DOCUMENT]["HTTP/1.1 200 OK"]
    assert found[f"{DAV}getetag"] == drive("HEAD", DOCUMENT).headers["etag"]


def test_times_are_in_the_forms_that_windows_reads() -> None:
    found = parsed(Wsgi()("PROPFIND", DOCUMENT, {"Depth": "0"}).body)[DOCUMENT]["HTTP/1.1 200 OK"]
    assert (found[f"{DAV}creationdate"], found[f"{DAV}getlastmodified"]) == (
        "2026-11-03T09:30:00Z",
        "Tue, 03 Nov 2026 09:30:00 GMT",
    )


def test_the_prefix_is_d() -> None:
    assert b'<D:multistatus xmlns:D="DAV:">' in Wsgi()("PROPFIND", "/", {"Depth": "0"}).body


def test_the_quota_is_what_is_seen_and_no_room() -> None:
    found = parsed(Wsgi()("PROPFIND", "/", {"Depth": "0"}, body=QUOTA).body)["/"]["HTTP/1.1 200 OK"]
    assert (found[f"{DAV}quota-used-bytes"], found[f"{DAV}quota-available-bytes"]) == (
        str(sum(map(len, TREE.values()))),
        "0",
    )


def test_a_document_has_no_quota() -> None:
    found = parsed(Wsgi()("PROPFIND", DOCUMENT, {"Depth": "0"}, body=QUOTA).body)[DOCUMENT]
    assert list(found) == ["HTTP/1.1 404 Not Found"]


@pytest.mark.parametrize("depth", [{}, {"Depth": "infinity"}, {"Depth": "Infinity"}])
def test_the_whole_tree_is_refused_with_its_precondition(depth: dict[str, str]) -> None:
    reply = Wsgi()("PROPFIND", "/", depth)
    assert (reply.status, b"<D:propfind-finite-depth/>" in reply.body) == (403, True)


def test_a_document_without_a_depth_is_itself() -> None:
    assert list(parsed(Wsgi()("PROPFIND", DOCUMENT).body)) == [DOCUMENT]


@pytest.mark.parametrize("depth", ["2", "", "0, 1", "1,noroot"])
def test_another_depth_is_a_bad_request(depth: str) -> None:
    assert Wsgi()("PROPFIND", "/", {"Depth": depth}).status == 400


@pytest.mark.parametrize("path", [SEND, SEND.rstrip("/"), "/Derbyshire%20Documents", "/"])
def test_a_folder_answers_with_and_without_its_slash(path: str) -> None:
    reply = Wsgi()("PROPFIND", path, {"Depth": "0"})
    assert list(parsed(reply.body)) == [path.rstrip("/") + "/"]


ENTITY = b'<!DOCTYPE x [<!ENTITY e "e">]><propfind xmlns="DAV:"><prop><a>&e;</a></prop></propfind>'
BAD = {
    "two hundred thousand properties": (
        b'<propfind xmlns="DAV:"><prop>' + b"".join(b"<a%d/>" % n for n in range(200_000)) + b"</prop></propfind>"
    ),
    "a hundred properties": (
        b'<propfind xmlns="DAV:"><prop>' + b"".join(b"<a%d/>" % n for n in range(100)) + b"</prop></propfind>"
    ),
    "ten thousand namespaces": (
        b'<propfind xmlns="DAV:" '
        + b" ".join(b'xmlns:n%d="urn:%d"' % (n, n) for n in range(10_000))
        + b"><allprop/></propfind>"
    ),
    "depth": b"<a>" * 20_000,
    "a doctype": ENTITY,
    "an external entity": ENTITY.replace(b'"e"', b'SYSTEM "file:///etc/passwd"'),
    "a billion laughs": b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>',
    "UTF-16 without a mark": '<propfind xmlns="DAV:"><allprop/></propfind>'.encode("utf-16-le"),
    "Latin-1": '<?xml version="1.0" encoding="iso-8859-1"?><propfind xmlns="DAV:"><\xe9/></propfind>'.encode("latin-1"),
    "UTF-16": '<?xml version="1.0" encoding="utf-16"?><propfind xmlns="DAV:"><allprop/></propfind>'.encode("utf-16"),
    "not well-formed": b"<propfind",
    "another root": b'<find xmlns="DAV:"><allprop/></find>',
    "another namespace": b"<propfind><allprop/></propfind>",
    "no question": b'<propfind xmlns="DAV:"/>',
    "two questions": b'<propfind xmlns="DAV:"><allprop/><propname/></propfind>',
    "a long name": b'<propfind xmlns="DAV:"><prop><' + b"a" * 5000 + b"/></prop></propfind>",
    "NUL": b"\x00" * 100,
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_no_client_asks_is_a_bad_request(body: bytes) -> None:
    assert Wsgi()("PROPFIND", "/", {"Depth": "0"}, body=body).status == 400


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_no_client_asks_lists_nothing(body: bytes) -> None:
    drive = Wsgi()
    drive("PROPFIND", "/", {"Depth": "1"}, body=body)
    assert "scandir" not in {verb for verb, _ in drive.fs.calls}


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
def test_a_compressed_body_is_not_read(coding: str) -> None:
    reply = Wsgi()("PROPFIND", "/", {"Depth": "0", "Content-Encoding": coding}, body=b"\x1f\x8b" + b"\0" * 50)
    assert reply.status == 415


def test_names_of_properties_are_never_evaluated() -> None:
    body = b'<propfind xmlns="DAV:"><prop><x xmlns="%(a)s{0&lt;&quot;"/></prop></propfind>'
    found = parsed(Wsgi()("PROPFIND", DOCUMENT, {"Depth": "0"}, body=body).body)[DOCUMENT]
    assert found == {"HTTP/1.1 404 Not Found": {'{%(a)s{0<"}x': ""}}


def test_a_listing_asks_the_file_system_once_however_long_it_is() -> None:
    files = {f"{n:04}.pdf": b"x" for n in range(300)}
    drive = Wsgi(MemoryDoor(MemoryFileSystem(files)))
    drive("PROPFIND", "/", {"Depth": "1"})
    assert [verb for verb, _ in drive.fs.calls] == ["stat", "scandir"]


def test_two_thousand_letters_fit_into_what_windows_opens() -> None:
    files = {f"Confidential letter to the headteacher, number {n:04}.pdf": b"x" for n in range(2000)}
    drive = Wsgi(MemoryDoor(MemoryFileSystem(files, mtime=datetime(2026, 11, 3, 9, 30, tzinfo=UTC))))
    assert len(drive("PROPFIND", "/", {"Depth": "1"}).body) < 1_000_000
