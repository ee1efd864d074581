"""From `ladocs.toml` and variables to checked settings, with errors of one line. Called by `config.settings` alone."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from config.errors import OperatorError

PREFIX = "LADOCS_"
LEVEL = "__"
NOT_SETTINGS = frozenset({"LADOCS_HOME", "LADOCS_DEBUG"})

_Model = TypeVar("_Model", bound=BaseModel)


def toml(file: Path) -> dict[str, Any]:
    """The contents of a settings file."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise _stop(f"The settings file {file} cannot be read ({exc}): check the file and --home.") from exc
    except tomllib.TOMLDecodeError as exc:
        raise _stop(f'The settings file {file} is broken: {exc}. A line reads: name = "LA Documents".') from exc


def overlaid(values: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """`values` with what `LADOCS_SECTION__NAME` variables say put over them."""
    result = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS:
            section, *names = variable.removeprefix(PREFIX).split(LEVEL)
            _put(result, [section.lower(), *(name.lower() for name in names)], _value(variable, environ[variable]))
    return result


def checked(model: type[_Model], values: Mapping[str, Any]) -> _Model:
    """`values` as a `model`. Raises OperatorError for the first thing that is wrong, which names no value."""
    for key in _empty(values, ""):
        raise _stop(f"The setting {key} is empty: {_advice(model, key)}")
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        error = min(exc.errors(include_input=False, include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    key = _key(error["loc"])
    if error["type"] == "extra_forbidden":
        raise _stop(f"There is no setting called {key}: {_likely(model, key)}")
    if error["type"] == "missing":
        raise _stop(f"The setting {_first_missing(model, key)} is missing: {_advice(model, key)}")
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        raise _stop(f"{message}.")
    raise _stop(f"The setting {key} is wrong ({message[0].lower()}{message[1:]}): {_advice(model, key)}")


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting of `model` with its full name, in the order of the file."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from fields(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def good_value(field: FieldInfo) -> str:
    """A value, in TOML, that would do."""
    extra = field.json_schema_extra
    return str(extra["good"]) if isinstance(extra, dict) else ""


def _put(values: dict[str, Any], names: list[str], value: Any) -> None:
    for name in names[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            return  # the file holds a plain value where a table belongs: the check says so
        values = inner
    values[names[-1]] = value


def _value(variable: str, text: str) -> Any:
    """A variable's value: lists and tables are written as in TOML, all else is plain text."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as exc:
        raise _stop(f'The variable {variable} is broken: a list reads ["General", "SEND"].') from exc


def _empty(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, str) and not value.strip():
        yield key
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _empty(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _empty(inner, key)


def _key(location: tuple[int | str, ...]) -> str:
    """The setting's name: up to the first part that is an index or a type of pydantic's."""
    names: list[str] = []
    for part in location[:2]:
        if isinstance(part, int):
            break
        names.append(part)
    return ".".join(names)


def _first_missing(model: type[BaseModel], key: str) -> str:
    """`support` missing altogether is said by its first setting."""
    return next((name for name, _ in fields(model) if name == key or name.startswith(f"{key}.")), key)


def _advice(model: type[BaseModel], key: str) -> str:
    for name, field in fields(model):
        if name == key or name.startswith(f"{key}."):
            variable = PREFIX + name.upper().replace(".", LEVEL)
            return f"a good value is {name} = {good_value(field)} in ladocs.toml (or {variable})."
    return _likely(model, key)


def _likely(model: type[BaseModel], key: str) -> str:
    known = dict(fields(model))
    section, dot, _ = key.partition(".")
    if not dot:
        section = next(iter(difflib.get_close_matches(key, model.model_fields, 1)), key)
    close = difflib.get_close_matches(key, known, 1, 0.5) if dot else [name for name in known if name == section]
    name = close[0] if close else next((name for name in known if name.startswith(f"{section}.")), "service.name")
    return f"did you mean {name} = {good_value(known[name])}? docs/settings.md lists them all."


def _stop(message: str) -> OperatorError:
    return OperatorError(" ".join(message.split()), exit_status=2)
