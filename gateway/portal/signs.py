"""What the pages say about this service and about where the caller came in: one frozen value for the templates."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import Settings


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

    @classmethod
    def of(cls, settings: Settings, *, https_port: int, sftp_port: int) -> Signs:
        """From the settings and the ports that were really bound."""
        support = settings.support
        return cls(
            service=settings.service.name,
            support_name=support.name,
            support_phone=support.phone,
            support_mail=support.mail,
            support_hours=support.hours,
            https_port=https_port,
            sftp_port=sftp_port,
        )
