"""What the doors are given: one frozen bundle, built once a process by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from auth.authenticator import Authenticator
from auth.verified import VerifiedDevices
from config.clock import Clock
from config.database import Database
from config.entropy import Entropy
from config.secrets import Secrets
from config.settings import Settings
from gateway.publishing import Publisher
from gateway.session import Sessions
from gateway.vault.vault import Vault
from policy.audit.grants import Grants
from policy.audit.log import AuditLog


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Everything a worker process holds. Thread-safe; not to be carried across a fork."""

    settings: Settings
    clock: Clock
    entropy: Entropy
    database: Database
    secrets: Secrets
    log: AuditLog
    grants: Grants
    vault: Vault
    authenticator: Authenticator
    verified: VerifiedDevices
    sessions: Sessions
    publisher: Publisher
