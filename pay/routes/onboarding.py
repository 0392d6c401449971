"""A service registered at identity gets its account and key here; ours, beside the contract (ON-2, SH-8)."""

import hashlib

from flask import g, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from pay.context import current
from pay.operations.onboarding import NewAccount, issue_key, open_account
from pay.providers.sandbox import SandboxGateway
from pay.standards.identifiers import ALPHABET, LENGTH, AccountId
from pay.standards.keys import KeyPrefix
from shared.access import Scope
from shared.bodies import load_json
from shared.routes import Routes

bp = Routes("onboarding", __name__, url_prefix="/register/v1", access=Scope("pay:register"))


class AccountSchema(Schema):
    """A service as the register knows it."""

    service_id = fields.String(required=True, validate=validate.Length(min=3, max=80))
    service_name = fields.String(required=True, validate=validate.Length(min=1, max=50))
    organisation_id = fields.String(required=True, validate=validate.Length(min=3, max=80))


@bp.post("/accounts")
def register() -> ResponseReturnValue:
    """Open a test account with a key, shown in this answer only; a repeat gives another key to the same account."""
    pay, body, actor = current(), load_json(AccountSchema()), f"client:{g.caller.client_id}"
    account_id = _account_id(body["service_id"])
    account = NewAccount(
        id=account_id,
        service_name=body["service_name"],
        organisation_id=body["organisation_id"],
        currency="CLP",
        gateway=SandboxGateway.name,
    )
    open_account(pay, account, actor=actor)
    token = KeyPrefix.TEST + pay.ids.pick(ALPHABET, LENGTH)
    key = issue_key(pay, account_id, key_id=pay.ids.uuid4(), token=token, description="From the service register", actor=actor)
    return jsonify({"account_id": account_id, "api_key": key, "is_live": False}), 201


def _account_id(service_id: str) -> AccountId:
    """Return the account that a service of the register has: always the same, so that a repeat opens no second one."""
    value = int.from_bytes(hashlib.sha256(f"account:{service_id}".encode()).digest(), "big")
    return AccountId("".join(ALPHABET[value >> (5 * place) & 31] for place in range(LENGTH)))
