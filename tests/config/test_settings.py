"""Settings: what stops the start, what a variable overrides, and that the page names them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from config import settings_page
from config.errors import OperatorError
from config.reading import LEVEL, PREFIX, fields, good_value
from config.settings import Settings
from tests.support.home import SETTINGS

GOOD = f'{SETTINGS}[operators]\namy = "amy.officer"\n'
ALL = dict(fields(Settings))
ONE = '{ version = "2026-1", from = 2026-09-01, file = "2026-1.md" }'
EARLIER = '{ version = "2025-1", from = 2026-09-01, file = "2025-1.md" }'


def load(home: Path, text: str = GOOD, **environ: str) -> Settings:
    (home / "ladocs.toml").write_text(text)
    return Settings.load(home, environ)


def refusal(home: Path, text: str = GOOD, **environ: str) -> str:
    with pytest.raises(OperatorError) as caught:
        load(home, text, **environ)
    assert caught.value.exit_status == 2
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("change", "to", "names", "good"),
    [
        ('phone = "01629 536797"', "", "support.phone is missing", "support.phone ="),
        ('phone = "01629 536797"', 'phone = ""', "support.phone is empty", "support.phone ="),
        ('phone = "01629 536797"', 'phone = "  "', "support.phone is empty", "support.phone ="),
        ('phone = "01629 536797"', r'phone = "01629\n536797"', "support.phone is wrong", "support.phone ="),
        ('name = "LA Documents"', r'name = "LA Documents\r\n"', "service.name is wrong", "service.name ="),
        ('phone = "01629 536797"', 'phone = "1"\nfone = "1"', "no setting called support.fone", "support.phone"),
        ("[service]", '[servis]\nname = "x"\n[service]', "no setting called servis", "service.name"),
        ('[keys]\ndir = "keys"', "", "keys.dir is missing", "keys.dir ="),
        ("[keys]", "[serve]\nsftp_port = 70000\n[keys]", "serve.sftp_port is wrong", "serve.sftp_port = 2222"),
        ("[keys]", '[serve]\nsftp_port = "x"\n[keys]', "serve.sftp_port is wrong", "serve.sftp_port = 2222"),
        ("[keys]", '[months]\nwindow = "lunar"\n[keys]', "months.window is wrong", 'months.window = "rolling"'),
        ("[keys]", '[serve]\ntrusted_proxies = ["x"]\n[keys]', "serve.trusted_proxies is wrong", "10.0.0.5/32"),
        ("[keys]", '[serve]\nhttp_port = 80\nhttp_host = "0.0.0.0"\n[keys]', "serve.http_host", "127.0.0.1"),
        ("[keys]", "[password]\nminimum = 8\n[keys]", "password.minimum is wrong", "password.minimum = 12"),
        ("[keys]", "[password]\nmemory_kib = 1024\n[keys]", "password.memory_kib is wrong", "= 19456"),
        (
            "[keys]",
            f"[agreement]\nversions = [{ONE}, {ONE}]\n[keys]",
            "two versions are called 2026-1",
            "call one 2026-2",
        ),
        ("[keys]", f"[agreement]\nversions = [{ONE}, {EARLIER}]\n[keys]", "not from a later day", "agreement.versions"),
        ("[keys]", "[agreement]\nversions = []\n[keys]", "agreement.versions is wrong", 'version = "2026-1", from ='),
        ("[keys]", '[agreement]\nversions = [{ version = "a b" }]\n[keys]', "agreement.versions is wrong", "from ="),
        ("[keys]", "[agreement]\nschool_days = 1\n[keys]", "agreement.school_days is wrong", "school_days = 30"),
        ("[service]", "categories = []\n[service]", "categories is wrong", "categories = ["),
        ("[service]", 'categories = [""]\n[service]', "categories is empty", "categories = ["),
        ("[service]", "keys = 3\n[service]", "is broken", "name ="),
        ('name = "LA Documents"', 'name = "LA Documents', "is broken", "name ="),
    ],
)
def test_what_is_unknown_missing_empty_or_wrong_stops_with_its_name_and_a_good_value(
    tmp_path: Path, change: str, to: str, names: str, good: str
) -> None:
    assert change in GOOD
    message = refusal(tmp_path, GOOD.replace(change, to, 1))
    assert names in message and good in message


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"ladocs\.toml cannot be read"):
        Settings.load(tmp_path, {})


def test_a_variable_goes_before_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, LADOCS_AUTH__MFA_TRUST_HOURS="0").auth.mfa_trust_hours == 0


def test_a_list_in_a_variable_reads_as_in_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, LADOCS_CATEGORIES='["General"]').categories == ("General",)


def test_a_variable_that_names_no_setting_stops_the_start(tmp_path: Path) -> None:
    assert "serve.sftp_prot" in refusal(tmp_path, LADOCS_SERVE__SFTP_PROT="1")


def test_an_empty_variable_stops_the_start(tmp_path: Path) -> None:
    assert "serve.sftp_port is empty" in refusal(tmp_path, LADOCS_SERVE__SFTP_PORT="")


def test_the_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, LADOCS_HOME="/x", LADOCS_DEBUG="1").service.name == "LA Documents"


def test_a_wrong_value_is_never_shown(tmp_path: Path) -> None:
    assert "hunter2" not in refusal(tmp_path, LADOCS_DATABASE="hunter2")


def test_plain_http_can_be_switched_off_by_a_variable(tmp_path: Path) -> None:
    text = GOOD + "[serve]\nhttp_port = 8080\n"
    assert load(tmp_path, text, LADOCS_SERVE__HTTP_PORT="off").serve.http_port is None


def test_the_key_folder_starts_at_the_home(tmp_path: Path) -> None:
    assert load(tmp_path).keys.dir == tmp_path / "keys"


def test_both_databases_lie_in_the_home_by_default(tmp_path: Path) -> None:
    settings = load(tmp_path)
    urls = (settings.main_url(tmp_path), settings.record_url(tmp_path))
    assert urls == (f"sqlite:///{tmp_path}/ladocs.db", f"sqlite:///{tmp_path}/record.db")


def test_on_a_server_the_record_shares_the_database_unless_told_otherwise(tmp_path: Path) -> None:
    settings = load(tmp_path, LADOCS_DATABASE__URL="postgresql://u@h/d")
    assert settings.record_url(tmp_path) == "postgresql://u@h/d"


@pytest.mark.parametrize("name", ALL)
def test_no_setting_can_be_changed_afterwards(tmp_path: Path, name: str) -> None:
    owner: Any = load(tmp_path)
    *sections, last = name.split(".")
    for section in sections:
        owner = getattr(owner, section)
    with pytest.raises(ValueError, match="frozen"):
        setattr(owner, last, None)


def test_operators_cannot_be_added_afterwards(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        load(tmp_path).operators["eve"] = "amy.officer"  # type: ignore[index]


TOGETHER = {"mail.username": ("mail.password_file",), "mail.password_file": ("mail.username",)}


@pytest.mark.parametrize("name", ALL)
def test_the_good_value_of_each_setting_is_accepted(tmp_path: Path, name: str) -> None:
    values: dict[str, Any] = {}
    import tomllib

    wanted = {name, *TOGETHER.get(name, ())}
    for line in [f"{key} = {good_value(field)}" for key, field in ALL.items() if key in wanted or field.is_required()]:
        for key, value in tomllib.loads(line).items():
            values.setdefault(key, {}).update(value) if isinstance(value, dict) else values.update({key: value})
    Settings.of(values)


@pytest.mark.parametrize("name", ALL)
def test_each_setting_has_a_meaning_and_a_unit_where_its_name_asks_for_one(name: str) -> None:
    field = ALL[name]
    extra = field.json_schema_extra
    assert field.description and field.description.endswith(".") and isinstance(extra, dict)
    if name.endswith(("_seconds", "_bytes", "_hours", "_kib")):
        assert extra["unit"]


@pytest.mark.parametrize("name", ALL)
def test_an_empty_variable_for_any_setting_names_it(tmp_path: Path, name: str) -> None:
    variable = PREFIX + name.upper().replace(".", LEVEL)
    assert f"{name} is empty" in refusal(tmp_path, **{variable: ""})


def test_the_page_is_what_the_settings_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text() == settings_page.page(), "run: python -m config.settings_page > docs/settings.md"


@pytest.mark.parametrize("name", ALL)
def test_every_setting_stands_on_the_page(name: str) -> None:
    assert f"| `{name}` |" in settings_page.page()


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12) | st.integers() | st.booleans(), max_size=4))
def test_no_input_raises_anything_but_one_line(values: dict[str, Any]) -> None:
    with pytest.raises(OperatorError) as caught:
        Settings.of(values)
    assert "\n" not in str(caught.value)


def test_every_section_forbids_what_it_does_not_know() -> None:
    sections = [f.annotation for f in Settings.model_fields.values() if isinstance(f.annotation, type)]
    models = [s for s in sections if issubclass(s, BaseModel)]
    assert models and all(model.model_config.get("extra") == "forbid" for model in models)


def test_the_texts_of_the_agreement_start_at_the_home(tmp_path: Path) -> None:
    settings = load(tmp_path, f"{GOOD}[agreement]\nversions = [{ONE}]\n")
    assert [text.file for text in settings.agreement.versions] == [tmp_path / "2026-1.md"]
