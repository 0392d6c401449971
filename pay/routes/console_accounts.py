"""The console: opening accounts, what they may do, and what their provider knows them by.  Spec: pay-api.md §23."""

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.operations import account_desk, desk
from pay.providers.base import GatewayUnavailable, PageGateway
from pay.providers.sandbox import SandboxGateway
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_accounts", __name__, url_prefix="/console", access=AtTheDesk())
NAME_MAX, CREDENTIAL_MAX = 100, 200


def _choices() -> dict[str, str]:
    """The providers that an account may have, by name, with what people call them."""
    pages = {name: gateway.label for name, gateway in current().gateways.items() if isinstance(gateway, PageGateway)}
    return {SandboxGateway.name: gettext("The sandbox's test cards")} | pages


@bp.get("/open")
def ask_account() -> Response:
    """Ask an operator what account to open."""
    second_factor()
    account_desk.require_operator(staff())
    return web.page("pay/console/open.html", providers=_choices(), values={}, error_list=[])


@bp.post("/open")
def open_account() -> BaseResponse:
    """Open it, and go on to its provider."""
    second_factor()
    account_desk.require_operator(staff())
    name, office = (request.form.get(field, "").strip()[:NAME_MAX] for field in ("service_name", "organisation_id"))
    provider, is_live = request.form.get("provider", ""), request.form.get("kind") == "live"
    faults = []
    if not name:
        faults.append(("service_name", gettext("Type the name that payers see.")))
    if not office or any(character.isspace() for character in office):
        faults.append(("organisation_id", gettext("Type the office's number in the service register, without spaces.")))
    if provider not in _choices():
        faults.append(("provider", gettext("Choose a provider.")))
    if is_live and provider == SandboxGateway.name:
        faults.append(("provider", gettext("A live account needs a provider that moves money.")))
    if faults:
        errors = web.errors_of(faults)
        return web.page("pay/console/open.html", 422, providers=_choices(), values=request.form, error_list=errors)
    made = account_desk.open_from_desk(current(), staff(), service_name=name, organisation_id=office, gateway=provider, is_live=is_live)
    return redirect(f"/console/accounts/{made}", 303)


@bp.get("/accounts/<account_id>/features")
def ask_features(account_id: str) -> Response:
    """Ask an operator what an account may do."""
    second_factor()
    account = desk.require_account(current(), staff(), account_id)
    account_desk.require_operator(staff())
    return web.page("pay/console/features.html", account=account, features=account_desk.FEATURES)


@bp.post("/accounts/<account_id>/features")
def set_features(account_id: str) -> BaseResponse:
    """Say what an account may do."""
    second_factor()
    account = desk.require_account(current(), staff(), account_id)
    account_desk.set_features(current(), staff(), account, frozenset(request.form.getlist("features")))
    return redirect(f"/console/accounts/{account.id}", 303)


@bp.get("/accounts/<account_id>/provider")
def ask_credentials(account_id: str) -> Response:
    """Ask what the provider knows the account by; what is kept is never shown."""
    return _provider_page(account_id)


def _provider_page(account_id: str, status: int = 200, *, faults: tuple[tuple[str, str], ...] = (), is_kept: bool = False) -> Response:
    second_factor()
    pay = current()
    account = desk.require_account(pay, staff(), account_id, Power.MANAGE)
    gateway = account_desk.page_gateway_of(pay, account)
    if gateway is None:
        raise NotFound
    known = {"provider": gateway.label, "names": gateway.credential_names, "is_set": account_desk.has_credentials(pay, account)}
    return web.page("pay/console/provider.html", status, account=account, is_kept=is_kept, error_list=web.errors_of(list(faults)), **known)


@bp.post("/accounts/<account_id>/provider")
def set_credentials(account_id: str) -> Response:
    """Ask the provider whether it knows them, and keep them if it does."""
    second_factor()
    pay = current()
    account = desk.require_account(pay, staff(), account_id, Power.MANAGE)
    gateway = account_desk.page_gateway_of(pay, account)
    if gateway is None:
        raise NotFound
    typed = {name: request.form.get(name, "").strip() for name in gateway.credential_names}
    faults = tuple((name, fault) for name, value in typed.items() if (fault := _fault_of(value)))
    if faults:
        return _provider_page(account_id, 422, faults=faults)
    first = gateway.credential_names[0]
    try:
        if account_desk.try_credentials(pay, staff(), account, gateway, typed):
            return _provider_page(account_id, is_kept=True)
    except GatewayUnavailable:
        return _provider_page(account_id, 503, faults=((first, gettext("The provider does not answer just now. Nothing was kept.")),))
    return _provider_page(account_id, 422, faults=((first, gettext("The provider does not know these. Nothing was kept.")),))


def _fault_of(value: str) -> str:
    """Say what is wrong with what was typed for a provider; empty where nothing is."""
    if not value:
        return gettext("Fill this in.")
    if len(value) > CREDENTIAL_MAX:
        return gettext("This is too long: at most %(number)d characters.", number=CREDENTIAL_MAX)
    return "" if value.isascii() and value.isprintable() else gettext("Type it as the provider gave it: letters, numbers and signs only.")
