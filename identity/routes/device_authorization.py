"""Where devices and channels ask for a person's answer (§2.19, §2.20)."""

from flask import Response, jsonify, request

from identity.context import current
from identity.operations import ciba, device_flow
from identity.routes.oauth import NO_STORE, endpoint_rules, make_routes, read_call, read_form
from identity.standards import discovery

routes = make_routes("device_authorization", __name__)


def _answer(values: dict[str, object]) -> Response:
    response = jsonify(values)
    response.headers.update(NO_STORE)
    return response


@routes.post(endpoint_rules(discovery.DEVICE_AUTHORIZATION)[0])
@routes.post(endpoint_rules(discovery.DEVICE_AUTHORIZATION)[1])
def authorize_device() -> Response:
    """Give a device its codes."""
    return _answer(device_flow.begin(current(), read_call(read_form()), request.remote_addr or ""))


@routes.post(endpoint_rules(discovery.BACKCHANNEL)[0])
@routes.post(endpoint_rules(discovery.BACKCHANNEL)[1])
def authenticate_backchannel() -> Response:
    """Have a person asked on their own device (CB-4)."""
    return _answer(ciba.begin(current(), read_call(read_form())))
