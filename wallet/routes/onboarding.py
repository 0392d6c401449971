"""An organisation registered at identity, and its system, become known here (ON-2, SH-8)."""

from collections.abc import Sequence

from flask import g, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from shared.access import Scope
from shared.bodies import load_json
from shared.routes import Routes
from wallet.context import Wallet, current
from wallet.models.organisation import Client, Organisation
from wallet.operations import registry

bp = Routes("onboarding", __name__, url_prefix="/register/v1", access=Scope("wallet:register"))
ROLES = ("consumer",)
"""What a system is until the operator says more; which data it gets follows from agreements alone."""
NAME = validate.Length(min=1, max=200)


class SystemSchema(Schema):
    """An organisation's system as the register knows it."""

    org_id = fields.String(required=True, validate=validate.Length(min=3, max=80))
    organisation = fields.String(required=True, validate=NAME)
    kind = fields.String(required=True, validate=validate.OneOf(["public", "private"]))
    contact_email = fields.Email(required=True)
    client_id = fields.String(required=True, validate=validate.Length(min=3, max=80))
    name = fields.String(required=True, validate=NAME)
    redirect_uris = fields.List(fields.Url(require_tld=False), load_default=list, validate=validate.Length(max=10))
    jwks = fields.Dict(keys=fields.String(), required=True)


@bp.post("/systems")
def register() -> ResponseReturnValue:
    """Enter an organisation that is not known yet, and its system; a repeat renews names, addresses and keys."""
    wallet, body, actor = current(), load_json(SystemSchema()), f"client:{g.caller.client_id}"
    roles = _roles_of(wallet, body["client_id"])
    if not _is_known(wallet, body["org_id"]):
        contact = {"es": body["contact_email"], "en": body["contact_email"]}
        registry.register_organisation(
            wallet,
            org_id=body["org_id"],
            name=body["organisation"],
            tax_id="",
            kind=body["kind"],
            dpo_contact=contact,
            address="",
            actor=actor,
        )
    registry.register_client(
        wallet,
        client_id=body["client_id"],
        org_id=body["org_id"],
        display_name=body["name"],
        redirect_uris=body["redirect_uris"],
        roles=roles,
        jwks=body["jwks"],
        actor=actor,
    )
    return jsonify({"client_id": body["client_id"], "org_id": body["org_id"], "roles": list(roles)}), 201


def _roles_of(wallet: Wallet, client_id: str) -> Sequence[str]:
    """Return what a system is: what the operator made it, else what every system is."""
    with wallet.reading() as tx:
        known = tx.session.get(Client, client_id)
        return known.roles if known is not None else ROLES


def _is_known(wallet: Wallet, org_id: str) -> bool:
    with wallet.reading() as tx:
        return tx.session.get(Organisation, org_id) is not None
