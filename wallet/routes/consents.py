"""Pages of a person's consents: the start page, one consent, its end.  Spec: wallet contract §4.1 (U8, U9, U11)."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from shared.routes import Routes
from shared.web import language, page
from wallet.context import current
from wallet.operations.access_log import Filters, read_log
from wallet.operations.consents import get_consent, keep, list_consents, narrow, pause, resume, withdraw
from wallet.operations.decisions import waiting_requests
from wallet.operations.previews import waiting_previews
from wallet.routes.people import Holder, presence

RECENT_LINES = 3
bp = Routes("consents", __name__, access=Holder())


@bp.get("/")
def home() -> ResponseReturnValue:
    """Show what waits, what is in force with the way to end it, and who looked last."""
    wallet, person = current(), presence()
    recent = read_log(wallet, person, Filters(), lang=language(), limit=RECENT_LINES)
    consents = list_consents(wallet, person)
    waiting = waiting_requests(wallet, person, lang=language())
    seen = waiting_previews(wallet, person, lang=language())
    return page("wallet/home.html", previews=seen, waiting=waiting, consents=[one for one in consents if one.is_live], lines=recent.lines)


@bp.get("/permissions")
def show_all() -> ResponseReturnValue:
    """List every consent, also those that ended."""
    return page("wallet/consents.html", consents=list_consents(current(), presence()))


@bp.get("/consents/<uuid:consent_id>")
def show(consent_id: UUID) -> ResponseReturnValue:
    """Show one consent as it was when it was given, and what became of it."""
    return page("wallet/consent.html", consent=get_consent(current(), presence(), consent_id))


@bp.post("/consents/<uuid:consent_id>/pause")
def confirm_pause(consent_id: UUID) -> ResponseReturnValue:
    """Pause a consent, or let it go on."""
    change = resume if request.form.get("decision") == "resume" else pause
    change(current(), presence(), consent_id)
    return redirect(url_for("consents.show", consent_id=consent_id), 303)


@bp.post("/consents/<uuid:consent_id>/keep")
def confirm_keep(consent_id: UUID) -> ResponseReturnValue:
    """Keep what a parent gave, being of age."""
    keep(current(), presence(), consent_id)
    return redirect(url_for("consents.show", consent_id=consent_id), 303)


@bp.post("/consents/<uuid:consent_id>/narrow")
def take_back(consent_id: UUID) -> ResponseReturnValue:
    """Take fields back out of a consent, at once."""
    made = narrow(current(), presence(), consent_id, frozenset(request.form.getlist("drop")))
    return redirect(url_for("consents.show", consent_id=made), 303)


@bp.get("/consents/<uuid:consent_id>/withdraw")
def ask_withdraw(consent_id: UUID) -> ResponseReturnValue:
    """Say what stops, when, and what does not; one button."""
    consent = get_consent(current(), presence(), consent_id)
    if not consent.is_live:
        return redirect(url_for("consents.show", consent_id=consent_id), 303)
    return page("wallet/withdraw.html", consent=consent)


@bp.post("/consents/<uuid:consent_id>/withdraw")
def confirm_withdraw(consent_id: UUID) -> ResponseReturnValue:
    """End the consent; the answer comes after the commit."""
    wallet, person = current(), presence()
    result = withdraw(wallet, person, consent_id)
    return page("wallet/withdrawn.html", withdrawal=result, consent=get_consent(wallet, person, consent_id))
