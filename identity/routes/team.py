"""The console of a service's team: register, keys, members, the way to live (§3.11).  No paper, no approval before live."""

from datetime import UTC, datetime, time
from uuid import UUID

from flask import Response, make_response, redirect, request, url_for
from joserfc.jwk import ECKey

from identity.context import current
from identity.errors import RegisterConflict, RegisterNotFound
from identity.models.organisation import Role
from identity.operations import onboarding, register, team_clients, teams
from identity.operations.onboarding import Wish
from identity.operations.own_client import FRESH
from identity.routes.account_access import AccountHolder, account
from identity.schemas.register import OnboardingSchema
from identity.standards import assistance
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import errors_of, gettext, page
from shared.web.dates import day_parts, read_day

signed_in = AccountHolder(level=2)
routes = Routes("team", __name__, access=signed_in, url_prefix="/team")
GIVEN = (Role.OWNER, Role.DEVELOPER, Role.AUDITOR, Role.SUPPLIER, Role.AGENT, Role.HELPER, Role.OFFICER)
FIELDS = ("organisation", "kind", "contact_email", "service", "purpose", "owner", "legal_basis", "start_url", "redirect_uri")


def _actor() -> str:
    return f"person:{account().person_id}"


@routes.get("")
def list_services() -> Response:
    """The services of this person's teams."""
    return page("identity/register/services.html", services=teams.list_services(current(), account().person_id))


@routes.get("/new")
def show_new() -> Response:
    """Ask what a service is."""
    return page("identity/register/new.html", values={}, error_list=[])


@routes.post("/new")
def register_service() -> Response:
    """Register and show the keys, this once."""
    identity, values = current(), {name: request.form.get(name, "").strip() for name in FIELDS}
    teams.refuse_made_up(identity, account().person_id)
    made = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)
    made.ensure_kid()
    body = {**{name: value for name, value in values.items() if value}, "jwk": made.as_dict(private=False)}
    schema = OnboardingSchema()
    faults = schema.validate(body)
    if faults:
        words = gettext("Fill this in, in the form of the example.")
        return page("identity/register/new.html", 400, values=values, error_list=errors_of([(name, words) for name in faults]))
    wish: Wish = schema.load(body)
    answer = onboarding.onboard(identity, wish, actor=_actor())
    register.make_owner(identity, str(answer["org_id"]), account().person_id)
    return page("identity/register/keys.html", answer=answer, private_jwk=made.as_dict(private=True))


@routes.get("/services/<service_id>")
def show_service(service_id: str) -> Response:
    """One service: clients, checklist, stage."""
    return _show_service(service_id, [])


def _show_service(service_id: str, errors: list[tuple[str, str]]) -> Response:
    view, status = teams.look(current(), account().person_id, service_id), 400 if errors else 200
    more = {"secrets": team_clients.list_secrets(current(), view), "days": team_clients.statistics(current(), view)}
    return page("identity/register/service.html", status, view=view, actions=assistance.WORDS, error_list=errors_of(errors), **more)


@routes.post("/services/<service_id>/secrets/<uuid:secret_id>/remove", access=AccountHolder(level=2, fresh=FRESH))
def remove_secret(service_id: str, secret_id: UUID) -> Response:
    """Take a secret away, after the change to the next."""
    team_clients.remove_secret(current(), account().person_id, service_id, secret_id)
    return make_response(redirect(url_for("team.show_service", service_id=service_id), 303))


@routes.post("/services/<service_id>/assistance")
def set_assistance(service_id: str) -> Response:
    """Say what agents may do for people here."""
    actions = tuple(action for action in assistance.ACTIONS if action in request.form.getlist("actions"))
    offices = tuple(request.form.get("offices", "").replace(",", " ").split()[:50])
    try:
        teams.set_assistance(current(), account().person_id, service_id, actions=actions, offices=offices)
    except RegisterNotFound:
        return _show_service(service_id, [("offices", gettext("One of these organisations is not in the register."))])
    return make_response(redirect(url_for("team.show_service", service_id=service_id), 303))


@routes.post("/services/<service_id>/live")
def ask_live(service_id: str) -> Response:
    """Ask to go live."""
    teams.ask_live(current(), account().person_id, service_id)
    return make_response(redirect(url_for("team.show_service", service_id=service_id), 303))


@routes.post("/services/<service_id>/secrets", access=AccountHolder(level=2, fresh=FRESH))
def add_secret(service_id: str) -> Response:
    """Give a client a second secret and show it, this once."""
    view = teams.look(current(), account().person_id, service_id)
    client_id = request.form.get("client_id", "")
    if not view.may_manage or client_id not in {client.client_id for client in view.clients}:
        raise RegisterNotFound("The register has no such client.")
    made = register.add_client_secret(current(), client_id, actor=_actor())
    return page("identity/register/secret.html", made=made, service_id=service_id)


@routes.get("/services/<service_id>/members")
def show_members(service_id: str) -> Response:
    """Who belongs to the team, and until when."""
    return _show_members(service_id, [])


def _show_members(service_id: str, errors: list[tuple[str, str]]) -> Response:
    identity, person_id = current(), account().person_id
    view, members = teams.look(identity, person_id, service_id), teams.list_members(identity, person_id, service_id)
    status, until = 400 if errors else 200, day_parts(request.form, "until")
    return page(
        "identity/register/members.html", status, view=view, members=members, roles=GIVEN, until=until, error_list=errors_of(errors)
    )


@routes.post("/services/<service_id>/members", access=AccountHolder(level=2, fresh=FRESH))
def add_member(service_id: str) -> Response:
    """Give somebody a role; a supplier's ends on a day."""
    identity, view = current(), teams.look(current(), account().person_id, service_id)
    role = request.form.get("role", "")
    if not view.may_manage or role not in set(GIVEN):
        raise RegisterNotFound("The register has no such role.")
    try:
        run = parse_run(request.form.get("run", "")[:64])
        until = read_day(request.form, "until")
        ends = datetime.combine(until, time.min, UTC) if until else None
    except InvalidRun:
        return _show_members(service_id, [("run", gettext("Check the RUN and the digit after the hyphen."))])
    except ValueError:
        return _show_members(service_id, [("until-day", gettext("Enter day, month and year in numbers."))])
    if role == Role.SUPPLIER and ends is None:
        return _show_members(service_id, [("until-day", gettext("A supplier's access ends on a day: enter it."))])
    try:
        register.add_member(identity, org_id=view.organisation.org_id, run=run, role=role, expires_at=ends, actor=_actor())
    except RegisterConflict:
        return _show_members(service_id, [("run", gettext("This person has that role already."))])
    except RegisterNotFound:
        return _show_members(service_id, [("run", gettext("This person has no account yet."))])
    return make_response(redirect(url_for("team.show_members", service_id=service_id), 303))


@routes.post("/services/<service_id>/members/<uuid:member_id>/end", access=AccountHolder(level=2, fresh=FRESH))
def end_member(service_id: str, member_id: UUID) -> Response:
    """End a membership now."""
    teams.end_member(current(), account().person_id, service_id, member_id)
    return make_response(redirect(url_for("team.show_members", service_id=service_id), 303))
