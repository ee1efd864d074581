"""By which names the caller reached us: shown on the page at hand, never mailed and never trusted. Thread-safe."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import request

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Addresses:
    """`https_port` is where the drive is served, for whoever came by plain HTTP."""

    https_port: int

    def here(self) -> tuple[str, str]:
        """The host by which the caller reached us, and the address of the drive there.

        Whoever came by https came to the drive's own port; plain HTTP is served beside it.
        """
        match = _HOST.fullmatch(request.host)
        host, port = (match[1], match[2]) if match is not None else ("this-server", None)
        if request.scheme != "https":
            port = str(self.https_port)
        return host, f"https://{host}/" if port in (None, "443") else f"https://{host}:{port}/"
