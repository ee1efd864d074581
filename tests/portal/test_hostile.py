"""Whatever stands in a field or an address: an answer, encoded, and never a fault (HARDENING: protocols, pages)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from gateway.portal.visitor import COOKIE
from tests.portal.site import Browser, a_site
from tests.portal.test_routes import POSTS, ROUTES

FIELDS = ("name", "password", "code", "new", "again", "terms", "networks", "key", "done", "username", "token", "number")
HOSTILE = {
    "markup": "\"'><script>alert(1)</script><img src=x>",
    "a template": "{{7777*7777}}${7777*7777}{%print(7777*7777)%}{0.__class__}%s%n",
    "SQL": "'; DROP TABLE account; --",
    "lines": "a\r\nSet-Cookie: x=y\r\n\r\nb",
    "right to left": "\u202egnp.exe\u2066",
    "an emoji and a half": "\U0001f600\u0301" * 20,
    "nothing": "",
    "blanks": " \t\u3000\u00a0",
    "a NUL": "a\0b",
    "much": "x" * 20_000,
    "a path": "../../../../etc/passwd",
    "another script": "Пароль-密码-كلمة",
}


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headteacher who goes on being signed in: no act here succeeds in ending that."""
    with a_site(tmp_path_factory.mktemp("site")) as site:
        yield site.signed_in("h.head")


def asked(rule: str, text: str) -> str:
    """An address of this rule with `text` in its parts; numbers stay numbers."""
    for part in ("<token>", "<username>", "<path:filename>"):
        rule = rule.replace(part, quote(text, safe="") or "x")
    return rule.replace("<int:number>", str(2**70))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("rule", sorted(set(POSTS) - {"/sign-out"}))
def test_a_field_that_holds_anything_has_an_answer(head: Browser, rule: str, text: str) -> None:
    answer = head.post(asked(rule, "x"), **dict.fromkeys(FIELDS, text))
    assert (answer.status_code < 500, "<script" in answer.text, "60481729" in answer.text) == (True, False, False)
    assert {cookie.partition("=")[0] for cookie in answer.headers.getlist("Set-Cookie")} <= {COOKIE}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("method", "rule"), [pair for pair in ROUTES if "<" in pair[1]])
def test_an_address_that_holds_anything_has_an_answer(head: Browser, method: str, rule: str, text: str) -> None:
    path = asked(rule, text)
    answer = head.get(path) if method == "GET" else head.post(path)
    assert (answer.status_code < 500, "<script" in answer.text) == (True, False)
