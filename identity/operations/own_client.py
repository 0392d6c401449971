"""Signing in to identity's own pages: the same road as everybody's, with a client that is identity itself."""

from datetime import timedelta

from identity.context import Identity
from identity.errors import RegisterConflict, UnknownClient
from identity.models.client_store import KnownClient
from identity.models.service import OWN
from identity.operations import interactions, register
from identity.operations.authorization_requests import AuthorizationRequest
from identity.operations.client_rules import NewClient
from identity.standards.acr import LEVELS
from shared.web.words import gettext_noop

ARRIVED = "/account/arrived"
FRESH = timedelta(minutes=5)
"""How recent a sign-in must be for changes of the account (WA-5)."""
NAME = gettext_noop("Your account")


def own_client(identity: Identity) -> KnownClient:
    """Return our own client, entered into the register at the first use."""
    found = identity.clients.find(OWN)
    if found is None:
        _register(identity)
        identity.clients.forget()
        found = identity.clients.find(OWN)
    if found is None:
        raise UnknownClient
    return found


def begin(identity: Identity, return_path: str, *, browser: str, level: int = 1, max_age: int | None = None) -> str:
    """Begin a sign-in that leads to a page of ours, and return the interaction's id.  Its code is never redeemed."""
    request = AuthorizationRequest(
        client_id=OWN,
        redirect_uri=identity.settings.public_url + ARRIVED,
        response_mode="query",
        scopes=("openid",),
        state=return_path,
        acr_values=(LEVELS[level - 1],),
        acr_required=level > 1,
        max_age=max_age,
    )
    return interactions.begin(identity, own_client(identity), request, browser=browser)


def _register(identity: Identity) -> None:
    url, name = identity.settings.public_url, identity.settings.operator_name
    try:
        register.create_organisation(identity, org_id=OWN, name=name, kind="public", contact_email="account@invalid", actor=OWN)
        register.create_service(
            identity,
            service_id=OWN,
            org_id=OWN,
            name=NAME,
            purpose="Look after the account.",
            stage="live",
            release_basis="law",
            start_url=url + "/account",
            contact_email="account@invalid",
            actor=OWN,
        )
        client = NewClient(client_id=OWN, service_id=OWN, name=NAME, redirect_uris=(url + ARRIVED,), sector=OWN)
        register.create_client(identity, client, actor=OWN)
    except RegisterConflict:
        return  # another process was faster
