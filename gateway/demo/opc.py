"""What DOCX and XLSX share: the package of ECMA-376 part 2, with its content types, relations and core properties.

Called by both writers. Pure; thread-safe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from xml.sax.saxutils import escape, quoteattr

from gateway.demo.archive import Part, zip_of
from gateway.demo.paper import COUNCIL

DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_CORE = "application/vnd.openxmlformats-package.core-properties+xml"


def relations(targets: Sequence[tuple[str, str]]) -> str:
    """A relations part: kinds (below the office namespace, or a whole one) and targets, numbered rId1, rId2…"""
    rows = "".join(
        f'<Relationship Id="rId{number}" Type="{kind if "://" in kind else f"{_OFFICE}/{kind}"}"'
        f" Target={quoteattr(target)}/>"
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'{DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


def package(
    main: str, parts: Mapping[str, tuple[str, str]], extra: Mapping[str, str], *, title: str, day: date
) -> bytes:
    """The file. `parts` maps a path to its content type and text, `extra` those without one (relations)."""
    types = "".join(f'<Override PartName="/{path}" ContentType="{kind}"/>' for path, (kind, _) in parts.items())
    content_types = (
        f'{DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'{types}<Override PartName="/docProps/core.xml" ContentType="{_CORE}"/></Types>'
    )
    root = relations(
        (("officeDocument", main), (f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"))
    )
    files: list[Part] = [
        ("[Content_Types].xml", content_types.encode()),
        ("_rels/.rels", root.encode()),
        *((path, text.encode()) for path, (_, text) in parts.items()),
        *((path, text.encode()) for path, text in extra.items()),
        ("docProps/core.xml", _core(title, day).encode()),
    ]
    return zip_of(files, day)


def _core(title: str, day: date) -> str:
    stamp = f"{day:%Y-%m-%d}T09:00:00Z"
    return (
        f'{DECLARATION}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(title)}</dc:title><dc:creator>{COUNCIL}</dc:creator>"
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{stamp}</dcterms:created>'
        f'<dcterms:modified xsi:type="dcterms:W3CDTF">{stamp}</dcterms:modified></cp:coreProperties>'
    )
