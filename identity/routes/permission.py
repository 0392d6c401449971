"""On the way to a service through the wallet, which asks the person for a permission, and back (wallet contract §12)."""

from flask import Response, make_response, redirect, url_for

from identity.context import current
from identity.operations import interactions, wallet_consents
from identity.operations.authorize import Need
from identity.routes import login
from identity.routes.browser import read_browser
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import page

routes = Routes("permission", __name__, access=PUBLIC_PAGE, url_prefix="/login")


@routes.get("/<interaction_id>/permission")
def show_permission(interaction_id: str) -> Response:
    """Send the person to the wallet."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        step = interactions.look(identity, interaction_id, browser.interaction_token, browser.session)
        if step.need is not Need.PERMISSION or browser.session is None:
            return login.answer(interaction_id, step)
        back = identity.settings.public_url + url_for("permission.come_back", interaction_id=interaction_id)
        view = wallet_consents.begin(identity, interaction_id, step.client, step.request, browser.session, back=back)
        return make_response(redirect(view, 303))

    return login.guarded(interaction_id, browser, work)


@routes.get("/<interaction_id>/permission/back")
def come_back(interaction_id: str) -> Response:
    """Take the browser back from the wallet: a page of its own, for browsers follow a form no further than its page allows."""
    onward = url_for("permission.take_permission", interaction_id=interaction_id)
    response = page("identity/permission_back.html", onward=onward)
    response.headers["Refresh"] = f"0; url={onward}"
    return response


@routes.get("/<interaction_id>/permission/answer")
def take_permission(interaction_id: str) -> Response:
    """Ask the wallet what was decided, which the address does not prove, and go on."""
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        step = interactions.look(identity, interaction_id, browser.interaction_token, browser.session)
        if step.need is not Need.PERMISSION or browser.session is None:
            return login.answer(interaction_id, step)
        subject = wallet_consents.find_subject(identity, step.client, step.request, browser.session)
        question = wallet_consents.question_id(interaction_id, subject)
        found = wallet_consents.decision(identity, step.client, question)
        if found.granted is None:
            return make_response(redirect(url_for("permission.show_permission", interaction_id=interaction_id), 303))
        given = wallet_consents.Given(question, subject, found.granted)
        taken = interactions.take_permission(identity, interaction_id, browser.interaction_token, browser.session, given)
        return login.answer(interaction_id, taken)

    return login.guarded(interaction_id, browser, work)
