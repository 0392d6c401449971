"""What the service was told, and where it wants to be told; ours, beside the contract."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import MessageNotValid
from notify.models.callback import KINDS
from notify.operations.callback_log import list_calls, replay_call
from notify.operations.callbacks import Told
from notify.operations.services import set_callback
from notify.routes.access import ServiceKey, WritingKey, holder, once_of_request
from notify.schemas.queries import wire_uuid
from notify.schemas.shapes import CALLBACK_KEPT, CALLBACK_SET, CALLBACKS, CALLBACKS_QUERY, ONCE, READING, REFUSALS, SUCCESS
from notify.schemas.wire import parse_json
from notify.standards.wire_time import wire_time
from shared.openapi import describes
from shared.routes import Routes

callbacks = Routes("callbacks", __name__, url_prefix="/v2/callbacks", access=WritingKey())


@callbacks.get("", access=ServiceKey())
@describes(query=CALLBACKS_QUERY, answers={200: CALLBACKS, **READING})
def list_all() -> ResponseReturnValue:
    """Give a page of what the service was told with every try, newest first; `?state=given_up`, `?older_than=`."""
    state, older_than = request.args.get("state"), request.args.get("older_than")
    if state is not None and state not in list(Told):
        raise MessageNotValid(f"state {state} is not one of [{', '.join(Told)}]")
    known = wire_uuid(older_than, "older_than") if older_than else None
    found = list_calls(current(), holder().service.id, state=state, older_than=known)
    shown = [
        {
            "id": str(call.id),
            "kind": call.kind,
            "object_id": str(call.object_id),
            "state": call.state.value,
            "created_at": wire_time(call.created_at),
            "attempts": [
                {"at": wire_time(each.at), "status": each.status or None, "fault": each.fault or None, "milliseconds": each.milliseconds}
                for each in call.attempts
            ],
        }
        for call in found
    ]
    return jsonify({"callbacks": shown})


@callbacks.post("/<call_id>/replay")
@describes(answers={202: SUCCESS, **READING}, headers=ONCE)
def replay(call_id: str) -> ResponseReturnValue:
    """Tell the service of an event once more."""
    replay_call(current(), holder().service.id, wire_uuid(call_id, "id"), actor=f"api-key:{holder().key.id}", once=once_of_request())
    return jsonify({"result": "success"}), 202


@callbacks.post("/settings")
@describes(body=CALLBACK_SET, answers={200: CALLBACK_KEPT, **REFUSALS})
def settings() -> ResponseReturnValue:
    """Say where the service wants to be told: `{kind, url, bearer_token}`; the answer has the secret that calls are signed with."""
    body = parse_json(request.get_data())
    given = {name: body.get(name) for name in ("kind", "url", "bearer_token")} if isinstance(body, dict) else {}
    for name in ("url", "bearer_token"):
        if not isinstance(given.get(name), str):
            raise MessageNotValid(f"{name} is a required property")
    kind = given.get("kind") or KINDS[0]
    if kind not in KINDS:
        raise MessageNotValid(f"kind {kind} is not one of [{', '.join(KINDS)}]")
    actor = f"api-key:{holder().key.id}"
    url, bearer = str(given["url"]), str(given["bearer_token"])
    secret = set_callback(current(), holder().service.id, url=url, bearer=bearer, kind=str(kind), actor=actor)
    return jsonify({"kind": kind, "url": given["url"], "signing_secret": secret})
