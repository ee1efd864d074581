"""What Flask and werkzeug do unless told otherwise (docs/library-defaults.md)."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, session

import gateway.portal
from tests.portal.site import OURS, Site

EVIL = {"Host": "evil.example"}
FOLDER = Path(gateway.portal.__file__).parent


def test_nothing_can_be_kept_in_a_cookie_of_flasks(pages: Flask) -> None:
    with pages.test_request_context("/"), pytest.raises(RuntimeError, match="secret key"):
        session["name"] = "o.office"


@pytest.mark.parametrize("path", ["/", "/sign-in", "/account", "/link/x"])
def test_options_are_not_answered_by_themselves(site: Site, path: str) -> None:
    assert site.browser().open("OPTIONS", path, OURS).status_code == 405


@pytest.mark.parametrize("path", ["/account", "/colleagues"])
def test_a_redirection_goes_to_a_path_whatever_host_was_asked(site: Site, path: str) -> None:
    assert site.browser().get(path, EVIL).headers["Location"] == "/portal/sign-in"


@pytest.mark.parametrize("path", ["/account//password", "/link//x", "/sign-in/", "/account/codes//confirm"])
def test_no_address_is_mended_by_a_redirection(site: Site, path: str) -> None:
    answer = site.browser().get(path, EVIL)
    assert (answer.status_code, "Location" in answer.headers) == (404, False)


def test_a_form_of_many_fields_is_refused(site: Site) -> None:
    parts = "".join(f'--x\r\nContent-Disposition: form-data; name="f{number}"\r\n\r\n1\r\n' for number in range(51))
    answer = site.browser().send("/sign-in", f"{parts}--x--\r\n".encode(), "multipart/form-data; boundary=x")
    assert answer.status_code == 413


def test_every_template_is_of_the_kind_that_is_encoded() -> None:
    assert [file.name for file in (FOLDER / "templates").iterdir() if file.suffix != ".html"] == []


def test_no_template_marks_anything_as_safe() -> None:
    texts = {file.name: file.read_text() for file in (FOLDER / "templates").iterdir()}
    assert [name for name, text in texts.items() if "|safe" in text.replace(" ", "") or "autoescape" in text] == []


def test_a_style_sheet_is_asked_for_once_and_again_when_it_changes(site: Site) -> None:
    page = site.browser().get("/").text
    address = page.partition('<link rel="stylesheet" href="/portal')[2].partition('"')[0]
    with site.browser().get(address) as answer:
        assert "immutable" in answer.headers["Cache-Control"]
    with site.browser().get("/static/portal.css") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"


def test_browsers_come_by_https_from_now_on(site: Site) -> None:
    assert site.browser().get("/").headers["Strict-Transport-Security"] == "max-age=31536000"


def test_nobody_is_told_so_over_plain_http(site: Site) -> None:
    answer = site.browser().client.get("/", base_url="http://127.0.0.1:8080/portal")
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/sign-in", "/account", "/none", "/static/portal.css", "/link/x"])
def test_every_answer_carries_the_policy_of_the_pages(site: Site, path: str) -> None:
    with site.browser().get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    )
