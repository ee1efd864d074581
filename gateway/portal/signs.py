"""What the pages say about this service and about where the caller came in: one frozen value for the templates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Signs:
    """The service's name, whom to ask, and the ports that a client needs. All are shown to everyone."""

    service: str
    support_name: str
    support_phone: str
    support_mail: str
    support_hours: str
    https_port: int
    sftp_port: int
    host_key: str = ""
