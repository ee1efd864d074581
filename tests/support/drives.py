"""One drive over two protocols: what a person can do to the tree, said once, by plain clients that hide nothing.

`SftpDrive` speaks SFTP through paramiko, `DavDrive` WebDAV through http.client. Both give `Node`s and bytes, and raise
`Absent`, `Forbidden` or `Obstacle`. Paths are text from the root, or bytes that stand on the wire as they are.
"""

from __future__ import annotations

import errno
import socket
import ssl
import stat
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPSConnection
from typing import ClassVar, Protocol
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import paramiko

from auth.principal import Door, Kind
from tests.support.county import HOST, County
from tests.support.story import Person

_TIMEOUT = 30.0
_PROPERTIES = (
    b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set>'
    b"</D:propertyupdate>"
)

Where = str | bytes


class Absent(Exception):
    """Not there, hidden, foreign or past its day: SFTP's NO_SUCH_FILE, HTTP's 404."""


class Forbidden(Exception):
    """Refused with a sentence: SFTP's PERMISSION_DENIED, HTTP's 403 (and 405, where there is no such verb)."""


class Obstacle(Exception):
    """A fault or a standing in the way: SFTP's FAILURE, HTTP's 503."""


@dataclass(frozen=True)
class Node:
    """What both protocols say of a name. `size` is 0 for a folder."""

    folder: bool
    size: int
    mtime: datetime


class Drive(Protocol):
    """The tree as one person sees it."""

    door: ClassVar[Door]
    writes: Mapping[str, str]
    """The writing acts, each with the reason under which the record keeps its refusal."""

    def stat(self, path: Where) -> Node: ...

    def listing(self, path: Where) -> dict[str, Node]: ...

    def read(self, path: Where, start: int = 0, size: int | None = None) -> bytes: ...

    def write(self, act: str, path: Where) -> None: ...

    def close(self) -> None: ...


class Served(Protocol):
    """What a client has to know of a server to come in."""

    @property
    def sftp_port(self) -> int: ...

    @property
    def https_port(self) -> int: ...

    @property
    def host_key(self) -> str: ...

    @property
    def tls(self) -> ssl.SSLContext: ...

    @property
    def code(self) -> Callable[[Person], str]: ...


class SftpDrive:
    """One SFTP session."""

    door: ClassVar[Door] = Door.SFTP
    writes: Mapping[str, str] = {
        "create": "open for writing",
        "overwrite": "open for writing",
        "append": "open for writing",
        "delete": "remove",
        "make folder": "mkdir",
        "remove folder": "rmdir",
        "rename": "rename",
        "set attributes": "setstat",
        "link": "symlink",
    }

    def __init__(self, transport: paramiko.Transport) -> None:
        self.transport = transport
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        self.client = client
        self._acts: Mapping[str, Callable[[Where], object]] = {
            "create": lambda path: client.open(_wire(path), "wx").close(),
            "overwrite": lambda path: client.open(_wire(path), "w").close(),
            "append": lambda path: client.open(_wire(path), "a").close(),
            "delete": lambda path: client.remove(_wire(path)),
            "make folder": lambda path: client.mkdir(_wire(path)),
            "remove folder": lambda path: client.rmdir(_wire(path)),
            "rename": lambda path: client.rename(_wire(path), b"/other"),
            "set attributes": lambda path: client.chmod(_wire(path), 0o777),
            "link": lambda path: client.symlink(b"/etc/passwd", _wire(path)),
        }

    def stat(self, path: Where) -> Node:
        with _sftp_errors():
            return _node(self.client.stat(_wire(path)))

    def listing(self, path: Where) -> dict[str, Node]:
        with _sftp_errors():
            return {entry.filename: _node(entry) for entry in self.client.listdir_attr(_wire(path))}  # type: ignore[arg-type]

    def read(self, path: Where, start: int = 0, size: int | None = None) -> bytes:
        with _sftp_errors(), self.client.open(_wire(path), "r") as file:
            if size is None:
                file.prefetch()
                return file.read()
            file.seek(start)
            return b"".join(iter(lambda: file.read(min(32768, start + size - file.tell())), b""))

    def write(self, act: str, path: Where) -> None:
        with _sftp_errors():
            self._acts[act](path)

    def close(self) -> None:
        self.client.close()
        self.transport.close()


