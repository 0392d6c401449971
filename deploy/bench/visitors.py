"""A person's browser for loads: cookies, redirects and the first form that fits, over one plain connection.

`deploy/journey` walks as carefully as a person does; this walks as fast as it can, the same way at every server.
"""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from deploy.bench.load import raw_request
from deploy.bench.wire import Answer, Wire

FORM = "application/x-www-form-urlencoded"
STEPS_MAX = 12
OK = 200
_FORMS = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_INPUTS = re.compile(r"<input\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


class Lost(Exception):
    """A walk did not end with a code; the text says where."""


@dataclass(frozen=True)
class Door:
    """Where people come in at one server: the whole authorization request, and what redeems a code; `kept` cookies outlast a sign-in."""

    authorization: str
    callback: str
    token_endpoint: str
    redeeming: Mapping[str, str] = field(repr=False)
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filled:
    """A form that is ready to be sent, as often as one likes."""

    url: str
    fields: Mapping[str, str] = field(repr=False)


class Visitor:
    """One person at one browser; `typed` is what this person types into fields of these names, `address` where an edge would say it is."""

    address = ""

    def __init__(self, door: Door, typed: Mapping[str, str]) -> None:
        self.door, self.typed = door, typed
        parts = urlsplit(door.authorization)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._wire = Wire(parts.hostname or "", parts.port or 80)
        self._cookies: dict[str, str] = {}

    def sign_in(self) -> str:
        """Come as somebody who is not signed in, in a browser that is known where the server knows browsers, and return the code.

        Raises: Lost, OSError.
        """
        self._cookies = {name: value for name, value in self._cookies.items() if name in self.door.kept}
        return self.authorize()

    def authorize(self) -> str:
        """Ask for a code with the cookies there are, and fill in what comes.  Raises: Lost, OSError."""
        url, answer = self._settle(self.door.authorization, self._get(self.door.authorization))
        for _ in range(STEPS_MAX):
            if url.startswith(self.door.callback):
                return self._code(url)
            filled = self.read_form(url, answer)
            url, answer = self._settle(filled.url, self.send_form(filled))
        raise Lost(f"the sign-in does not come to an end at {url[:200]}")

    def come_to_form(self) -> Filled:
        """Come without a session, and return the sign-in form filled in.  Raises: Lost, OSError."""
        self._cookies = {name: value for name, value in self._cookies.items() if name in self.door.kept}
        return self.read_form(*self._settle(self.door.authorization, self._get(self.door.authorization)))

    def read_form(self, url: str, answer: Answer) -> Filled:
        """Fill in the first form that asks what this person knows, or else the first there is.  Raises: Lost."""
        forms = [form for form in read_forms(url, answer.body.decode("utf-8", "replace")) if form.fields]
        if not forms:
            raise Lost(f"{url[:200]} answered {answer.status} and has no form")
        form = next((form for form in forms if self.typed.keys() & form.fields.keys()), forms[0])
        return Filled(form.url, {**form.fields, **{name: value for name, value in self.typed.items() if name in form.fields}})

    def send_form(self, filled: Filled) -> Answer:
        """Press the button once.  Raises: OSError."""
        headers = {"Content-Type": FORM, "Origin": self._origin, **self._cookie()}
        return self._keep(self._wire.send(raw_request("POST", filled.url, headers, urlencode(filled.fields).encode())))

    def redeem(self, code: str) -> Mapping[str, str]:
        """Exchange the code as the client does, over the same connection, and return the tokens.  Raises: Lost, OSError."""
        body = urlencode({**self.door.redeeming, "code": code}).encode()
        answer = self._wire.send(raw_request("POST", self.door.token_endpoint, {"Content-Type": FORM}, body))
        if answer.status != OK:
            raise Lost(f"the code was answered with {answer.status}: {answer.body[:200]!r}")
        tokens: Mapping[str, str] = json.loads(answer.body)
        return tokens

    def leave(self) -> None:
        """Close the browser."""
        self._wire.close()

    def _get(self, url: str) -> Answer:
        return self._keep(self._wire.send(raw_request("GET", url, {"Accept": "text/html", **self._cookie()})))

    def _settle(self, url: str, answer: Answer) -> tuple[str, Answer]:
        """Follow redirects up to a page, or to the service."""
        for _ in range(STEPS_MAX):
            if not 300 <= answer.status < 400:
                return url, answer
            url = urljoin(url, answer.header("location"))
            if url.startswith(self.door.callback):
                return url, answer
            answer = self._get(url)
        raise Lost(f"{url[:200]} leads round in circles")

    def _code(self, url: str) -> str:
        found = parse_qs(urlsplit(url).query)
        if "code" not in found:
            raise Lost(f"the service was told {found.get('error')}")
        return found["code"][0]

    def _cookie(self) -> dict[str, str]:
        from_where = {"X-Forwarded-For": self.address} if self.address else {}
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {**from_where, "Cookie": cookies} if cookies else from_where

    def _keep(self, answer: Answer) -> Answer:
        for name, value in answer.headers:
            if name == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                if content.strip('"'):
                    self._cookies[cookie] = content
                else:
                    self._cookies.pop(cookie, None)
        return answer


def read_forms(url: str, markup: str) -> list[Filled]:
    """Return the forms of a page that are sent by POST, with what they came with."""
    found = []
    for head, inside in _FORMS.findall(markup):
        about = dict(_ATTRIBUTE.findall(head))
        if about.get("method", "get").lower() == "post":
            inputs = [dict(_ATTRIBUTE.findall(one)) for one in _INPUTS.findall(inside)]
            fields = {one["name"]: html.unescape(one.get("value", "")) for one in inputs if "name" in one}
            found.append(Filled(urljoin(url, html.unescape(about.get("action", url))), fields))
    return found
