"""One registration for all four components: organisation, service and clients here, places and keys in the other three (ON-2, SH-8).

Nobody approves anything: the service begins on trial, where it reaches test persons and test money only.
"""

import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from identity.context import Identity
from identity.models.service import Stage
from identity.operations import register
from identity.operations.client_rules import NewClient
from identity.operations.own_tokens import own_token
from shared.http import OutboundError

log = structlog.get_logger("andamio.identity.onboarding")
WEB_SCOPES = ("openid", "profile", "name", "run", "email", "phone")
MACHINE_SCOPES = ("wallet:consents", "wallet:exchange")
SLUG_MAX = 40
SUFFIX = "23456789abcdefghjkmnpqrstuvwxyz"
NAMESPACE = uuid.UUID("6f1c52a4-5a0b-4f55-9d5c-1d6d4c2d5c11")
Answer = dict[str, object]


@dataclass(frozen=True)
class Wish:
    """What a team tells about its service; `jwk` is the public key of its machine, made where the private half stays."""

    organisation: str
    kind: str
    contact_email: str
    service: str
    purpose: str
    owner: str
    legal_basis: str
    channels: tuple[str, ...]
    start_url: str
    redirect_uri: str
    jwk: Mapping[str, object] = field(repr=False)
    org_id: str | None = None


@dataclass(frozen=True)
class Entered:
    """What stands in the register now; the secret is shown once."""

    org_id: str
    service_id: str
    web_client_id: str
    web_secret: str = field(repr=False)
    machine_client_id: str


def onboard(identity: Identity, wish: Wish, *, actor: str) -> Answer:
    """Enter everything here, then have the others enter it; what is away can be asked again.

    Raises: RegisterConflict, RegisterNotFound, InvalidClientMetadata.
    """
    entered = _enter(identity, wish, actor=actor)
    resource = identity.settings.wallet_url
    answer: Answer = {
        "org_id": entered.org_id,
        "service_id": entered.service_id,
        "stage": Stage.TRIAL.value,
        "identity": {
            "issuer": identity.settings.issuer,
            "web": {"client_id": entered.web_client_id, "client_secret": entered.web_secret, "redirect_uris": [wish.redirect_uri]},
            "machine": {"client_id": entered.machine_client_id, "scopes": list(MACHINE_SCOPES), "resources": [resource]},
        },
    }
    return answer | {name: connect(identity, name, entered, wish) for name in ("notify", "pay", "wallet")}


def _enter(identity: Identity, wish: Wish, *, actor: str) -> Entered:
    org_id = wish.org_id or _identifier(identity, "org", wish.organisation)
    service_id = _identifier(identity, "svc", wish.service)
    if wish.org_id is None:
        register.create_organisation(
            identity, org_id=org_id, name=wish.organisation, kind=wish.kind, contact_email=wish.contact_email, actor=actor
        )
    register.create_service(
        identity,
        service_id=service_id,
        org_id=org_id,
        name=wish.service,
        purpose=wish.purpose,
        stage=Stage.TRIAL.value,
        release_basis="consent",
        start_url=wish.start_url,
        contact_email=wish.contact_email,
        actor=actor,
        owner=wish.owner,
        legal_basis=wish.legal_basis,
        channels=wish.channels,
    )
    web = NewClient(f"{service_id}-web", service_id, wish.service, redirect_uris=(wish.redirect_uri,), scopes=WEB_SCOPES)
    made = register.create_client(identity, web, actor=actor)
    machine = NewClient(
        f"{service_id}-machine",
        service_id,
        wish.service,
        policy="machine",
        jwks={"keys": [dict(wish.jwk)]},
        scopes=MACHINE_SCOPES,
        resources=(identity.settings.wallet_url,),
    )
    register.create_client(identity, machine, actor=actor)
    return Entered(org_id, service_id, web.client_id, made.client_secret or "", machine.client_id)


def _identifier(identity: Identity, kind: str, name: str) -> str:
    """Return a readable identifier that nobody has."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_MAX].strip("-") or "x"
    return f"{kind}-{slug}-{identity.ids.pick(SUFFIX, 5)}"


def connect(identity: Identity, component: str, entered: Entered, wish: Wish) -> Answer:
    """Have one component enter a service, and return what it answered; `{"state": "away"}` when it could not."""
    url, path, body = _request(identity, component, entered, wish)
    try:
        headers = {"Authorization": "Bearer " + own_token(identity, url, f"{component}:register")}
        reply = identity.http.request("POST", url + path, json=body, headers=headers, timeout_seconds=5)
        if reply.status == 201:
            return {"base_url": url, **dict(reply.json())}
        log.error("component did not enter a service", component=component, status=reply.status)
    except OutboundError as error:
        log.warning("component away", component=component, error=type(error).__name__)
    return {"base_url": url, "state": "away"}


def _request(identity: Identity, component: str, entered: Entered, wish: Wish) -> tuple[str, str, Answer]:
    settings = identity.settings
    if component == "notify":
        number = uuid.uuid5(NAMESPACE, entered.service_id)
        return settings.notify_url, "/register/v1/services", {"service_id": str(number), "name": wish.service}
    if component == "pay":
        body: Answer = {"service_id": entered.service_id, "service_name": wish.service[:50], "organisation_id": entered.org_id}
        return settings.pay_url, "/register/v1/accounts", body
    body = {
        "org_id": entered.org_id,
        "organisation": wish.organisation,
        "kind": wish.kind,
        "contact_email": wish.contact_email,
        "client_id": entered.machine_client_id,
        "name": wish.service,
        "redirect_uris": [wish.redirect_uri],
        "jwks": {"keys": [dict(wish.jwk)]},
    }
    return settings.wallet_url, "/register/v1/systems", body
