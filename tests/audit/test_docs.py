"""`docs/audit-format.md` names all there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.audit.chain import _ADVISORY_LOCK
from policy.audit.events import Result
from policy.audit.models import AuditBatch, AuditRecord

TEXT = (Path(__file__).parents[2] / "docs" / "audit-format.md").read_text()
COLUMNS = [column.name for table in (AuditRecord, AuditBatch) for column in table.__table__.columns]


@pytest.mark.parametrize("word", [*Result, *COLUMNS, str(_ADVISORY_LOCK)])
def test_the_format_page_names(word: str) -> None:
    assert f"`{word}`" in TEXT or f"({word})" in TEXT