class DavDrive:
    """One keep-alive connection over HTTPS, from `source`: a device at an address is a session."""

    door: ClassVar[Door] = Door.WEBDAV
    writes: Mapping[str, str] = {
        "create": "PUT",
        "overwrite": "PUT",
        "append": "PUT",
        "delete": "DELETE",
        "make folder": "MKCOL",
        "remove folder": "DELETE",
        "rename": "MOVE",
        "set attributes": "PROPPATCH",
        "link": "COPY",
    }

    def __init__(self, served: Served, username: str, device: str, source: str = HOST) -> None:
        self._authorization = basic(username, device)
        self.connection = HTTPSConnection(
            HOST, served.https_port, timeout=_TIMEOUT, context=served.tls, source_address=(source, 0)
        )

    def stat(self, path: Where) -> Node:
        return next(iter(self._propfind(path, "0").values()))

    def listing(self, path: Where) -> dict[str, Node]:
        nodes = self._propfind(path, "1")
        own = next(iter(nodes))
        return {name.rstrip("/").rpartition("/")[2]: node for name, node in nodes.items() if name != own}

    def read(self, path: Where, start: int = 0, size: int | None = None) -> bytes:
        if size == 0:
            return b""
        wanted = {} if size is None else {"Range": f"bytes={start}-{start + size - 1}"}
        status, headers, body = self.ask("GET", path, wanted)
        if status == 416:
            return b""
        _raise_for(status, body)
        assert status == (200 if size is None else 206)
        assert "attachment" in headers["content-disposition"], "a folder's page is no document"
        return body

    def write(self, act: str, path: Where) -> None:
        body = {"PROPPATCH": _PROPERTIES, "PUT": b"x"}.get(self.writes[act], b"")
        status, _, answer = self.ask(self.writes[act], path, {"Destination": f"https://{HOST}/other"}, body)
        if status == 207:
            inside = ET.fromstring(answer)
            assert [each.text for each in inside.iter("{DAV:}status")] == ["HTTP/1.1 403 Forbidden"]
            raise Forbidden("".join(each.text or "" for each in inside.iter("{DAV:}responsedescription")))
        _raise_for(status, answer)

    def close(self) -> None:
        self.connection.close()

    def ask(
        self, method: str, path: Where, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with small names, and body of one request."""
        return self.ask_raw(method, quote(_wire(path)), headers, body)

    def ask_raw(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """As `ask`, of a target that is sent as it stands."""
        asked = {"Authorization": self._authorization, **(headers or {})}
        self.connection.request(method, target, body or None, asked)
        answer = self.connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def _propfind(self, path: Where, depth: str) -> dict[str, Node]:
        status, _, body = self.ask("PROPFIND", path, {"Depth": depth})
        _raise_for(status, body)
        assert status == 207
        return dict(_responses(body))


@contextmanager
def sftp_drive(county: County, person: Person) -> Iterator[SftpDrive]:
    """A session of `person`: password and code, or the key of a script."""
    drive = SftpDrive(transport_of(county, person))
    try:
        yield drive
    finally:
        drive.close()


@contextmanager
def dav_drive(county: County, person: Person, source: str = HOST) -> Iterator[DavDrive]:
    """A session of the device of `person` at the address `source`."""
    drive = DavDrive(county, person.username, person.device, source)
    try:
        yield drive
    finally:
        drive.close()


def transport_of(served: Served, person: Person, source: str = HOST) -> paramiko.Transport:
    """An SSH connection from `source` that has signed in."""
    address = (HOST, served.sftp_port)
    transport = paramiko.Transport(socket.create_connection(address, timeout=_TIMEOUT, source_address=(source, 0)))
    try:
        transport.start_client(timeout=_TIMEOUT)
        assert f"{transport.get_remote_server_key().get_name()} {transport.get_remote_server_key().get_base64()}" == (
            served.host_key
        )
        if person.kind is Kind.SERVICE:
            transport.auth_publickey(person.username, paramiko.Ed25519Key(filename=str(person.key)))
        else:
            answers = iter([person.password, served.code(person)])
            transport.auth_interactive(person.username, lambda title, text, prompts: [next(answers) for _ in prompts])
    except BaseException:
        transport.close()
        raise
    return transport


def basic(username: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def _wire(path: Where) -> bytes:
    return path if isinstance(path, bytes) else path.encode()


def _node(attributes: paramiko.SFTPAttributes) -> Node:
    assert attributes.st_mode is not None and attributes.st_mtime is not None
    folder = stat.S_ISDIR(attributes.st_mode)
    assert stat.S_IMODE(attributes.st_mode) == (0o555 if folder else 0o444)
    return Node(folder, attributes.st_size or 0, datetime.fromtimestamp(attributes.st_mtime, UTC))


@contextmanager
def _sftp_errors() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        kind = {errno.ENOENT: Absent, errno.EACCES: Forbidden}.get(exc.errno or 0, Obstacle)
        raise kind(exc.strerror or str(exc)) from exc


def _raise_for(status: int, body: bytes) -> None:
    """HTTP knows more ways than SFTP to say that a name can be no document's."""
    kinds = {400: Absent, 403: Forbidden, 404: Absent, 405: Forbidden, 414: Absent, 503: Obstacle}
    if status in kinds:
        raise kinds[status](body.decode().strip())
    assert status < 300, status


def _responses(body: bytes) -> Iterator[tuple[str, Node]]:
    for response in ET.fromstring(body).iter("{DAV:}response"):
        folder = response.find(".//{DAV:}collection") is not None
        size = response.findtext(".//{DAV:}getcontentlength") or "0"
        modified = response.findtext(".//{DAV:}getlastmodified")
        assert modified is not None
        href = unquote(response.findtext("{DAV:}href") or "")
        yield href, Node(folder, int(size), parsedate_to_datetime(modified))
