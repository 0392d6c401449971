"""The service register over HTTP, for machines with the scope `identity:register`."""

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from identity.context import current
from identity.operations import logout_notices, onboarding, register, register_views, registration
from identity.schemas.register import ClientSchema, ExchangeEdgeSchema, MemberSchema, OnboardingSchema, OrganisationSchema, ServiceSchema
from shared.access import Scope
from shared.bodies import load_json
from shared.openapi import describes
from shared.problems import InvalidRequest
from shared.routes import Routes

routes = Routes("register", __name__, access=Scope("identity:register"), url_prefix="/register/v1")


def _actor() -> str:
    return f"client:{g.caller.client_id}"


def _after() -> str:
    after = request.args.get("after", "")
    if len(after) > 80 or "\x00" in after:
        raise InvalidRequest("after is the last id of the page before.")
    return after


@routes.get("/organisations")
def list_organisations() -> ResponseReturnValue:
    """A page of organisations, by id."""
    return jsonify({"organisations": register_views.list_organisations(current(), after=_after())})


@routes.post("/organisations")
@describes(body=OrganisationSchema, answers={201: OrganisationSchema})
def create_organisation() -> ResponseReturnValue:
    """Enter an organisation."""
    values = load_json(OrganisationSchema())
    register.create_organisation(current(), **values, actor=_actor())
    return jsonify(values), 201


@routes.get("/services")
def list_services() -> ResponseReturnValue:
    """A page of services, by id."""
    return jsonify({"services": register_views.list_services(current(), after=_after())})


@routes.post("/services")
@describes(body=ServiceSchema, answers={201: ServiceSchema})
def create_service() -> ResponseReturnValue:
    """Enter a service."""
    values = load_json(ServiceSchema())
    register.create_service(current(), **values, actor=_actor())
    return jsonify(values), 201


@routes.get("/clients")
def list_clients() -> ResponseReturnValue:
    """A page of clients, by id."""
    return jsonify({"clients": register_views.list_clients(current(), after=_after())})


@routes.get("/clients/<client_id>")
def get_client(client_id: str) -> ResponseReturnValue:
    """One client; its secrets are never shown again."""
    return jsonify(register_views.get_client(current(), client_id))


@routes.post("/clients")
def create_client() -> ResponseReturnValue:
    """Enter a client; its secret, if it has one, is shown in this answer only (HT-4)."""
    identity, actor = current(), _actor()
    made = register.create_client(identity, load_json(ClientSchema()), actor=actor)
    return _with_secret(made)


@routes.post("/services/<service_id>/initial-tokens")
def make_initial_token(service_id: str) -> ResponseReturnValue:
    """Make a token with which clients of this service register themselves for a week; shown in this answer only (RG-1)."""
    token = registration.make_initial_token(current(), service_id, actor=_actor())
    return jsonify({"initial_access_token": token}), 201


@routes.post("/clients/<client_id>/exchange-edges")
@describes(body=ExchangeEdgeSchema, answers={201: ExchangeEdgeSchema})
def add_exchange_edge(client_id: str) -> ResponseReturnValue:
    """Let a client exchange tokens that are addressed to it for tokens of one other service (TX-2)."""
    values = load_json(ExchangeEdgeSchema())
    named = {**values, "scopes": tuple(values["scopes"])}
    register.add_exchange_edge(current(), client_id, **named, actor=_actor())
    return jsonify(values), 201


@routes.get("/clients/<client_id>/logout-notices")
def list_logout_notices(client_id: str) -> ResponseReturnValue:
    """The newest notices that sessions are over, with every try to deliver them (LO-8)."""
    register_views.get_client(current(), client_id)
    return jsonify({"notices": logout_notices.list_notices(current(), client_id)})


@routes.post("/clients/<client_id>/secrets")
def add_client_secret(client_id: str) -> ResponseReturnValue:
    """Give a client a second secret, shown in this answer only (CA-9)."""
    return _with_secret(register.add_client_secret(current(), client_id, actor=_actor()))


def _with_secret(made: register.MadeClient) -> ResponseReturnValue:
    view = register_views.get_client(current(), made.client_id)
    secret = {"client_secret": made.client_secret} if made.client_secret else {}
    return jsonify({**view, **secret}), 201


@routes.post("/onboarding")
def onboard() -> ResponseReturnValue:
    """Enter an organisation with a service on trial, and get keys for all four components; they are shown in this answer only (ON-2)."""
    answer = onboarding.onboard(current(), load_json(OnboardingSchema()), actor=_actor())
    return jsonify(answer), 201


@routes.get("/members")
def list_members() -> ResponseReturnValue:
    """A page of memberships, by id."""
    return jsonify({"members": register_views.list_members(current(), after=_after())})


@routes.post("/members")
def add_member() -> ResponseReturnValue:
    """Give a person a role in an organisation."""
    values = load_json(MemberSchema())
    register.add_member(current(), **values, actor=_actor())
    return jsonify({"org_id": values["org_id"], "role": values["role"]}), 201
