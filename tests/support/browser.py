"""A browser before the pages of a running server: HTTPS, the cookie, and the seal that each form carries."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from html import unescape
from http.client import HTTPSConnection
from urllib.parse import urlencode

from tests.support.county import HOST, County

COOKIE = "__Host-ladocs"
_TIMEOUT = 30.0


@dataclass(frozen=True)
class Shown:
    """What a page answered."""

    status: int
    location: str
    text: str

    @property
    def words(self) -> str:
        """The page's text without its markup."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.text)).split())


class Browser:
    """One browser at `place`. It follows nothing by itself."""

    def __init__(self, county: County, place: str = HOST, cookie: str = "") -> None:
        self.cookie = cookie
        self.seal = ""
        context = ssl.create_default_context(cafile=str(county.ca_file))
        self._connection = HTTPSConnection(
            HOST, county.https_port, timeout=_TIMEOUT, context=context, source_address=(place, 0)
        )

    def get(self, page: str) -> Shown:
        """The page `/portal/{page}`."""
        return self._ask("GET", page)

    def post(self, page: str, **fields: str) -> Shown:
        """A form of our own, sent."""
        return self._ask("POST", page, urlencode({**({"seal": self.seal} if self.seal else {}), **fields}))

    def sign_in(self, name: str, password: str, code: str) -> Shown:
        """The form of signing in, with all of it."""
        return self.post("sign-in", name=name, password=password, code=code)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, page: str, body: str | None = None) -> Shown:
        headers = {"Sec-Fetch-Site": "same-origin", "User-Agent": "Browser of the tests"}
        if self.cookie:
            headers["Cookie"] = f"{COOKIE}={self.cookie}"
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, f"/portal/{page}", body, headers)
        answer = self._connection.getresponse()
        shown = Shown(answer.status, answer.getheader("Location", ""), answer.read().decode())
        for given in answer.headers.get_all("Set-Cookie", []):
            if (match := re.match(rf"{COOKIE}=([^;]*)", given)) is not None:
                self.cookie = match[1]
        if (seal := re.search(r'name="seal" value="([^"]+)"', shown.text)) is not None:
            self.seal = seal[1]
        return shown
