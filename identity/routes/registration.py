"""Registration of clients by themselves, and its management.  Spec: RFC 7591, RFC 7592, identity-oidc §2.21."""

from flask import Response, jsonify, request

from identity.context import current
from identity.errors import InvalidRegistrationMetadata, OAuthInvalidRequest
from identity.operations import registration
from identity.operations.registration import Registered
from identity.routes.oauth import ISSUER_PATH, NO_STORE, endpoint_rules, make_routes
from identity.schemas.registration import read
from identity.standards import discovery
from identity.standards.rfc7591 import Metadata
from shared.bodies import read_json
from shared.problems import InvalidRequest, UnsupportedMedia

routes = make_routes("registration", __name__)
ONE = ISSUER_PATH + discovery.REGISTER.path + "/<client_id>"


def _token() -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def _document() -> dict[str, object]:
    try:
        document = read_json()
    except (InvalidRequest, UnsupportedMedia):
        raise OAuthInvalidRequest("send application/json") from None
    if not isinstance(document, dict):
        raise InvalidRegistrationMetadata("send a JSON object")
    return document


def _answer(registered: Registered, status: int) -> Response:
    """Return the registration with all it has, secrets where they are new (RG-2)."""
    shown = {"client_id": registered.client_id, "client_id_issued_at": int(registered.issued_at.timestamp()), **registered.metadata}
    if registered.client_secret is not None:
        shown |= {"client_secret": registered.client_secret, "client_secret_expires_at": 0}
    if registered.token is not None:
        shown["registration_access_token"] = registered.token
    shown["registration_client_uri"] = f"{current().settings.issuer}{discovery.REGISTER.path}/{registered.client_id}"
    response = jsonify(shown)
    response.status_code = status
    response.headers.update(NO_STORE)
    return response


@routes.post(endpoint_rules(discovery.REGISTER)[0])
@routes.post(endpoint_rules(discovery.REGISTER)[1])
def create() -> Response:
    """Register a client."""
    made = registration.create_registration(current(), read(_document()), token=_token(), address=request.remote_addr or "")
    return _answer(made, 201)


@routes.get(ONE)
def show(client_id: str) -> Response:
    """Read a registration back; its secret is not in it."""
    return _answer(registration.read_registration(current(), client_id, _token()), 200)


@routes.put(ONE)
def replace(client_id: str) -> Response:
    """Replace a registration whole: what is missing falls back to its default (RG-8)."""
    identity, token = current(), _token()
    registration.read_registration(identity, client_id, token)
    document = _document()
    if document.get("client_id") != client_id:
        raise OAuthInvalidRequest("client_id must be the one of the address")
    metadata: Metadata = read(document)
    return _answer(registration.replace_registration(identity, client_id, token, metadata), 200)


@routes.delete(ONE)
def remove(client_id: str) -> Response:
    """End a client."""
    registration.delete_registration(current(), client_id, _token())
    return Response(status=204, headers=NO_STORE)
