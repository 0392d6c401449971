"""Grants that a client names: what it may ask of them, and what token answers say.  Spec: Grant Management for OAuth 2.0 -03."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from identity.errors import InvalidGrantId, OAuthInvalidRequest
from identity.standards.rfc6749 import Parameters
from identity.standards.rfc9396 import CONSENT_REQUEST

CREATE, REPLACE = "create", "replace"
ACTIONS = ("query", "revoke", CREATE, REPLACE)
"""What is offered; `merge` is not: a grant is of one matter, and a wider one is asked for by `replace`."""


def metadata(endpoint: str) -> dict[str, object]:
    """Return what the discovery document says of grants, which are asked after and given up at the wallet."""
    return {
        "grant_management_endpoint": endpoint,
        "grant_management_actions_supported": list(ACTIONS),
        "grant_management_action_required": False,
    }


def read(parameters: Parameters, details: Sequence[Mapping[str, object]] | None, *, is_confidential: bool) -> str | None:
    """Return the grant that a request wants to replace, or None.  Raises: OAuthInvalidRequest, InvalidGrantId."""
    action, grant_id = parameters.get("grant_management_action"), parameters.get("grant_id")
    if action is None and grant_id is None:
        return None
    if action not in {CREATE, REPLACE}:
        raise OAuthInvalidRequest("grant_management_action is create or replace")
    if not is_confidential:
        raise OAuthInvalidRequest("grants are managed by clients that can prove who they are")
    if (action == REPLACE) != (grant_id is not None):
        raise OAuthInvalidRequest("grant_id belongs to replace, and only there")
    if not any(element["type"] == CONSENT_REQUEST for element in details or ()):
        raise OAuthInvalidRequest("a grant is of a permission: ask for one in authorization_details")
    return None if grant_id is None else _checked(grant_id)


def _checked(grant_id: str) -> str:
    try:
        return str(UUID(grant_id))
    except ValueError:
        raise InvalidGrantId("there is no such grant") from None


def grant_id_of(details: Sequence[object]) -> dict[str, object]:
    """Return the member `grant_id` of a token answer, where what it gives is a grant."""
    found = (element["grant_id"] for element in details if isinstance(element, dict) and "grant_id" in element)
    grant_id = next(found, None)
    return {} if grant_id is None else {"grant_id": grant_id}
