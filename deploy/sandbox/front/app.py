"""The front page of a sandbox: what runs, who to sign in as, the tour, documents, consoles and keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import pyotp
from flask import Flask, Response

from deploy.sandbox.plan import Plan
from deploy.sandbox.site import make_site
from deploy.services import SERVICES
from shared.access import PUBLIC_PAGE
from shared.app import register
from shared.clock import Clock
from shared.routes import Routes
from shared.web import gettext_noop, name_service, page

PACKAGE = "deploy.sandbox.front"
PROBE_SECONDS = 1.5
PARTS = {
    "identity": gettext_noop("signs people in, and tells services who they are"),
    "notify": gettext_noop("sends mails, texts, letters and mailbox messages"),
    "pay": gettext_noop("takes payments on its own pages"),
    "wallet": gettext_noop("asks people for consent, fetches facts, and shows who read what"),
    "inbox": gettext_noop("everything that left the suite"),
    "example": gettext_noop("a school that takes job applications"),
    "registry": gettext_noop("the civil registry, with a page to change a fact"),
    "banks": gettext_noop("Webpay, Khipu and Stripe as they are documented, to pay at"),
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the sandbox and whether it answers just now."""

    name: str
    url: str
    about: str
    is_up: bool


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A person to sign in as; `code` is the present one of a second factor."""

    name: str
    run: str
    password: str
    code: str
    note: str


def create_app(plan: Plan, *, http: httpx.Client, clock: Clock) -> Flask:
    """The front page; it looks at the others when it is opened."""
    app = make_site("front", PACKAGE, plan=plan, public_url=plan.urls.front, clock=clock)
    name_service(app, gettext_noop("Sandbox"))
    routes = Routes("pages", __name__, access=PUBLIC_PAGE)

    @routes.get("/")
    def home() -> Response:
        facts = read_facts(plan.folder / "sandbox.json")
        return page(
            "front/home.html", parts=look(plan, http), guests=guests(plan, clock), urls=plan.urls, keys=keys(facts), ready=bool(facts)
        )

    @routes.get("/performance")
    def performance() -> Response:
        """The open data of all four services together."""
        return page("front/performance.html", rows=gather(plan, http), urls=plan.urls)

    register(app, [routes])
    return app


def look(plan: Plan, http: httpx.Client) -> list[Part]:
    """Ask every part how it is, all at once."""
    addresses = asdict(plan.urls)

    def probe(name: str) -> Part:
        path = "/readyz" if name in SERVICES else "/healthz"
        try:
            is_up = http.get(addresses[name] + path, timeout=PROBE_SECONDS).status_code == 200
        except httpx.HTTPError:
            is_up = False
        return Part(name=name, url=addresses[name], about=PARTS[name], is_up=is_up)

    with ThreadPoolExecutor(len(PARTS)) as pool:
        return list(pool.map(probe, PARTS))


def gather(plan: Plan, http: httpx.Client) -> list[dict[str, Any]]:
    """The months of all four services' open data, as each publishes them; one that is away is left out."""
    addresses = asdict(plan.urls)

    def read(name: str) -> list[dict[str, Any]]:
        try:
            answer = http.get(addresses[name] + "/performance.json", timeout=PROBE_SECONDS)
            return list(answer.json()["months"]) if answer.status_code == 200 else []
        except (httpx.HTTPError, ValueError, KeyError):
            return []

    with ThreadPoolExecutor(len(SERVICES)) as pool:
        rows = [row for found in pool.map(read, SERVICES) for row in found]
    return sorted(rows, key=lambda row: (row["period"], row["component"]), reverse=True)


def guests(plan: Plan, clock: Clock) -> list[Guest]:
    """Everybody one may sign in as, citizens first."""
    now = clock.now()
    citizens = [(person.run, person.name, person.password, person.totp_secret, person.note) for person in plan.citizens]
    staff = [(person.run, person.name, person.password, person.totp_secret, ", ".join(person.roles)) for person in plan.staff]
    return [
        Guest(run=run, name=name, password=password, code=pyotp.TOTP(secret).at(now) if secret else "", note=note)
        for run, name, password, secret, note in citizens + staff
    ]


def keys(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The keys a developer copies first: label and value."""
    found = []
    for service in ("notify", "pay"):
        for kind, key in facts.get(service, {}).get("api_keys", {}).items():
            found.append((f"{service} · {kind}", str(key)))
    web = facts.get("identity", {}).get("clients", {}).get("web")
    if web:
        found += [("identity · client_id", str(web["client_id"])), ("identity · client_secret", str(web["client_secret"]))]
    return found


def read_facts(path: Path) -> Mapping[str, Any]:
    """The content of sandbox.json, empty while the sandbox is still starting."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
