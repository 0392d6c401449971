"""The pages of sign-in: RUN and password, passkey, code, consent (AZ-24)."""

from collections.abc import Callable
from dataclasses import replace

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.errors import AccessDenied, InteractionExpired, OAuthError
from identity.operations import consent, guards, interactions, login, own_client, passkeys, second_factors, wallet_consents
from identity.operations.authorize import Need
from identity.operations.interactions import Step
from identity.operations.login import Typed
from identity.operations.sign_in import Attempt, Browser
from identity.providers.base import TooBusy
from identity.routes import answers
from identity.routes.browser import DEVICE, DEVICE_SECONDS, INTERACTION, SESSION, read_browser, read_cookie, set_cookie, set_session_cookie
from identity.standards import robot_check
from identity.standards.rfc6749 import add_to_query
from shared.access import PUBLIC_PAGE
from shared.problems import Unavailable
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import allow, gettext, gettext_noop, page
from shared.web.person import is_own_path

routes = Routes("login", __name__, access=PUBLIC_PAGE, url_prefix="/login")
PAGES = {
    Need.LOGIN: "login.show_login",
    Need.ACCOUNT: "accounts.show_accounts",
    Need.SECOND_FACTOR: "login.show_code",
    Need.PASSWORD: "login_password.show_password",
    Need.REPRESENTED: "represent.show_represent",
    Need.PERMISSION: "permission.show_permission",
    Need.CONSENT: "login.show_consent",
}
BUSY_SECONDS = 2
Errors = list[tuple[str, str]]


def answer(interaction_id: str, step: Step, *, device_token: str | None = None) -> Response:
    """Send the browser where a step leads: to the next page, back to the client, or to the start of the flow.

    Raises: AccessDenied, TemporarilyUnavailable for the client, when a permission that the code carries ended meanwhile.
    """
    identity = current()
    if step.code is not None:
        wallet_consents.confirm(identity, step.client, step.request)
        response = answers.send_code(identity, step.request, step.code, step.session_token or read_cookie(identity, SESSION))
    elif step.need is Need.NOTHING:
        again = add_to_query(url_for("authorize.authorize"), step.request.as_parameters())
        response = make_response(redirect(again if step.request.can_restart else step.client.start_url, 303))
    else:
        response = make_response(redirect(url_for(PAGES[step.need], interaction_id=interaction_id), 303))
    if step.session_token is not None:
        # The form token stays: another tab's page must still work, and each form belongs to an interaction of this browser anyway.
        set_session_cookie(identity, response, step.session_token)
    if device_token is not None:
        set_cookie(identity, response, DEVICE, device_token, max_age=DEVICE_SECONDS)
    return response


def _tell_client(interaction_id: str, browser: Browser, error: OAuthError) -> Response:
    """End the interaction and tell the client why."""
    identity = current()
    step = interactions.refuse(identity, interaction_id, browser.interaction_token)
    return answers.send_error(identity, step.request, error)


def guarded(interaction_id: str, browser: Browser, work: Callable[[], Response]) -> Response:
    """Do the work; what the client must be told goes to the client, and an expired page back to the service (AZ-24)."""
    try:
        return work()
    except InteractionExpired as expired:
        return make_response(redirect(str(expired.extra["start_url"]), 303))
    except TooBusy:
        raise Unavailable(
            gettext_noop("Many people are signing in just now. Try again in a moment."), retry_after_seconds=BUSY_SECONDS
        ) from None
    except OAuthError as error:
        return _tell_client(interaction_id, browser, error)


def _look(interaction_id: str, browser: Browser) -> Step:
    return interactions.look(current(), interaction_id, browser.interaction_token, browser.session)


def _show(template: str, step: Step, interaction_id: str, *, errors: Errors | None = None, **values: object) -> Response:
    """Show a page of an interaction; its form may lead back to the client, which browsers must be told."""
    allow("form-action", answers.form_action_source(step.request.redirect_uri))
    if wallet_consents.asked(step.request) is not None:
        allow("form-action", answers.form_action_source(current().settings.wallet_url))
    status = 400 if errors else 200
    return page(template, status, client=step.client, interaction_id=interaction_id, errors=dict(errors or []), **values)


