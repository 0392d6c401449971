"""The chooser "For whom do you act?" on the way to a service (RP-3)."""

from flask import Response, request

from identity.context import current
from identity.operations import interactions, register_entries, representation
from identity.operations.authorize import Need
from identity.operations.sign_in import Browser
from identity.routes import answers, login
from identity.routes.browser import read_browser
from identity.standards import assistance, powers
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import allow, gettext, page

routes = Routes("represent", __name__, access=PUBLIC_PAGE, url_prefix="/login")
MYSELF = "self"


@routes.get("/<interaction_id>/represent")
def show_represent(interaction_id: str) -> Response:
    """Ask for whom the person acts; where nothing can be chosen and nothing must be, go on for themselves."""
    return _show(interaction_id)


def _show(interaction_id: str, errors: dict[str, str] | None = None) -> Response:
    identity, browser = current(), read_browser(current())

    def work() -> Response:
        step = interactions.look(identity, interaction_id, browser.interaction_token, browser.session)
        wish = representation.wish_of(step.request)
        if step.need is not Need.REPRESENTED or browser.session is None or wish is None:
            return login.answer(interaction_id, step)
        away = register_entries.look(identity, browser.session.person_id) if wish.others else []  # outside any transaction
        with identity.reading() as tx:
            options = representation.options(identity, tx.connection, browser.session.person_id, step.client.service_id, wish)
            helps = representation.helps(identity, tx.connection, step.client, browser.session, wish)
        if not options and not helps and not wish.required:
            return _choose(interaction_id, browser, "")
        allow("form-action", answers.form_action_source(step.request.redirect_uri))
        shown = {
            "client": step.client,
            "interaction_id": interaction_id,
            "options": options,
            "helps": helps,
            "wish": wish,
            "away": away,
            "errors": errors or {},
        }
        return page(
            "identity/represent.html", 400 if errors else 200, words=powers.WORDS, help_words=assistance.WORDS, myself=MYSELF, **shown
        )

    return login.guarded(interaction_id, browser, work)


@routes.post("/<interaction_id>/represent")
def send_represent(interaction_id: str) -> Response:
    """Take the answer."""
    browser, chosen = read_browser(current()), request.form.get("whom", "")[:80]
    if not chosen:
        return _show(interaction_id, {"whom": gettext("Choose for whom you act.")})

    def work() -> Response:
        return _choose(interaction_id, browser, "" if chosen == MYSELF else chosen)

    return login.guarded(interaction_id, browser, work)


def _choose(interaction_id: str, browser: Browser, answer: str) -> Response:
    step = interactions.choose_represented(current(), interaction_id, browser.interaction_token, browser.session, answer)
    return login.answer(interaction_id, step)
