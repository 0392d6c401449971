"""`/grants/ended`: the wallet says that a grant is over, and the tokens that carry it end (wallet contract §12)."""

from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from identity.context import current
from identity.operations import wallet_consents
from shared.access import Scope
from shared.bodies import load_json
from shared.openapi import describes
from shared.routes import Routes

routes = Routes("grants", __name__, access=Scope("identity:grants"), url_prefix="/grants")


class GrantEndedSchema(Schema):
    """Which grant, and whose."""

    client_id = fields.String(required=True, validate=[validate.Length(min=1, max=80), validate.ContainsNoneOf("\x00")])
    grant_id = fields.UUID(required=True)


@routes.post("/ended")
@describes(body=GrantEndedSchema, answers={204: None})
def end_grant() -> ResponseReturnValue:
    """End what tokens carry of a grant; a repeat, and a grant that is not known, change nothing."""
    body = load_json(GrantEndedSchema())
    wallet_consents.take_end(current(), body["client_id"], str(body["grant_id"]))
    return "", 204
