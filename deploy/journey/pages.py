"""A person's browser without script: reads pages, fills in their forms by the fields they have, follows where they lead.

Nothing here knows a page of the suite; a form is found by a field in it and sent with every field it came with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

REDIRECTS_MAX = 20
_VOID_TYPES = frozenset({"submit", "button", "image", "reset"})
_SILENT = frozenset({"script", "style", "template", "head"})


class PageFault(Exception):
    """A page is not what a person was promised; the text is one sentence for the one who runs the journey."""


@dataclass(frozen=True, kw_only=True)
class Button:
    """A button of a form; its name and value are sent when it is pressed."""

    name: str
    value: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form as the page holds it, with the values it came with."""

    action: str
    method: str
    fields: Mapping[str, str]
    kinds: Mapping[str, str]
    autocomplete: Mapping[str, str]
    buttons: tuple[Button, ...]

    def field_for(self, autocomplete: str) -> str | None:
        """The name of the field with this standard autocomplete value."""
        return next((name for name, value in self.autocomplete.items() if value == autocomplete), None)


@dataclass(kw_only=True)
class _Draft:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    autocomplete: dict[str, str] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)

    def form(self) -> Form:
        return Form(
            action=self.action,
            method=self.method,
            fields=self.fields,
            kinds=self.kinds,
            autocomplete=self.autocomplete,
            buttons=tuple(self.buttons),
        )


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page a person looks at; `text` is what can be read, `forms` those inside the main part first."""

    url: str
    status: int
    language: str
    heading: str
    text: str
    forms: tuple[Form, ...]
    links: tuple[tuple[str, str], ...]
    content_type: str = "text/html"

    def form_with(self, test: Callable[[Form], bool], *, what: str) -> Form:
        """The first form that passes. Raises: PageFault."""
        found = next((form for form in self.forms if test(form)), None)
        if found is None:
            raise PageFault(f'the page "{self.heading}" at {self.url} has no form {what}')
        return found

    def link_to(self, test: Callable[[str], bool]) -> str | None:
        """The first address that passes."""
        return next((href for href, _ in self.links if test(href)), None)


class _Reader(HTMLParser):
    """Collects what a person could read, press and follow."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url = url
        self.language = ""
        self.text: list[str] = []
        self.heading: list[str] = []
        self.links: list[tuple[str, list[str]]] = []
        self.main_forms: list[_Draft] = []
        self.other_forms: list[_Draft] = []
        self._form: _Draft | None = None
        self._in: dict[str, int] = {}
        self._button: tuple[str, str, list[str]] | None = None
        self._option: tuple[str, bool] | None = None
        self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value if value is not None else "" for name, value in attrs}
        if tag in {"main", "h1", "a"} or tag in _SILENT:
            self._in[tag] = self._in.get(tag, 0) + 1
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag == "a" and "href" in given:
            self.links.append((urljoin(self.url, given["href"]), []))
        elif tag == "form":
            self._form = _Draft(action=urljoin(self.url, given.get("action") or self.url), method=given.get("method", "get").lower())
            (self.main_forms if self._in.get("main") else self.other_forms).append(self._form)
        elif self._form is not None:
            self._control(tag, given, self._form)

    def _control(self, tag: str, given: dict[str, str], form: _Draft) -> None:
        name = given.get("name", "")
        if tag == "input":
            self._input(name, given, form)
        elif tag == "button":
            self._button = (name, given.get("value", ""), [])
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in given or self._select not in form.fields:
                form.fields[self._select] = given.get("value", "")
        elif tag == "textarea" and name:
            self._area, form.fields[name] = name, ""

    def _input(self, name: str, given: dict[str, str], form: _Draft) -> None:
        kind = given.get("type", "text").lower()
        if kind in _VOID_TYPES:
            form.buttons.append(Button(name=name, value=given.get("value", ""), text=given.get("value", "")))
        elif name and "disabled" not in given:
            form.kinds.setdefault(name, kind)
            if given.get("autocomplete"):
                form.autocomplete[name] = given["autocomplete"]
            if kind not in {"checkbox", "radio"}:
                form.fields[name] = given.get("value", "")
            elif "checked" in given:
                form.fields[name] = given.get("value") or "on"

    def handle_endtag(self, tag: str) -> None:
        if self._in.get(tag):
            self._in[tag] -= 1
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""
        elif tag == "button" and self._button is not None:
            name, value, words = self._button
            if self._form is not None:
                self._form.buttons.append(Button(name=name, value=value, text=_squeeze(words)))
            self._button = None

    def handle_data(self, data: str) -> None:
        if any(self._in.get(tag) for tag in _SILENT):
            return
        self.text.append(data)
        if self._in.get("h1"):
            self.heading.append(data)
        if self._in.get("a") and self.links:
            self.links[-1][1].append(data)
        if self._button is not None:
            self._button[2].append(data)
        if self._area and self._form is not None:
            self._form.fields[self._area] += data


