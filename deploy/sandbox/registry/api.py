"""The civil registry's interface for other bodies.

POST /v1/police-record   consent token; {"run", "fields": […]} → {"as_of", "fields": {…}}; 404 when not in the register
GET  /v1/persons/<run>   the public card of a person: name and whether alive; no record, no birth date
POST /v1/identity-check  {"run", "document_number"} → {"match", "given_names", "family_names", "born_on", "alive", "document_valid",
                         "issued_on", "expires_on"}
GET  /v1/changes?after=  what happened to whom, by number: new names, or death
POST /v1/companies/entries         {"run"} → {"entries": […]}: for which companies the person may act
GET  /v1/companies/changes?after=  what became of which entry, by number
                                   and the same at /v1/families (for which children) and /v1/courts (for whom by a court's order)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Response, jsonify, request

from deploy.sandbox.registry.consent_tokens import Ask, ConsentTokens, Refusal
from deploy.sandbox.registry.entries import Book
from deploy.sandbox.registry.keys import KeysUnavailable
from deploy.sandbox.registry.persons import FIELDS, Persons, police_record
from shared.access import PUBLIC
from shared.clock import rfc3339
from shared.problems import InvalidRequest, NotFound
from shared.routes import Routes

DATASET = "police-record"
SCHEME = "cl-run"
ISSUED_ON, EXPIRES_ON = "2022-05-04", "2032-05-04"
"""The days of every card in the sandbox."""


def build_api(persons: Persons, tokens: ConsentTokens, now: Callable[[], datetime]) -> Routes:
    """The blueprint over one register and one checker of tokens."""
    api = Routes("api", __name__, access=PUBLIC)

    @api.errorhandler(Refusal)
    def refused(refusal: Refusal) -> tuple[Response, int, dict[str, str]]:
        challenge = {"WWW-Authenticate": f'Bearer error="{refusal.code}"'} if refusal.status == 401 else {}
        return jsonify(error=refusal.code, error_description=refusal.detail), refusal.status, challenge

    @api.errorhandler(KeysUnavailable)
    def no_keys(_: KeysUnavailable) -> tuple[Response, int, dict[str, str]]:
        return jsonify(error="keys_unavailable", error_description="The wallet's keys cannot be read now."), 503, {"Retry-After": "2"}

    @api.post("/v1/police-record")
    def read_police_record() -> Response:
        run, fields = _asked()
        grant = tokens.check(
            request.headers.get("Authorization", ""), Ask(scheme=SCHEME, person=run, dataset_id=DATASET, fields=tuple(fields))
        )
        person = persons.find(run)
        if person is None:
            raise NotFound("This person is not in the register.")
        moment = now()
        record = police_record(person, issued_on=moment.date().isoformat())
        response = jsonify(as_of=rfc3339(moment), fields={name: record[name] for name in grant.fields})
        response.headers["Cache-Control"] = "no-store"
        return response

    @api.post("/v1/identity-check")
    def check_identity() -> Response:
        body = request.get_json(silent=True)
        named = body if isinstance(body, dict) else {}
        person = persons.find(str(named.get("run", "")))
        if person is None or person.document_number != str(named.get("document_number", "")).strip().upper():
            return jsonify(match=False)
        given, family = person.names
        return jsonify(
            match=True,
            given_names=given,
            family_names=family,
            born_on=person.born_on,
            alive=person.alive,
            document_valid=person.alive,
            issued_on=ISSUED_ON,
            expires_on=EXPIRES_ON,
        )

    @api.get("/v1/changes")
    def read_changes() -> Response:
        return jsonify(changes=persons.changes(_after()))

    @api.get("/v1/persons/<run>")
    def read_person(run: str) -> Response:
        person = persons.find(run)
        if person is None:
            raise NotFound("This person is not in the register.")
        return jsonify(run=person.run, full_name=person.full_name, alive=person.alive)

    return api


def build_entries_api(books: Mapping[str, Book]) -> Routes:
    """The blueprint over the registers of who may act for whom, by their places."""
    api = Routes("entries_api", __name__, access=PUBLIC)

    @api.post("/v1/<any(companies, families, courts):place>/entries")
    def read_entries(place: str) -> Response:
        body = request.get_json(silent=True)
        return jsonify(entries=books[place].entries_of(str(body.get("run", "")) if isinstance(body, dict) else ""))

    @api.get("/v1/<any(companies, families, courts):place>/changes")
    def read_entry_changes(place: str) -> Response:
        return jsonify(changes=books[place].changes(_after()))

    return api


def _after() -> int:
    after = request.args.get("after", "0")
    return int(after) if after.isdecimal() and len(after) < 10 else 0


def _asked() -> tuple[str, list[str]]:
    """Raises: InvalidRequest when the body is not {"run", "fields"} with known fields."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not isinstance(body.get("run"), str):
        raise InvalidRequest("Send a JSON object with run and fields.")
    fields = body.get("fields")
    if not isinstance(fields, list) or not fields or any(name not in FIELDS for name in fields):
        raise InvalidRequest(f"fields is a list of {', '.join(FIELDS)}.")
    return body["run"], [str(name) for name in fields]
