"""The first things in an empty installation: signing keys, the suite's own clients, how it writes to people, and the first operator."""

import base64
import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.install.writers import KEY_SECRET, WRITERS, ids_of, template_id
from deploy.services import SERVICES

if TYPE_CHECKING:
    from identity.context import Identity
    from identity.operations.client_rules import NewClient
    from notify.context import Notify
    from shared.run import Run

ACTOR = "operator:bootstrap"
ORGANISATION = "andamio"
OPERATOR_ROLE = "operator"
# What each service asks of the others; a scope's prefix names the service that honours it.
SCOPES = {
    "identity": ("notify:send", "notify:register", "pay:register", "wallet:register", "wallet:flows", "audit:witness"),
    "notify": ("audit:witness",),
    "pay": ("notify:send", "audit:witness"),
    "wallet": ("notify:send", "notify:portal", "identity:grants", "identity:history", "pay:people", "audit:witness"),
}
PORTAL_SCOPES = ("openid", "profile", "name", "email", "phone", "run", "roles")
PORTAL_EXTRA_SCOPES = {"wallet": ("represent",)}

Secrets = Callable[[str, str], str]
"""A secret by service and name, as `andamio init` wrote it."""


@dataclass(frozen=True)
class Operator:
    """Who runs this first: the account is made with a password and an authenticator that are shown once."""

    run: "Run"
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    email: str


@dataclass(frozen=True)
class Made:
    """What is shown once: the first operator's password and the base32 secret for an authenticator app."""

    password: str = field(repr=False)
    totp_secret: str = field(repr=False)


def bootstrap(identity: "Identity", operator: Operator, origins: Callable[[str], str], own_secrets: Secrets) -> Made | None:
    """Enter what is missing; None where the operator had an account before.  Safe to run again."""
    from identity.operations import keys

    keys.ensure_keys(identity)
    _ensure_register(identity, operator, origins, own_secrets)
    return _ensure_operator(identity, operator)


def enter_writers(notify: "Notify", domain: str, own_secrets: Secrets) -> None:
    """Enter at notify what identity, pay and the wallet write to people by: service, key and templates.  Safe to run again."""
    from notify.operations.services import create_api_key, register_service
    from notify.operations.templates import TemplateText, has_template, save_template
    from notify.standards.statuses import Channel

    for service, (name, templates) in WRITERS.items():
        service_id, secret = ids_of(own_secrets(service, KEY_SECRET))
        register_service(notify, service_id, name=name, restricted=False, actor=ACTOR, org_id=ORGANISATION)
        key_id = uuid.uuid5(service_id, "bootstrap")
        create_api_key(notify, service_id, name=service, kind="normal", actor=ACTOR, secret=secret, key_id=key_id)
        for setting, channel in templates.items():
            known_as = template_id(domain, service, setting)
            if not has_template(notify, known_as):
                subject = None if channel == Channel.SMS else "((subject))"
                words = TemplateText(channel=Channel(channel), name=f"{name}: {channel}", subject=subject, body="((body))")
                save_template(notify, service_id, known_as, words, actor=ACTOR)


def _ensure_register(identity: "Identity", operator: Operator, origins: Callable[[str], str], own_secrets: Secrets) -> None:
    from identity.models.organisation import Organisation
    from identity.operations import register

    with identity.reading() as tx:
        is_new = tx.session.query(Organisation).filter_by(org_id=ORGANISATION).first() is None
    if is_new:
        register.create_organisation(
            identity, org_id=ORGANISATION, name=identity.settings.operator_name, kind="public", contact_email=operator.email, actor=ACTOR
        )
    for service in SERVICES:
        _ensure_service(identity, service, operator, origins(service))
        for client, secret in _clients(service, origins, own_secrets):
            if identity.clients.find(client.client_id) is None:
                register.create_client(identity, client, actor=ACTOR, secret=secret)
            else:
                register.add_scopes(identity, client.client_id, client.scopes, actor=ACTOR)


def _clients(service: str, origins: Callable[[str], str], own_secrets: Secrets) -> "list[tuple[NewClient, str | None]]":
    from identity.operations.client_rules import NewClient

    private = json.loads(own_secrets(service, "client_key"))
    public = {name: value for name, value in private.items() if name != "d"}
    service_id = _service_id(service)
    machine = NewClient(
        client_id=service,
        service_id=service_id,
        name=service,
        policy="machine",
        jwks={"keys": [public]},
        scopes=SCOPES[service],
        resources=tuple(origins(other) for other in SERVICES),
    )
    if service == "identity":
        return [(machine, None)]
    portal = NewClient(
        client_id=f"{service}-portal",
        service_id=service_id,
        name=service,
        policy="web",
        redirect_uris=(f"{origins(service)}/login/callback",),
        post_logout_redirect_uris=(f"{origins(service)}/",),
        scopes=(*PORTAL_SCOPES, *PORTAL_EXTRA_SCOPES.get(service, ())),
        backchannel_logout_uri=f"{origins(service)}/login/back-channel",
    )
    return [(machine, None), (portal, own_secrets(service, "login_client_secret"))]


def _ensure_service(identity: "Identity", service: str, operator: Operator, origin: str) -> None:
    from identity.models.service import Service
    from identity.operations import register

    with identity.reading() as tx:
        if tx.session.query(Service).filter_by(service_id=_service_id(service)).first() is not None:
            return
    register.create_service(
        identity,
        service_id=_service_id(service),
        org_id=ORGANISATION,
        name=f"{identity.settings.operator_name}: {service}",
        purpose="A component that all services share.",
        stage="live",
        release_basis="law",
        start_url=f"{origin}/",
        contact_email=operator.email,
        actor=ACTOR,
    )


def _service_id(service: str) -> str:
    return f"andamio-{service}"


def _ensure_operator(identity: "Identity", operator: Operator) -> Made | None:
    from identity.models.finders import find_credentials
    from identity.operations import people, register
    from identity.standards.oidc_claims import Facts

    with identity.reading() as tx:
        if find_credentials(tx.connection, identity.cipher, operator.run) is not None:
            return None
    made = Made(password=secrets.token_urlsafe(12), totp_secret=base64.b32encode(secrets.token_bytes(20)).decode())
    facts = Facts(operator.run, operator.given_names, operator.family_names, operator.email, True, None, False)
    person = people.create_person(identity, facts, actor=ACTOR)
    people.set_password(identity, person, made.password, actor=ACTOR)
    people.add_totp(identity, person, made.totp_secret, name="Andamio", actor=ACTOR)
    register.add_member(identity, org_id=ORGANISATION, run=operator.run, role=OPERATOR_ROLE, expires_at=None, actor=ACTOR)
    return made