def read_page(url: str, status: int, markup: str, content_type: str = "text/html") -> Page:
    """Take a page apart."""
    reader = _Reader(url)
    reader.feed(markup)
    reader.close()
    return Page(
        url=url,
        status=status,
        language=reader.language,
        heading=_squeeze(reader.heading),
        text=_squeeze(reader.text),
        forms=tuple(draft.form() for draft in reader.main_forms + reader.other_forms),
        links=tuple((href, _squeeze(words)) for href, words in reader.links),
        content_type=content_type,
    )


class Browser:
    """One person's browser: a cookie jar, a language, and the page it is on.

    `stop_at` are addresses that are not followed, only noted: the return addresses of a service that is played by the caller.
    """

    def __init__(self, client: httpx.Client, *, language: str, stop_at: tuple[str, ...] = ()) -> None:
        self._client = client
        self._headers = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": language}
        self.stop_at = stop_at

    def open(self, url: str) -> Page:
        """Raises: PageFault when the page answers with an error or leads round in circles."""
        return self._follow(self._client.build_request("GET", url, headers=self._headers))

    def get_json(self, url: str) -> Any:
        """Read an address of the same session as a program would.  Raises: PageFault."""
        answer = self._client.get(url, headers={**self._headers, "Accept": "application/json"})
        if answer.status_code != 200:
            raise PageFault(f"GET {url} answered {answer.status_code}")
        return answer.json()

    def submit(self, page: Page, form: Form, values: Mapping[str, str], *, button: Button | None = None) -> Page:
        """Send a form with every field it came with, changed by `values`, as pressing `button` does."""
        unknown = [name for name in values if name not in form.fields and name not in form.kinds]
        if unknown:
            raise PageFault(f'the form of the page "{page.heading}" has no field {", ".join(unknown)}')
        data = {**form.fields, **values}
        if button is not None and button.name:
            data[button.name] = button.value
        headers = {**self._headers, "Referer": page.url}
        if form.method == "post":
            parts = urlsplit(page.url)
            headers["Origin"] = f"{parts.scheme}://{parts.netloc}"
            return self._follow(self._client.build_request("POST", form.action, data=data, headers=headers))
        return self._follow(self._client.build_request("GET", form.action, params=data, headers=headers))

    def _follow(self, request: httpx.Request) -> Page:
        for _ in range(REDIRECTS_MAX):
            answer = self._client.send(request)
            if not answer.is_redirect:
                return self._read(answer)
            target = urljoin(str(answer.url), answer.headers["location"])
            if any(_same_address(target, stop) for stop in self.stop_at):
                return replace(read_page(target, answer.status_code, ""), heading="(returned to the service)")
            request = self._client.build_request("GET", target, headers=self._headers)
        raise PageFault(f"{request.url} leads round in circles")

    def _read(self, answer: httpx.Response) -> Page:
        content_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        markup = answer.text if content_type == "text/html" else ""
        page = read_page(str(answer.url), answer.status_code, markup, content_type)
        if answer.status_code >= 400 and not page.forms:
            said = page.heading or answer.text[:200]
            raise PageFault(f"{answer.request.method} {answer.url} answered {answer.status_code}: {said}")
        return page


def _same_address(target: str, stop: str) -> bool:
    one, other = urlsplit(target), urlsplit(stop)
    return (one.scheme, one.netloc, one.path) == (other.scheme, other.netloc, other.path)


def _squeeze(words: list[str]) -> str:
    return " ".join(" ".join(words).split())
