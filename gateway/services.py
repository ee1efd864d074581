"""What the doors are given: one frozen bundle, built once a process by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from auth.authenticator import Authenticator
from auth.verified import VerifiedDevices
from config.database import Database
from config.entropy import Entropy
from config.secrets import Secrets
from config.settings import Settings
from gateway.clockguard import GuardedClock
from gateway.core import Core
from gateway.credentials import OwnCredentials
from gateway.enrolment import Enrolment
from gateway.publishing import Publisher
from gateway.session import Sessions
from gateway.vault.vault import Vault
from policy.audit.grants import Grants
from policy.audit.log import AuditLog
from policy.audit.strangers import Strangers
from policy.doors import PolicyDoors


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Everything a worker process holds. Thread-safe; not to be carried across a fork."""

    core: Core
    settings: Settings
    clock: GuardedClock
    entropy: Entropy
    database: Database
    secrets: Secrets
    log: AuditLog
    grants: Grants
    strangers: Strangers
    vault: Vault
    authenticator: Authenticator
    doors: PolicyDoors
    verified: VerifiedDevices
    enrolment: Enrolment
    own: OwnCredentials
    sessions: Sessions
    publisher: Publisher