@routes.get("/start")
def start() -> Response:
    """Begin a sign-in for our own pages."""
    identity, browser = current(), read_browser(current())
    path, level, max_age = (request.args.get(name, "") for name in ("next", "level", "max_age"))
    fresh = int(max_age) if max_age.isdecimal() and len(max_age) <= 6 else None
    token = browser.interaction_token or identity.ids.token(32)
    wanted = path if is_own_path(path) else "/account"
    begun = own_client.begin(identity, wanted, browser=token, level=int(level) if level in {"2", "3"} else 1, max_age=fresh)
    response = make_response(redirect(url_for("login.show_login", interaction_id=begun), 303))
    set_cookie(identity, response, INTERACTION, token)
    return response


@routes.get("/<interaction_id>")
def show_login(interaction_id: str) -> Response:
    """Ask for RUN and password, or go on where that is not needed."""
    identity, browser = current(), read_browser(current())
    token = browser.interaction_token or identity.ids.token(32)
    interactions.take_up(identity, interaction_id, token)
    browser = replace(browser, interaction_token=token)

    def work() -> Response:
        step = _look(interaction_id, browser)
        if step.need is Need.LOGIN or (step.need is Need.SECOND_FACTOR and "change" in request.args):
            return _show_login(step, interaction_id, run=step.request.login_hint or "", kiosk=browser.origin.kiosk)
        return answer(interaction_id, step)

    response = guarded(interaction_id, browser, work)
    set_cookie(identity, response, INTERACTION, token)
    return response


@routes.post("/<interaction_id>")
def send_login(interaction_id: str) -> Response:
    """Take RUN and password."""
    identity, browser = current(), read_browser(current())
    typed, password = request.form.get("run", "")[:64], request.form.get("password", "")
    try:
        run = parse_run(typed)
    except InvalidRun:
        return _ask_again(interaction_id, browser, typed, [("run", gettext("Check the RUN and the digit after the hyphen."))])
    if not password:
        return _ask_again(interaction_id, browser, typed, [("password", gettext("Enter your password."))])

    typed_in = Typed(run, password, request.form.get("ticket", ""), request.form.get("work", ""))

    def work() -> Response:
        attempt = login.submit_password(identity, interaction_id, browser, typed_in)
        if attempt.check:
            wait = gettext("Many tries come from your network. Wait 15 seconds, enter your password again and go on.")
            return _ask_again(interaction_id, browser, typed, [("password", wait)], check=True)
        if attempt.step is None:
            wrong = gettext("The RUN or the password is not right. After several tries, wait some minutes before the next one.")
            return _ask_again(interaction_id, browser, typed, [("password", wrong)])
        return answer(interaction_id, attempt.step, device_token=attempt.device_token)

    return guarded(interaction_id, browser, work)


def _show_login(step: Step, interaction_id: str, *, errors: Errors | None = None, check: bool = False, **values: object) -> Response:
    """Show the sign-in page, with what a passkey needs, and with the robot check where that is asked for."""
    identity = current()
    allow("script-src", "'self'")
    ticket = guards.give_ticket(identity, "login") if check else ""
    options = passkeys.options_to_sign_in(identity, interaction_id)
    values |= {"ticket": ticket, "bits": robot_check.WORK_BITS, "passkey": options}
    return _show("identity/login.html", step, interaction_id, errors=errors, **values)


def _ask_again(interaction_id: str, browser: Browser, typed: str, errors: Errors, *, check: bool = False) -> Response:
    """Show the sign-in page with what was typed, never the password."""

    def work() -> Response:
        step = _look(interaction_id, browser)
        return (
            _show_login(step, interaction_id, errors=errors, check=check, run=typed, kiosk=browser.origin.kiosk)
            if step.need in PAGES
            else answer(interaction_id, step)
        )

    return guarded(interaction_id, browser, work)


