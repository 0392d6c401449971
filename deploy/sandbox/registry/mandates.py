"""Who may act for whom, as the civil registry and the register of companies know it.

POST /v1/mandates  access token with `registry:mandates`; {"delegate": RUN} → {"mandates": [{"kind", "principal", "reference", …}]}
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, jsonify, request
from joserfc.jwk import KeySet

from deploy.sandbox.registry.entries import CHILD
from deploy.sandbox.registry.keys import KeysUnavailable as NoKeys
from deploy.sandbox.registry.keys import PublishedKeys
from deploy.sandbox.registry.persons import Persons
from shared.access import PUBLIC
from shared.auth import InvalidToken, KeysUnavailable, TokenVerifier
from shared.problems import Forbidden, InvalidRequest, NotAuthenticated, Unavailable
from shared.routes import Routes

SCOPE = "registry:mandates"


@dataclass(frozen=True)
class Tie:
    """One entry: `delegate` acts for `principal` (`scheme:value`); a child's name and birth come from the register of persons."""

    delegate: str
    kind: str
    principal: str
    reference: str
    name: str = ""


TIES = (
    Tie("11111111-1", "parent", f"cl-run:{CHILD.run}", "nacimiento 2016-1204"),
    Tie("22222222-2", "company_officer", "cl-rut:76543210-3", "fojas 1204, año 2019", "Panadería Los Robles Limitada"),
)


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


def build_mandates(persons: Persons, verifier: TokenVerifier) -> Routes:
    """The blueprint over one register and one checker of access tokens."""
    routes = Routes("mandates", __name__, access=PUBLIC)

    @routes.post("/v1/mandates")
    def read_mandates() -> Response:
        _check(verifier)
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("delegate"), str):
            raise InvalidRequest("Send a JSON object with delegate, a RUN.")
        response = jsonify(mandates=[_row(persons, tie) for tie in TIES if tie.delegate == body["delegate"]])
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


def _row(persons: Persons, tie: Tie) -> dict[str, object]:
    scheme, _, value = tie.principal.partition(":")
    person = persons.find(value)
    row: dict[str, object] = {"kind": tie.kind, "reference": tie.reference}
    row["principal"] = {"scheme": scheme, "value": value, "name": person.full_name if person else tie.name}
    if person is not None:
        row |= {"born_on": person.born_on, "is_deceased": not person.alive}
    return row
