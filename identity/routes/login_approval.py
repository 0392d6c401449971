"""The second factor on another device, on the side that signs in: the number, and going on (§3.4)."""

from flask import Response, make_response, redirect, url_for

from identity.context import current
from identity.operations import approvals, interactions
from identity.operations.authorize import Need
from identity.operations.sign_in import Browser
from identity.routes import answers, login
from identity.routes.browser import read_browser
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import allow, gettext, page

routes = Routes("login_approval", __name__, access=PUBLIC_PAGE, url_prefix="/login")


@routes.post("/<interaction_id>/approval")
def ask(interaction_id: str) -> Response:
    """Have the person asked where they are signed in."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        if not approvals.ask(identity, interaction_id, browser):
            return _show(interaction_id, browser, gettext("You asked several times. Use another way, or wait some minutes."), status=429)
        return make_response(redirect(url_for("login_approval.show", interaction_id=interaction_id), 303))

    return login.guarded(interaction_id, browser, work)


@routes.get("/<interaction_id>/approval")
def show(interaction_id: str) -> Response:
    """Show the number to type there."""
    browser = read_browser(current())
    return login.guarded(interaction_id, browser, lambda: _show(interaction_id, browser))


@routes.post("/<interaction_id>/approval/done")
def finish(interaction_id: str) -> Response:
    """Go on, when the other device has said yes."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        attempt = approvals.redeem(identity, interaction_id, browser)
        if attempt.step is not None:
            return login.answer(interaction_id, attempt.step, device_token=attempt.device_token)
        return _show(interaction_id, browser, gettext("The other device has not said yes yet. Type the number there, then go on."))

    return login.guarded(interaction_id, browser, work)


def _show(interaction_id: str, browser: Browser, fault: str = "", *, status: int = 400) -> Response:
    identity = current()
    step = interactions.look(identity, interaction_id, browser.interaction_token, browser.session)
    if step.need is not Need.SECOND_FACTOR:
        return login.answer(interaction_id, step)
    waiting = approvals.look(identity, interaction_id, browser)
    state = str(waiting.state) if waiting else "over"
    errors = {"go-on": fault} if fault and (state == "pending" or status != 400) else {}
    number = {"match_code": waiting.match_code, "minutes": waiting.minutes} if waiting else {}
    where = {"interaction_id": interaction_id, "account_address": identity.settings.public_url + "/account"}
    allow("form-action", answers.form_action_source(step.request.redirect_uri))
    return page("identity/approval.html", status if errors else 200, client=step.client, state=state, errors=errors, **number, **where)
