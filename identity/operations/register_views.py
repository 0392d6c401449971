"""Read the service register: what stands in it, without secrets and personal values."""

from collections.abc import Mapping

from sqlalchemy import select

from identity.context import Identity
from identity.errors import RegisterNotFound
from identity.models.client import Client
from identity.models.organisation import Member, Organisation
from identity.models.service import Service
from shared.clock import rfc3339

PAGE_SIZE = 100
View = dict[str, object]


def list_organisations(identity: Identity, *, after: str = "") -> list[View]:
    """Return organisations by id, a page of them."""
    with identity.reading() as tx:
        query = select(Organisation).where(Organisation.org_id > after).order_by(Organisation.org_id).limit(PAGE_SIZE)
        return [_organisation(row) for row in tx.session.scalars(query)]


def list_services(identity: Identity, *, after: str = "") -> list[View]:
    """Return services by id, a page of them."""
    with identity.reading() as tx:
        query = select(Service, Organisation.org_id).join(Organisation, Service.organisation_id == Organisation.id)
        query = query.where(Service.service_id > after).order_by(Service.service_id).limit(PAGE_SIZE)
        return [_service(row, org_id) for row, org_id in tx.session.execute(query)]


def list_clients(identity: Identity, *, after: str = "") -> list[View]:
    """Return clients by id, a page of them."""
    with identity.reading() as tx:
        query = select(Client, Service.service_id).join(Service, Client.service_id == Service.id)
        query = query.where(Client.client_id > after).order_by(Client.client_id).limit(PAGE_SIZE)
        return [_client(row, service_id) for row, service_id in tx.session.execute(query)]


def list_members(identity: Identity, *, after: str = "") -> list[View]:
    """Return memberships by id, a page of them; persons by their internal id only."""
    with identity.reading() as tx:
        query = select(Member, Organisation.org_id).join(Organisation, Member.organisation_id == Organisation.id)
        query = query.order_by(Member.id).limit(PAGE_SIZE)
        if after:
            query = query.where(Member.id > after)
        return [_member(row, org_id) for row, org_id in tx.session.execute(query)]


def get_client(identity: Identity, client_id: str) -> View:
    """Return one client.  Raises: RegisterNotFound."""
    with identity.reading() as tx:
        query = select(Client, Service.service_id).join(Service, Client.service_id == Service.id).where(Client.client_id == client_id)
        found = tx.session.execute(query).one_or_none()
        if found is None:
            raise RegisterNotFound("The register has no such client.")
        return _client(found[0], found[1])


def _organisation(row: Organisation) -> View:
    return {
        "org_id": row.org_id,
        "name": row.name,
        "kind": row.kind,
        "contact_email": row.contact_email,
        "created_at": rfc3339(row.created_at),
    }


def _service(row: Service, org_id: str) -> View:
    named = ("service_id", "name", "purpose", "stage", "release_basis", "start_url", "contact_email")
    return {**{name: getattr(row, name) for name in named}, "org_id": org_id, "created_at": rfc3339(row.created_at)}


def _client(row: Client, service_id: str) -> View:
    """Return a client; legacy ones carry what they should change (CU-35)."""
    named = ("client_id", "name", "policy", "claims_profile", "auth_method", "auth_alg", "jwks", "redirect_uris")
    more = (
        "post_logout_redirect_uris",
        "native",
        "scopes",
        "resources",
        "sector",
        "jwks_uri",
        "tls_subject",
        "grant_types",
        "audiences",
        "id_token_alg",
        "id_token_encryption_alg",
        "userinfo_alg",
        "introspection_alg",
        "request_object_alg",
        "authorization_details_types",
        "sender_constrained",
        "par_required",
        "dpop_nonce_required",
        "default_acr_values",
        "default_max_age",
        "backchannel_logout_uri",
        "frontchannel_logout_uri",
        "notification_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "names",
        "state",
    )
    view: View = {name: getattr(row, name) for name in (*named, *more)}
    view |= {"service_id": service_id, "created_at": rfc3339(row.created_at)}
    if row.legacy_until is not None:
        view |= {"legacy_until": rfc3339(row.legacy_until), "migration": list(MIGRATION)}
    return view


MIGRATION: Mapping[str, str] = {
    "pkce": "send code_challenge with S256",
    "nonce": "send a nonce and compare it",
    "claims": "read name, given_name and family_name as texts",
    "authentication": "use private_key_jwt instead of a secret",
}
"""What a legacy client changes to become a web client, a word for each step."""


def _member(row: Member, org_id: str) -> View:
    expires = rfc3339(row.expires_at) if row.expires_at else None
    return {"id": str(row.id), "org_id": org_id, "role": row.role, "created_at": rfc3339(row.created_at), "expires_at": expires}
