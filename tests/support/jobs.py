"""A job by itself, whenever a test wants it."""

from __future__ import annotations

from datetime import datetime

from gateway import compose
from gateway.jobrunner import Run
from gateway.services import Services


def do(job: str, services: Services, at: datetime) -> str | None:
    """Do `job` of those that keep a home in order, at `at`; what a person has to see to."""
    return compose.works(services.core, services.vault, services.log)[job](Run(0, job, at, at))
