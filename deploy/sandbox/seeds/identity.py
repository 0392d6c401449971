"""What identity holds in the sandbox: register, clients, citizens, staff.  A second start finds all of it there."""

import contextlib
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from deploy.sandbox.people import Citizen, Client, StaffMember
from deploy.sandbox.plan import Plan
from identity.context import Identity
from identity.errors import RegisterConflict
from identity.models.finders import find_credentials
from identity.models.organisation import Member, Organisation
from identity.models.service import Service
from identity.operations import keys, register
from identity.operations import people as persons
from identity.operations.client_rules import NewClient
from identity.standards import rfc9396
from identity.standards.oidc_claims import Facts
from shared.run import parse_run

ACTOR = "sandbox"
OPERATOR = "org-andamio"
PRIVATE = "org-banco-quilpalin"
BODIES = ("org-colegio-araucarias", "org-registro-civil")
ORGANISATIONS = (
    (OPERATOR, "Andamio", "public"),
    ("org-colegio-araucarias", "Colegio Las Araucarias", "public"),
    ("org-registro-civil", "Registro Civil", "public"),
    (PRIVATE, "Banco de Quilpalín", "private"),
)
# Each client's own service: (client, organisation, name, purpose).
SERVICES = {
    "sandbox-web": (OPERATOR, "Sandbox", "Trying things out."),
    "sandbox-public": (OPERATOR, "Sandbox", "Trying things out."),
    "sandbox-fapi2": (OPERATOR, "Sandbox", "Trying things out with FAPI 2.0."),
    "sandbox-clave-unica": (OPERATOR, "Sandbox", "Trying things out with code written for ClaveÚnica."),
    "sandbox-private": (PRIVATE, "Banco de Quilpalín", "Abrir una cuenta sin ir a la sucursal."),
    "example": ("org-colegio-araucarias", "Postula: Colegio Las Araucarias", "Postular a un trabajo en el colegio."),
    "wallet-portal": (OPERATOR, "Mis datos", "Mostrar quién leyó sus datos, y dar y quitar permisos."),
    "notify-console": (OPERATOR, "Mensajes", "Escribir plantillas y enviar mensajes."),
    "pay-console": (OPERATOR, "Pagos", "Ver pagos, devolver dinero y cerrar el mes."),
    "wallet-consumer": ("org-colegio-araucarias", "Postula: Colegio Las Araucarias", "Pedir datos a otras instituciones."),
    "wallet-provider": ("org-registro-civil", "Registro Civil", "Entregar datos a otras instituciones."),
}
PERSON_SCOPES = ("openid", "profile", "name", "email", "phone", "run")
ACTING_SCOPES = {"sandbox-web": ("represent", "assist"), "wallet-portal": ("represent",)}
"""What a client may ask besides: for whom a person acts, and whom an agent helps."""
STAFF_SITES = frozenset({"wallet-portal", "notify-console", "pay-console"})
STAFF_SCOPES = (*PERSON_SCOPES, "roles")
CLAVE_UNICA_SCOPES = ("openid", "run", "name", "email")
MACHINE_EXTRA_SCOPES = {"sandbox-machine": ("identity:register",)}
TRIED_OUT = ("sandbox-web", "sandbox-public", "sandbox-fapi2")
REFRESHING = ("authorization_code", "refresh_token")
LEGACY_LIFE = timedelta(days=365)


def seed(context: Identity, plan: Plan) -> dict[str, object]:
    """Enter what is missing and return identity's part of sandbox.json."""
    keys.ensure_keys(context)
    _seed_organisations(context)
    clients = (*plan.clients, _private_client(plan))
    for client in clients:
        _seed_client(context, plan, client)
    for citizen in plan.citizens:
        _seed_person(context, citizen)
    for member in plan.staff:
        _seed_person(context, member)
        _seed_roles(context, member)
    return _description(plan)


def _private_client(plan: Plan) -> Client:
    """A private organisation's client: the one that shows the consent page."""
    callbacks = plan.client("sandbox-web").redirect_uris
    secret = plan.secret("client:sandbox-private")
    return Client(client_id="sandbox-private", name="Sandbox private", policy="web", secret=secret, redirect_uris=callbacks)


def _seed_organisations(context: Identity) -> None:
    for org_id, name, kind in ORGANISATIONS:
        if not _exists(context, Organisation, org_id=org_id):
            register.create_organisation(context, org_id=org_id, name=name, kind=kind, contact_email="hola@example.com", actor=ACTOR)


def _exists(context: Identity, model: type[Any], **named: object) -> bool:
    with context.reading() as tx:
        return tx.session.scalars(select(model).filter_by(**named)).first() is not None


def _seed_client(context: Identity, plan: Plan, client: Client) -> None:
    if context.clients.find(client.client_id) is not None:
        return
    org_id, name, purpose = SERVICES.get(client.client_id, (OPERATOR, client.name, "Talk to the other services of the suite."))
    service_id = f"service-{client.client_id}"
    if not _exists(context, Service, service_id=service_id):
        register.create_service(
            context,
            service_id=service_id,
            org_id=org_id,
            name=name,
            purpose=purpose,
            stage="trial",
            release_basis="consent" if org_id == PRIVATE else "law",
            start_url=(client.post_logout_redirect_uris or (plan.urls.front + "/",))[0],
            contact_email="hola@example.com",
            actor=ACTOR,
        )
    register.create_client(context, _new_client(context, plan, client, service_id), actor=ACTOR, secret=client.secret)


