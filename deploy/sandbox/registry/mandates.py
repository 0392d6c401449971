"""Who may act for whom without another, as one list from the same books: of companies, of the civil registry, of the courts.

POST /v1/mandates  access token with `registry:mandates`; {"delegate": RUN} → {"mandates": [{"kind", "principal", "reference", …}]}
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, jsonify, request
from joserfc.jwk import KeySet

from deploy.sandbox.registry.entries import Book, Entry
from deploy.sandbox.registry.keys import KeysUnavailable as NoKeys
from deploy.sandbox.registry.keys import PublishedKeys
from deploy.sandbox.registry.persons import Persons
from shared.access import PUBLIC
from shared.auth import InvalidToken, KeysUnavailable, TokenVerifier
from shared.problems import Forbidden, InvalidRequest, NotAuthenticated, Unavailable
from shared.routes import Routes

SCOPE = "registry:mandates"
KINDS = {
    "parent": "parent",
    "guardian": "guardian",
    "curator": "court_representative",
    "order": "court_representative",
    "": "company_officer",
}
"""What the wallet calls an entry by the kind it has in its book; those of companies have none."""


class IssuerKeys:
    """The published keys of identity, in the form that a verifier of tokens asks for."""

    def __init__(self, keys: PublishedKeys) -> None:
        self._keys = keys

    def find(self, kid: str) -> KeySet:
        """Return the keys, fetched again where this one is missing.  Raises: KeysUnavailable."""
        try:
            found = self._keys(False)
            return found if any(key.kid == kid for key in found.keys) else self._keys(True)
        except NoKeys:
            raise KeysUnavailable from None


def build_mandates(books: Mapping[str, Book], persons: Persons, verifier: TokenVerifier) -> Routes:
    """The blueprint over the books, the register of persons and one checker of access tokens."""
    routes = Routes("mandates", __name__, access=PUBLIC)

    @routes.post("/v1/mandates")
    def read_mandates() -> Response:
        _check(verifier)
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("delegate"), str):
            raise InvalidRequest("Send a JSON object with delegate, a RUN.")
        entries = [entry for book in books.values() for entry, in_force in book.all() if in_force and entry.run == body["delegate"]]
        response = jsonify(mandates=[_row(persons, entry) for entry in entries if entry.joint == 1 and "sign" in entry.powers])
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _check(verifier: TokenVerifier) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        caller = verifier.verify(token if scheme.casefold() == "bearer" else "")
    except InvalidToken as error:
        raise NotAuthenticated(f"The access token was refused: {error}.") from None
    except KeysUnavailable:
        raise Unavailable("The keys of identity cannot be read now.") from None
    if SCOPE not in caller.scopes:
        raise Forbidden(f"The access token lacks the scope {SCOPE}.")


def _row(persons: Persons, entry: Entry) -> dict[str, object]:
    row: dict[str, object] = {"kind": KINDS[entry.kind], "reference": entry.entry}
    if entry.valid_until is not None:
        row["valid_until"] = f"{entry.valid_until}T00:00:00Z"
    person = persons.find(entry.principal)
    if person is None:
        return row | {"principal": {"scheme": "cl-rut", "value": entry.rut, "name": entry.name}}
    principal = {"scheme": "cl-run", "value": person.run, "name": person.full_name}
    return row | {"principal": principal, "born_on": person.born_on, "is_deceased": not person.alive}
