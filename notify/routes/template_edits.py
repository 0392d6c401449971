"""Write templates by API; ours, beside the contract."""

import uuid

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import MessageNotValid
from notify.operations.authentication import Holder
from notify.operations.template_edits import archive_template, create_template, diff_versions, edit_template, list_versions
from notify.routes.access import ServiceKey, WritingKey, holder, once_of_request
from notify.schemas.queries import wire_uuid
from notify.schemas.shapes import (
    DIFF_QUERY,
    ERROR,
    ONCE,
    READING,
    REFUSALS,
    TEMPLATE_CHANGED,
    TEMPLATE_DATA,
    TEMPLATE_DIFF,
    TEMPLATE_NEW,
    TEMPLATE_VERSIONS,
    TEMPLATE_WRITTEN,
)
from notify.schemas.template_edits import NEW_TEMPLATE, TEMPLATE_CHANGE, show_diff, show_written
from notify.schemas.templates import show_template
from notify.schemas.wire import parse_json, read
from shared.openapi import describes
from shared.routes import Routes

template_edits = Routes("template_edits", __name__, access=WritingKey())
READER = ServiceKey()


def _actor(who: Holder) -> str:
    return f"api-key:{who.key.id}"


@template_edits.post("/v2/templates")
@describes(body=TEMPLATE_NEW, answers={201: TEMPLATE_WRITTEN, **REFUSALS, 409: ERROR}, headers=ONCE)
def create() -> ResponseReturnValue:
    """Make a template."""
    words = read(NEW_TEMPLATE, parse_json(request.get_data()))
    made = create_template(current(), holder().service.id, words, actor=_actor(holder()), once=once_of_request())
    return jsonify(show_written(made)), 201


@template_edits.post("/v2/template/<template_id>")
@describes(body=TEMPLATE_CHANGED, answers={200: TEMPLATE_WRITTEN, **READING, 409: ERROR}, headers=ONCE)
def edit(template_id: str) -> ResponseReturnValue:
    """Change words of a template, which makes a new version."""
    known = wire_uuid(template_id, "id")
    change = read(TEMPLATE_CHANGE, parse_json(request.get_data()))
    made = edit_template(current(), holder().service.id, known, change, actor=_actor(holder()), once=once_of_request())
    return jsonify(show_written(made))


@template_edits.delete("/v2/template/<template_id>")
@describes(answers={204: None, **READING})
def archive(template_id: str) -> ResponseReturnValue:
    """Take a template out of use."""
    archive_template(current(), holder().service.id, wire_uuid(template_id, "id"), actor=_actor(holder()))
    return "", 204


@template_edits.get("/v2/template/<template_id>/versions", access=READER)
@describes(answers={200: TEMPLATE_VERSIONS, **READING})
def show_versions(template_id: str) -> ResponseReturnValue:
    """Give every version of a template, newest first."""
    found = list_versions(current(), holder().service.id, wire_uuid(template_id, "id"))
    return jsonify({"versions": [show_written(version) for version in found]})


@template_edits.get("/v2/template/<template_id>/diff", access=READER)
@describes(query=DIFF_QUERY, answers={200: TEMPLATE_DIFF, **READING})
def show_changes(template_id: str) -> ResponseReturnValue:
    """Give what changed between two versions, `?from=1&to=2`."""
    known, older, newer = wire_uuid(template_id, "id"), _number("from"), _number("to")
    return jsonify(show_diff(str(known), older, newer, diff_versions(current(), holder().service.id, known, older, newer)))


@template_edits.get("/service/<uuid:service_id>/template/<uuid:template_id>/versions", access=READER)
@describes(answers={200: TEMPLATE_DATA, **READING})
def show_published_form(service_id: uuid.UUID, template_id: uuid.UUID) -> ResponseReturnValue:
    """Give every version in the form that the published Python client asks for."""
    who = holder()
    found = list_versions(current(), who.service.id if who.service.id == service_id else uuid.UUID(int=0), template_id)
    return jsonify({"data": [show_template(version) for version in found]})


def _number(name: str) -> int:
    text = request.args.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise MessageNotValid(f"{name} is not a version number")
    return int(text)
