"""A PDF 1.4 file, object by object (ISO 32000-1 tells the same more readably): header, bodies, xref, trailer.

Called by the typesetter. Deterministic: the same objects give the same bytes. Not thread-safe: one file, one thread.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from datetime import date

from gateway.demo.metrics import winansi

A4 = (595, 842)
"""Width and height in points."""


def literal(text: str) -> bytes:
    """`text` as a literal string of a content stream (section 7.3.4.2), in WinAnsi."""
    escaped = winansi(text).replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"(" + escaped + b")"


class PdfFile:
    """Collects objects and pages, then says the bytes."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._pages: list[int] = []
        self._images: dict[str, int] = {}
        self._root = self._reserve()
        self._tree = self._reserve()
        self._fonts = self._font_resources()

    def add_grey_image(self, pixels: bytes, size: tuple[int, int]) -> str:
        """An eight-bit grey image, `size` in pixels; the resource's name for `Do` is returned."""
        attributes = (
            f"/Type /XObject /Subtype /Image /Width {size[0]} /Height {size[1]}"
            " /ColorSpace /DeviceGray /BitsPerComponent 8 "
        )
        name = f"Im{len(self._images) + 1}"
        self._images[name] = self._add(_stream(attributes.encode(), pixels, level=1))
        return name

    def add_page(self, content: bytes, size: tuple[int, int], images: Sequence[str] = ()) -> None:
        """A page of `size` (points), painted by `content`, which may name these images."""
        stream = self._add(_stream(b"", content))
        shown = "".join(f"/{name} {self._images[name]} 0 R " for name in images)
        page = (
            f"<< /Type /Page /Parent {self._tree} 0 R /MediaBox [0 0 {size[0]} {size[1]}] /Contents {stream} 0 R"
            f" /Resources << /Font << {self._fonts} >> /XObject << {shown}>> /ProcSet [/PDF /Text /ImageB] >> >>"
        )
        self._pages.append(self._add(page.encode()))

    def finish(self, *, title: str, author: str, day: date) -> bytes:
        """The whole file. `day` stands as its date of creation."""
        kids = " ".join(f"{page} 0 R" for page in self._pages)
        self._set(self._tree, f"<< /Type /Pages /Count {len(self._pages)} /Kids [{kids}] >>".encode())
        self._set(
            self._root,
            f"<< /Type /Catalog /Pages {self._tree} 0 R /Lang (en-GB)"
            " /ViewerPreferences << /DisplayDocTitle true >> >>".encode(),
        )
        info = self._add(
            b"<< /Title "
            + _text_string(title)
            + b" /Author "
            + _text_string(author)
            + f" /Producer (ladocs demo) /CreationDate (D:{day:%Y%m%d}090000Z) >>".encode()
        )
        return self._assembled(info)

    def _font_resources(self) -> str:
        names = (("F1", "Helvetica"), ("F2", "Helvetica-Bold"))
        numbers = [
            (
                name,
                self._add(f"<< /Type /Font /Subtype /Type1 /BaseFont /{base} /Encoding /WinAnsiEncoding >>".encode()),
            )
            for name, base in names
        ]
        return " ".join(f"/{name} {number} 0 R" for name, number in numbers)

    def _reserve(self) -> int:
        self._bodies.append(b"")
        return len(self._bodies)

    def _add(self, body: bytes) -> int:
        self._bodies.append(body)
        return len(self._bodies)

    def _set(self, number: int, body: bytes) -> None:
        self._bodies[number - 1] = body

    def _assembled(self, info: int) -> bytes:
        # The comment of high bytes tells transfer programs that the file is binary (section 7.5.2).
        parts = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"]
        offsets, position = [], len(parts[0])
        for number, body in enumerate(self._bodies, 1):
            offsets.append(position)
            parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
            position += len(parts[-1])
        count = len(self._bodies) + 1
        entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        identity = hashlib.sha256(b"".join(parts)).hexdigest()[:32].encode()
        parts.append(b"xref\n0 %d\n0000000000 65535 f \n%b" % (count, entries))
        parts.append(
            b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [<%b> <%b>] >>\nstartxref\n%d\n%%%%EOF\n"
            % (count, self._root, info, identity, identity, position)
        )
        return b"".join(parts)


def _stream(attributes: bytes, data: bytes, *, level: int = 6) -> bytes:
    packed = zlib.compress(data, level)
    return b"<< %b/Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (attributes, len(packed), packed)


def _text_string(text: str) -> bytes:
    """A text string for the document information: UTF-16 with its mark, as hexadecimal (section 7.9.2.2)."""
    return b"<feff" + text.encode("utf-16-be").hex().encode() + b">"
