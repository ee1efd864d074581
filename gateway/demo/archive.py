"""ZIP files with a handed-in date, so that the same parts give the same bytes.

Called by the DOCX and XLSX writers and for archives as such. Pure; thread-safe.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from datetime import date

Part = tuple[str, bytes]
_REGULAR_FILE = 0o100644 << 16


def zip_of(parts: Iterable[Part], day: date, *, compress: bool = True) -> bytes:
    """The parts (path, bytes) in their order, all dated nine o'clock of `day`; `compress=False` stores them."""
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for path, data in parts:
            entry = zipfile.ZipInfo(path, (day.year, day.month, day.day, 9, 0, 0))
            entry.compress_type = method
            entry.create_system = 3
            entry.external_attr = _REGULAR_FILE
            archive.writestr(entry, data)
    return buffer.getvalue()
