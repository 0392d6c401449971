"""Acting for others, in the account: offers, who acts for whom, giving and ending (RP-4, RP-7)."""

from datetime import timedelta

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.operations import giving, mandate_views, mandates, register_entries
from identity.operations.giving import Gift
from identity.operations.own_client import FRESH
from identity.operations.refusals import MandateRefused
from identity.routes.account_access import AccountHolder, account
from identity.standards import powers
from identity.standards.yes_no import begin_of_day
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import errors_of, gettext, page
from shared.web.dates import day_parts, read_day


class MandateGiver(AccountHolder):
    """A person who gives or ends permissions: signed in lately, at the level of the settings."""

    def __init__(self) -> None:
        super().__init__(fresh=FRESH)

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return "signed-in person at the level of the settings for mandates within 5 minutes"

    def check(self) -> None:
        """Leave the session in `g.account`, or send the browser to sign in."""
        self.level = current().settings.mandate_level
        super().check()


routes = Routes("mandates", __name__, access=AccountHolder(), url_prefix="/account/mandates")
giver = MandateGiver()
FIELDS = ("held", "run")
DAYS = ("valid_from", "valid_until")


def _back() -> Response:
    return make_response(redirect(url_for("mandates.show_mandates"), 303))


@routes.get("")
def show_mandates() -> Response:
    """Offers, for whom the person acts, and who acts for them; the registers are asked first."""
    identity, held = current(), account()
    away = register_entries.look(identity, held.person_id)
    overview = mandate_views.overview(identity, held.person_id)
    return page("identity/account/mandates.html", overview=overview, away=away, words=powers.WORDS)


@routes.get("/give", access=giver)
def show_give() -> Response:
    """Ask who may act, for whom, what for and until when."""
    return _show_give([], {"held": request.args.get("held", "")}, (), ())


def _show_give(errors: list[tuple[str, str]], values: dict[str, str], chosen: tuple[str, ...], services: tuple[str, ...]) -> Response:
    identity = current()
    shown = {"values": values, "chosen": chosen, "chosen_services": services, "words": powers.WORDS, "error_list": errors_of(errors)}
    days = {"days": {name: day_parts(request.form, name) for name in DAYS}, "next_year": identity.clock.now().year + 1}
    authorities = mandate_views.authorities(identity, account().person_id)
    known = mandate_views.list_services(identity)
    return page("identity/account/mandate_give.html", 400 if errors else 200, authorities=authorities, services=known, **days, **shown)


@routes.post("/give", access=giver)
def give() -> Response:
    """Offer a mandate."""
    identity, values = current(), {name: request.form.get(name, "").strip()[:64] for name in FIELDS}
    chosen, services = powers.known(request.form.getlist("powers")), tuple(request.form.getlist("services")[:50])
    try:
        gift = _read(values, chosen, services)
        giving.give(identity, account().person_id, gift)
    except InvalidRun:
        return _show_give([("run", gettext("Check the RUN and the digit after the hyphen."))], values, chosen, services)
    except ValueError as fault:
        return _show_give([(str(fault), gettext("Enter day, month and year in numbers."))], values, chosen, services)
    except MandateRefused as refused:
        return _show_give([("run", gettext(refused.detail))], values, chosen, services)
    return page("identity/account/mandate_given.html", run=gift.grantee.shown)


def _read(values: dict[str, str], chosen: tuple[str, ...], services: tuple[str, ...]) -> Gift:
    """Raises: InvalidRun, ValueError with the name of the field."""
    first, last = (read_day(request.form, name) for name in DAYS)
    if last is None:
        raise ValueError("valid_until-day")
    begin = begin_of_day(first) if first else current().clock.now()
    until = begin_of_day(last + timedelta(days=1))  # the last day counts
    passes_on = request.form.get("may_pass_on") == "yes"
    return Gift(parse_run(values["run"]), chosen, services, begin, until, may_pass_on=passes_on, held=values["held"])


@routes.get("/<mandate_id>")
def show_mandate(mandate_id: str) -> Response:
    """One mandate with each use, and the question whether it shall end."""
    view, uses = mandate_views.look(current(), account().person_id, mandate_id)
    return page("identity/account/mandate.html", view=view, uses=uses, words=powers.WORDS)


@routes.post("/<mandate_id>/accept")
def accept(mandate_id: str) -> Response:
    """Say yes to an offer."""
    giving.accept(current(), account().person_id, mandate_id)
    return _back()


@routes.post("/<mandate_id>/end")
def end(mandate_id: str) -> Response:
    """End a mandate from either side, or say no to an offer: no more than a press, since it only takes away."""
    mandates.end(current(), account().person_id, mandate_id)
    return _back()


@routes.post("/<mandate_id>/suspend")
def suspend(mandate_id: str) -> Response:
    """Have a mandate rest."""
    mandates.set_suspended(current(), account().person_id, mandate_id, suspended=True)
    return _back()


@routes.post("/<mandate_id>/resume", access=giver)
def resume(mandate_id: str) -> Response:
    """Have it count again."""
    mandates.set_suspended(current(), account().person_id, mandate_id, suspended=False)
    return _back()
