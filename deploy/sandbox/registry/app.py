"""The civil registry of the sandbox, and registers of companies and courts: outside the suite, with a page to change a fact."""

from __future__ import annotations

import httpx
from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from deploy.sandbox.people import Citizen
from deploy.sandbox.plan import Plan
from deploy.sandbox.registry.api import build_api, build_entries_api
from deploy.sandbox.registry.consent_tokens import ConsentTokens
from deploy.sandbox.registry.entries import CHILD, ELDER, ORPHAN, Book, Entry, first_entries, of_company, of_person
from deploy.sandbox.registry.keys import PublishedKeys
from deploy.sandbox.registry.mandates import IssuerKeys, build_mandates
from deploy.sandbox.registry.persons import Person, Persons
from deploy.sandbox.site import make_site
from shared.access import PUBLIC_PAGE
from shared.app import register
from shared.auth import TokenVerifier
from shared.clock import Clock
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext_noop, name_service, page

NEWCOMER = Person(run="7654321-6", full_name="Rosa Elena Quilodrán Pino", born_on="1960-05-01", document_number="A000007654", given_count=2)
"""Somebody without an account, for the counter to activate."""
PACKAGE = "deploy.sandbox.registry"


def create_app(plan: Plan, *, http: httpx.Client, clock: Clock) -> Flask:
    """The registry over its file in the sandbox's folder."""
    app = make_site("registry", PACKAGE, plan=plan, public_url=plan.urls.registry, clock=clock)
    name_service(app, gettext_noop("Civil registry (sandbox)"))
    persons = Persons(plan.folder / "registry" / "persons.json", _citizens(plan))
    keys = PublishedKeys(f"{plan.urls.wallet}/.well-known/jwks.json", client=http, now=clock.now)
    app.extensions["wallet_keys"] = keys
    tokens = ConsentTokens(issuer=plan.urls.wallet, audience=plan.urls.registry, keys=keys, now=clock.now)
    issuer_keys = IssuerKeys(PublishedKeys(f"{plan.issuer}/jwks", client=http, now=clock.now))
    verifier = TokenVerifier(issuer_keys, clock, issuer=plan.issuer, audience=plan.urls.registry)
    books = _books(plan, persons)
    apis = [build_api(persons, tokens, clock.now), build_entries_api(books), build_mandates(books, persons, verifier)]
    register(app, [*apis, _pages(persons, books)])
    return app


def _books(plan: Plan, persons: Persons) -> dict[str, Book]:
    """The registers of who may act for whom, by their places in addresses."""
    first, second = plan.citizens[0].run, plan.citizens[1].run
    shown = {"companies": of_company, "families": of_person(persons), "courts": of_person(persons)}
    entries = first_entries(first, second)
    return {place: Book(plan.folder / "registry" / f"{place}.json", found, shown[place]) for place, found in entries.items()}


def _citizens(plan: Plan) -> list[Person]:
    """Those who sign in, and those for whom others act."""
    return [
        CHILD,
        ORPHAN,
        ELDER,
        NEWCOMER,
        *(_person(citizen) for citizen in plan.citizens),
    ]


def _person(citizen: Citizen) -> Person:
    return Person(
        run=citizen.run,
        full_name=citizen.name,
        born_on=citizen.birth_date,
        document_number=f"A{int(citizen.run[:4]):09}",
        given_count=len(citizen.given_names),
    )


def _pages(persons: Persons, books: dict[str, Book]) -> Routes:
    routes = Routes("pages", __name__, access=PUBLIC_PAGE)

    @routes.get("/")
    def home() -> Response:
        return redirect(url_for("pages.admin"), 303)

    @routes.get("/admin")
    def admin() -> Response:
        changed = persons.find(request.args.get("changed", ""))
        entries = {place: [(*_principal(persons, one), one, in_force) for one, in_force in book.all()] for place, book in books.items()}
        return page("registry/admin.html", persons=persons.all(), changed=changed, entries=entries)

    @routes.post("/admin/persons/<run>")
    def change(run: str) -> Response:
        if persons.change(run, has_record=request.form.get("has_record") == "yes") is None:
            raise NotFound("This person is not in the register.")
        return redirect(url_for("pages.admin", changed=run), 303)

    @routes.post("/admin/persons/<run>/events")
    def enter_event(run: str) -> Response:
        name = " ".join(request.form.get("full_name", "").split())[:200]
        person = persons.find(run)
        if person is None or not name:
            raise NotFound("This person is not in the register.")
        persons.record(run, full_name=name, alive=request.form.get("event") != "death")
        return redirect(url_for("pages.admin", changed=run), 303)

    @routes.post("/admin/<any(companies, families, courts):place>/<entry>")
    def change_entry(place: str, entry: str) -> Response:
        if books[place].set_in_force(entry, in_force=request.form.get("in_force") == "yes") is None:
            raise NotFound("This entry is not in the register.")
        return redirect(url_for("pages.admin"), 303)

    return routes


def _principal(persons: Persons, entry: Entry) -> tuple[str, str]:
    """Return name and number of whom an entry is for."""
    person = persons.find(entry.principal)
    return (person.full_name, person.run) if person else (entry.name, entry.rut)
