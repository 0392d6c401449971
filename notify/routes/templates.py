"""Read and preview templates.  Spec: notify-api §6."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import MessageNotValid
from notify.operations.templates import get_template, list_templates, preview
from notify.routes.access import ServiceKey, holder
from notify.schemas.queries import type_query, wire_uuid
from notify.schemas.shapes import PREVIEW, READING, TEMPLATE, TEMPLATES
from notify.schemas.templates import show_preview, show_template
from notify.schemas.wire import not_of_type, parse_json
from shared.openapi import describes
from shared.routes import Routes

templates = Routes("templates", __name__, url_prefix="/v2", access=ServiceKey())


@templates.get("/templates")
@describes(answers={200: TEMPLATES, **READING})
def list_all() -> ResponseReturnValue:
    """Give the service's templates by name."""
    found = list_templates(current(), holder(), type_query(request.args.to_dict(flat=False)))
    return jsonify({"templates": [show_template(template) for template in found]})


@templates.get("/template/<template_id>")
@describes(answers={200: TEMPLATE, **READING})
def read_one(template_id: str) -> ResponseReturnValue:
    """Give the present version of a template."""
    return jsonify(show_template(get_template(current(), holder(), wire_uuid(template_id, "id"))))


@templates.get("/template/<template_id>/version/<int:version>")
@describes(answers={200: TEMPLATE, **READING})
def read_version(template_id: str, version: int) -> ResponseReturnValue:
    """Give one version of a template."""
    return jsonify(show_template(get_template(current(), holder(), wire_uuid(template_id, "id"), version)))


@templates.post("/template/<template_id>/preview")
@describes(body={"type": "object"}, answers={200: PREVIEW, **READING})
def show_filled(template_id: str) -> ResponseReturnValue:
    """Give a template filled with values, without sending anything."""
    raw = request.get_data(cache=False)
    body = parse_json(raw) if raw.strip() else {}
    if not isinstance(body, dict):
        raise MessageNotValid(not_of_type(body, "object"))
    values = body.get("personalisation", {})
    if not isinstance(values, dict):
        raise MessageNotValid(f"personalisation {not_of_type(values, 'object')}")
    return jsonify(show_preview(preview(current(), holder(), wire_uuid(template_id, "id"), values)))