@routes.post("/<interaction_id>/passkey")
def send_passkey(interaction_id: str) -> Response:
    """Take the answer of a passkey, from the sign-in page or as second factor."""
    identity, browser = current(), read_browser(current())
    credential = request.form.get("credential", "")

    def work() -> Response:
        attempt = passkeys.submit_passkey(identity, interaction_id, browser, credential)
        if attempt.step is not None:
            return answer(interaction_id, attempt.step, device_token=attempt.device_token)
        failed = gettext("The passkey did not work. Use another way to sign in.")
        step = _look(interaction_id, browser)
        if step.need is Need.SECOND_FACTOR:
            return _show_code(step, interaction_id, browser, errors=[("code", failed)])
        return _show_login(step, interaction_id, errors=[("run", failed)], run="", kiosk=browser.origin.kiosk)

    return guarded(interaction_id, browser, work)


@routes.get("/<interaction_id>/code")
def show_code(interaction_id: str) -> Response:
    """Ask for the second factor."""
    browser = read_browser(current())

    def work() -> Response:
        step = _look(interaction_id, browser)
        return _show_code(step, interaction_id, browser) if step.need is Need.SECOND_FACTOR else answer(interaction_id, step)

    return guarded(interaction_id, browser, work)


def _show_code(step: Step, interaction_id: str, browser: Browser, *, errors: Errors | None = None) -> Response:
    """Show the page of the second factor with what this person has."""
    identity = current()
    offer = second_factors.offer(identity, interaction_id, browser)
    if offer is None:
        return answer(interaction_id, step)
    passkey = ""
    if offer.factors.passkey:
        allow("script-src", "'self'")
        passkey = passkeys.options_for_person(identity, interaction_id, offer.person_id)
    return _show("identity/code.html", step, interaction_id, errors=errors, offer=offer, passkey=passkey)


@routes.post("/<interaction_id>/code")
def send_code(interaction_id: str) -> Response:
    """Take a code: of the app, of a message, or from paper."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        attempt: Attempt = second_factors.submit_code(identity, interaction_id, browser, request.form.get("code", "")[:32])
        if attempt.step is not None:
            return answer(interaction_id, attempt.step, device_token=attempt.device_token)
        wrong = gettext("The code is not right, or it was used already. Wait for the next one in your app.")
        return _show_code(_look(interaction_id, browser), interaction_id, browser, errors=[("code", wrong)])

    return guarded(interaction_id, browser, work)


@routes.post("/<interaction_id>/message")
def send_message(interaction_id: str) -> Response:
    """Send a code by text message."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        second_factors.send_login_code(identity, interaction_id, browser)
        return make_response(redirect(url_for("login.show_code", interaction_id=interaction_id), 303))

    return guarded(interaction_id, browser, work)


@routes.get("/<interaction_id>/consent")
def show_consent(interaction_id: str) -> Response:
    """Ask whether the client may have what it asks for, each datum with its value."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        step = _look(interaction_id, browser)
        if step.need is not Need.CONSENT or browser.session is None:
            return answer(interaction_id, step)
        data = consent.data_to_release(identity, step.client, step.request, browser.session)
        details = wallet_consents.left_to_show(step.request)
        return _show("identity/consent.html", step, interaction_id, data=data, details=details, offline=step.request.offline)

    return guarded(interaction_id, browser, work)


@routes.post("/<interaction_id>/consent")
def send_consent(interaction_id: str) -> Response:
    """Take the answer to that."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        if request.form.get("decision") != "grant":
            return _tell_client(interaction_id, browser, AccessDenied("the person refused"))
        return answer(interaction_id, interactions.give_consent(identity, interaction_id, browser.interaction_token, browser.session))

    return guarded(interaction_id, browser, work)


@routes.post("/<interaction_id>/cancel")
def cancel(interaction_id: str) -> Response:
    """Go back to the service without signing in (AZ-22)."""
    browser = read_browser(current())
    return guarded(interaction_id, browser, lambda: _tell_client(interaction_id, browser, AccessDenied("the person did not sign in")))
