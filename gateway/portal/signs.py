"""What the pages say about this service and about where the caller came in: one frozen value for the templates."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.about import Contact


@dataclass(frozen=True, kw_only=True, slots=True)
class Signs:
    """Whom to ask, and the ports that were really bound. All are shown to everyone."""

    contact: Contact
    https_port: int
    sftp_port: int
