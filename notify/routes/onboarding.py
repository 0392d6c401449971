"""A service registered at identity gets its place and keys here; ours, beside the contract (ON-2, SH-8)."""

import uuid

from flask import g, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from notify.context import Notify, current
from notify.operations.services import create_api_key, register_service
from notify.operations.templates import TemplateText, has_template, save_template
from notify.standards.statuses import Channel
from shared.access import Scope
from shared.bodies import load_json
from shared.routes import Routes

onboarding = Routes("onboarding", __name__, url_prefix="/register/v1", access=Scope("notify:register"))
WELCOME = TemplateText(
    channel=Channel.EMAIL,
    name="Recibimos su solicitud",
    subject="Recibimos su solicitud, ((name))",
    body="No tiene que hacer nada más. Le avisaremos cuando esté lista.\n\n¿Dudas? Responda a este correo.",
)
KINDS = ("test", "team")
"""A service on trial has no live key."""


class ServiceSchema(Schema):
    """A service as the register knows it."""

    service_id = fields.UUID(required=True)
    name = fields.String(required=True, validate=validate.Length(min=1, max=200))


@onboarding.post("/services")
def register() -> ResponseReturnValue:
    """Enter a service on trial with keys, shown in this answer only, and a first template; a repeat gives further keys."""
    notify, body = current(), load_json(ServiceSchema())
    service_id, actor = body["service_id"], f"client:{g.caller.client_id}"
    register_service(notify, service_id, name=body["name"], restricted=True, actor=actor)
    template_id = _first_template(notify, service_id, actor)
    keys = {kind: create_api_key(notify, service_id, name=kind, kind=kind, actor=actor).text for kind in KINDS}
    answer = {"service_id": str(service_id), "api_keys": keys, "template_id": str(template_id), "restricted": True}
    return jsonify(answer), 201


def _first_template(notify: Notify, service_id: uuid.UUID, actor: str) -> uuid.UUID:
    template_id = uuid.uuid5(service_id, "welcome")
    if not has_template(notify, template_id):
        save_template(notify, service_id, template_id, WELCOME, actor=actor)
    return template_id