def _new_client(context: Identity, plan: Plan, client: Client, service_id: str) -> NewClient:
    if client.policy == "machine":
        return _new_machine(plan, client, service_id)
    is_legacy = client.policy == "clave_unica"
    scopes = STAFF_SCOPES if client.client_id in STAFF_SITES else CLAVE_UNICA_SCOPES if is_legacy else PERSON_SCOPES
    return NewClient(
        client_id=client.client_id,
        service_id=service_id,
        name=client.name,
        policy="legacy" if is_legacy else client.policy,
        claims_profile="clave_unica" if is_legacy else "standard",
        auth_method="client_secret_post" if is_legacy else None,
        jwks={"keys": [_public(client)]} if client.private_jwk else None,
        grant_types=REFRESHING if client.client_id in TRIED_OUT else None,
        request_object_alg="ES256" if client.policy == "fapi2" else None,
        authorization_details_types=tuple(rfc9396.TYPES) if client.client_id in TRIED_OUT else (),
        redirect_uris=client.redirect_uris,
        post_logout_redirect_uris=client.post_logout_redirect_uris or _after_logout(plan),
        native=client.policy == "public",
        scopes=(*scopes, *ACTING_SCOPES.get(client.client_id, ())),
        resources=(plan.urls.notify, plan.urls.pay, plan.urls.wallet),
        sector=client.client_id,
        id_token_alg="RS256" if is_legacy else "ES256",
        lower_case_bearer=is_legacy,
        legacy_until=context.clock.now() + LEGACY_LIFE if is_legacy else None,
    )


def _after_logout(plan: Plan) -> tuple[str, ...]:
    callback = plan.client("sandbox-web").redirect_uris[0]
    return (callback.removesuffix("/callback") + "/signed-out", plan.urls.front + "/")


def _new_machine(plan: Plan, client: Client, service_id: str) -> NewClient:
    """A machine may ask for tokens for the services that honour its scopes."""
    scopes = (*client.scopes, *MACHINE_EXTRA_SCOPES.get(client.client_id, ()))
    named = {scope.partition(":")[0] for scope in scopes}
    services = ("identity", "notify", "pay", "wallet")
    resources = tuple(plan.ports.url(service) for service in services if service in named or "audit" in named)
    resources += (plan.urls.registry,) if "registry" in named else ()
    return NewClient(
        client_id=client.client_id,
        service_id=service_id,
        name=client.name,
        policy="machine",
        jwks={"keys": [_public(client)]},
        scopes=scopes,
        resources=resources,
        audiences=(plan.ports.url(client.client_id),) if client.client_id in services else (),
    )


def _public(client: Client) -> dict[str, object]:
    """The public half of a client's key."""
    return {name: value for name, value in (client.private_jwk or {}).items() if name != "d"}


def _seed_person(context: Identity, person: Citizen | StaffMember) -> None:
    run = parse_run(person.run)
    with context.reading() as tx:
        if find_credentials(tx.connection, context.cipher, run) is not None:
            return
    phone = person.phone if isinstance(person, Citizen) else None
    born = date.fromisoformat(person.birth_date) if isinstance(person, Citizen) else None
    facts = Facts(run, person.given_names, person.family_names, person.email, True, phone, phone is not None, birth_date=born)
    person_id = persons.create_person(context, facts, actor=ACTOR)
    persons.set_password(context, person_id, person.password, actor=ACTOR)
    if person.totp_secret:
        persons.add_totp(context, person_id, person.totp_secret, name="Sandbox", actor=ACTOR)


def _seed_roles(context: Identity, member: StaffMember) -> None:
    run = parse_run(member.run)
    with context.reading() as tx:
        credentials = find_credentials(tx.connection, context.cipher, run)
    for role in member.roles:
        if credentials and not _exists(context, Member, person_id=credentials.person_id, role=role):
            register.add_member(context, org_id=OPERATOR, run=run, role=role, expires_at=None, actor=ACTOR)
    for org_id in BODIES:  # so that the consoles of bodies can be entered
        with contextlib.suppress(RegisterConflict):
            register.add_member(context, org_id=org_id, run=run, role="owner", expires_at=None, actor=ACTOR)


def _description(plan: Plan) -> dict[str, object]:
    """Identity's part of sandbox.json (design §7)."""
    machine = plan.client("sandbox-machine")
    return {
        "base_url": plan.urls.identity,
        "issuer": plan.issuer,
        "clients": {
            "web": _described(plan.client("sandbox-web")),
            "public": _described(plan.client("sandbox-public")),
            "fapi2": _described(plan.client("sandbox-fapi2")),
            "machine": {
                "client_id": machine.client_id,
                "private_jwk": machine.private_jwk,
                "scopes": [*machine.scopes, *MACHINE_EXTRA_SCOPES["sandbox-machine"]],
            },
            "clave_unica": _described(plan.client("sandbox-clave-unica")),
            "private": _described(_private_client(plan)),
        },
        "citizens": [_citizen(citizen) for citizen in plan.citizens],
        "staff": [
            {"run": member.run, "password": member.password, "totp_secret": member.totp_secret, "roles": list(member.roles)}
            for member in plan.staff
        ],
    }


def _described(client: Client) -> dict[str, object]:
    secret = {"client_secret": client.secret} if client.secret else {}
    key = {"private_jwk": dict(client.private_jwk)} if client.private_jwk else {}
    return {"client_id": client.client_id, **secret, **key, "redirect_uris": list(client.redirect_uris)}


def _citizen(citizen: Citizen) -> dict[str, object]:
    totp = {"totp_secret": citizen.totp_secret} if citizen.totp_secret else {}
    named = {"run": citizen.run, "name": citizen.name, "password": citizen.password}
    return {**named, **totp, "email": citizen.email, "phone": citizen.phone, "note": citizen.note}
