"""docs/settings.md, made of the settings themselves: `python -m config.settings_page > docs/settings.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.reading import fields, good_value
from config.settings import Settings

HEAD = """\
# Settings

All settings stand in `ladocs.toml` in the home, which `ladocs init` writes. A variable goes before the file:
`LADOCS_AUTH__MFA_TRUST_HOURS=0` overrides `auth.mfa_trust_hours`, with two underscores between the levels; lists and
tables are written there as in the file. `LADOCS_HOME` names the home itself, and `LADOCS_DEBUG=1` shows the traceback
of an unexpected fault; these two are not settings.

A setting that is unknown, missing, empty or wrong stops the start with one line that names it and a good value. A
change acts at the next start of `ladocs serve`. Times of day are Europe/London.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_tables(Settings), ""])


def _tables(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield f"## `[{name}]`\n\n{' '.join((section.__doc__ or '').split())}\n"
            yield _table(list(fields(section, f"{name}.")))
        else:
            yield f"## `{name}`\n"
            yield _table([(name, field)])


def _table(rows: list[tuple[str, FieldInfo]]) -> str:
    lines = ["| setting | meaning | unit | default | for example |", "|---|---|---|---|---|"]
    for name, field in rows:
        extra = field.json_schema_extra
        unit = str(extra["unit"]) if isinstance(extra, dict) else ""
        example = f"`{good_value(field)}`"
        lines.append(f"| `{name}` | {field.description} | {unit} | {_default(field)} | {example} |")
    return "\n".join([*lines, ""])


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and extra["shown"]:
        return str(extra["shown"])
    if field.default is PydanticUndefined:
        return "none: must be given"
    value = field.default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


if __name__ == "__main__":
    sys.stdout.write(page())
