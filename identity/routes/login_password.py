"""On the way to a service: a new password, where thieves know the present one (PW-6)."""

from flask import Response, request

from identity.context import current
from identity.operations import interactions, security
from identity.operations.authorize import Need
from identity.operations.refusals import PasswordRefused
from identity.routes import answers, login
from identity.routes.browser import read_browser
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import allow, errors_of, gettext, page

routes = Routes("login_password", __name__, access=PUBLIC_PAGE, url_prefix="/login")


@routes.get("/<interaction_id>/password")
def show_password(interaction_id: str) -> Response:
    """Say why, and ask for another password."""
    return _answer(interaction_id, None)


@routes.post("/<interaction_id>/password")
def send_password(interaction_id: str) -> Response:
    """Take it, and go on."""
    return _answer(interaction_id, request.form.get("password", ""))


def _answer(interaction_id: str, password: str | None) -> Response:
    identity, browser = current(), read_browser(current())

    def look() -> interactions.Step:
        return interactions.look(identity, interaction_id, browser.interaction_token, browser.session)

    def work() -> Response:
        step, errors = look(), []
        if step.need is not Need.PASSWORD or browser.session is None:
            return login.answer(interaction_id, step)
        if password is not None:
            try:
                security.change_password(identity, browser.session.person_id, password, session_id=browser.session.id)
                return login.answer(interaction_id, look())
            except PasswordRefused as refused:
                errors = [("password", gettext(refused.detail))]
        allow("form-action", answers.form_action_source(step.request.redirect_uri))
        allow("script-src", "'self'")
        shown = {"client": step.client, "interaction_id": interaction_id, "error_list": errors_of(errors)}
        return page("identity/new_password.html", 400 if errors else 200, **shown)

    return login.guarded(interaction_id, browser, work)
