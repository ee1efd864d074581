"""Request bodies in XML, read into names only, cheaply and without surprises.

Called by `propfind` and `methods`. expat is told to stop at the first thing that no client of a drive sends: a DOCTYPE
(and with it every entity), another encoding than UTF-8, depth, hundreds of elements. Pure and thread-safe. Raises only
BadBody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from xml.parsers import expat

MAX_ELEMENTS = 400
MAX_DEPTH = 8
MAX_NAMESPACES = 64
MAX_NAME = 300
DAV = "DAV:"


class BadBody(Exception):
    """A body that is not served: the status and the sentence of its answer."""

    def __init__(self, sentence: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, order=True, slots=True)
class Name:
    """An XML name; `namespace` is empty for none."""

    namespace: str
    local: str


class Mode(StrEnum):
    """What a PROPFIND asks for (RFC 4918, section 14.20)."""

    ALLPROP = "allprop"
    PROPNAME = "propname"
    PROP = "prop"


@dataclass(frozen=True, slots=True)
class Propfind:
    """A mode and, in the order asked, the named properties (with `allprop`: those of `include`)."""

    mode: Mode
    names: tuple[Name, ...] = ()


@dataclass(slots=True)
class _Outline:
    """Elements with their paths, in document order."""

    paths: list[tuple[Name, ...]] = field(default_factory=list)
    stack: list[Name] = field(default_factory=list)
    namespaces: int = 0

    def start(self, name: str, _attributes: object) -> None:
        namespace, _, local = name.rpartition(" ")
        if len(name) > MAX_NAME:
            raise BadBody("A name in the request is too long.")
        self.stack.append(Name(namespace, local))
        if len(self.stack) > MAX_DEPTH:
            raise BadBody("The request is nested too deeply.")
        self.paths.append(tuple(self.stack))
        if len(self.paths) > MAX_ELEMENTS:
            raise BadBody("The request names too many properties.")

    def end(self, _name: str) -> None:
        self.stack.pop()

    def declare(self, _prefix: str | None, _uri: str | None) -> None:
        self.namespaces += 1
        if self.namespaces > MAX_NAMESPACES:
            raise BadBody("The request names too many namespaces.")

    def refuse(self, *_declaration: object) -> None:
        raise BadBody("A document type is not read.")


def parse_propfind(body: bytes, coding: str = "") -> Propfind:
    """What `body` asks for; nothing at all asks for `allprop`. `coding` is its Content-Encoding."""
    if not body:
        return Propfind(Mode.ALLPROP)
    paths = _outline(body, coding)
    root = Name(DAV, "propfind")
    modes = {mode for mode in Mode if (root, Name(DAV, mode)) in paths}
    if paths[0] != (root,) or len(modes) != 1:
        raise BadBody("A propfind asks for allprop, propname or prop.")
    mode = modes.pop()
    parent = (root, Name(DAV, "prop" if mode is Mode.PROP else "include"))
    return Propfind(mode, _children(paths, parent) if mode is not Mode.PROPNAME else ())


def parse_proppatch(body: bytes, coding: str = "") -> tuple[Name, ...]:
    """The properties that `body` would set or remove."""
    paths = _outline(body, coding)
    root = Name(DAV, "propertyupdate")
    names = [name for act in ("set", "remove") for name in _children(paths, (root, Name(DAV, act), Name(DAV, "prop")))]
    if paths[0] != (root,) or not names:
        raise BadBody("A propertyupdate sets or removes properties.")
    return tuple(dict.fromkeys(names))


def _children(paths: list[tuple[Name, ...]], parent: tuple[Name, ...]) -> tuple[Name, ...]:
    """Each child of the elements at `parent`, once, in order."""
    return tuple(dict.fromkeys(path[-1] for path in paths if path[:-1] == parent))


def _outline(body: bytes, coding: str) -> list[tuple[Name, ...]]:
    if coding.strip().lower() not in ("", "identity"):
        raise BadBody("Request bodies are read uncompressed.", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    # A byte order mark, or a NUL beside the first "<", would talk expat out of the encoding that it is given.
    if b"\0" in body or body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadBody("Request bodies are in UTF-8.")
    outline = _Outline()
    parser = expat.ParserCreate("utf-8", " ")
    parser.StartElementHandler = outline.start
    parser.EndElementHandler = outline.end
    parser.StartNamespaceDeclHandler = outline.declare
    parser.StartDoctypeDeclHandler = outline.refuse
    parser.EntityDeclHandler = outline.refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as exc:
        raise BadBody("The request is not well-formed XML in UTF-8.") from exc
    return outline.paths
