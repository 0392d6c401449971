"""Bodies of `/consent-flows`.  Spec: wallet contract §12."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from wallet.operations.consent_flows import FlowOutcome
from wallet.operations.consent_requests import Ask
from wallet.schemas.consent_requests import ItemSchema
from wallet.schemas.fields import SubjectSchema, normal_run


class ConsentFlowSchema(Schema):
    """The body of `POST /consent-flows`: one matter, for the client that a person is signing in at."""

    id = fields.UUID(required=True)
    client_id = fields.String(required=True, validate=validate.Length(min=1, max=80))
    subject = fields.Nested(SubjectSchema, required=True)
    item = fields.Nested(ItemSchema, required=True)
    redirect_uri = fields.String(required=True, validate=validate.Length(max=2000))
    replaces = fields.UUID(load_default=None)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> tuple[str, Ask]:
        """Return the client and the operation's own type; the route adds the hash of the body."""
        ask = Ask(
            request_id=data["id"],
            run=normal_run(data["subject"]),
            scheme=data["subject"]["scheme"],
            items=[data["item"]],
            redirect_uri=data["redirect_uri"],
            state_parameter=None,
            message={},
            ui_locales=[],
            is_listed=False,
            body_sha256="",
            is_flow=True,
            replaces=data["replaces"],
        )
        return data["client_id"], ask


def render(outcome: FlowOutcome) -> dict[str, object]:
    """Return the body of an answer about a flow."""
    body: dict[str, object] = {"state": outcome.state}
    if outcome.granted is not None:
        body |= {"consent_id": str(outcome.consent_id), "grant_id": str(outcome.grant_id), **outcome.granted}
    return body
