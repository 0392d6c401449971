"""The chooser: go on as the person who is signed in, or as another (AZ-12)."""

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.operations import consent, interactions
from identity.operations.authorize import Need
from identity.routes import answers, login
from identity.routes.browser import read_browser
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import allow, page

routes = Routes("accounts", __name__, access=PUBLIC_PAGE, url_prefix="/login")


@routes.get("/<interaction_id>/account")
def show_accounts(interaction_id: str) -> Response:
    """Ask with which account to go on."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        step = interactions.look(identity, interaction_id, browser.interaction_token, browser.session)
        if step.need is not Need.ACCOUNT or browser.session is None:
            return login.answer(interaction_id, step)
        name = consent.name_of(identity, browser.session)
        allow("form-action", answers.form_action_source(step.request.redirect_uri))
        return page("identity/account.html", client=step.client, interaction_id=interaction_id, name=name)

    return login.guarded(interaction_id, browser, work)


@routes.post("/<interaction_id>/account")
def choose_account(interaction_id: str) -> Response:
    """Take the choice."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        stay = request.form.get("decision") == "stay"
        interactions.choose_account(identity, interaction_id, browser.interaction_token, browser.session, stay=stay)
        return make_response(redirect(url_for("login.show_login", interaction_id=interaction_id), 303))

    return login.guarded(interaction_id, browser, work)
