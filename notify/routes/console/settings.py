"""What a team sets: keys, senders, guest list, name; keys and guests ask for a second factor."""

from collections.abc import Callable
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import Refusal
from notify.models.team import Right
from notify.operations import service_settings as settings
from notify.operations.services import set_guest_list
from notify.operations.suppressions import LISTED_MAX, lift, list_suppressed, suppress_by_hand
from notify.routes.console.access import Team, member
from notify.routes.console.pages import show_page
from notify.schemas.console_words import said
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.local_rules import LocalRules
from shared.routes import Routes

bp = Routes("console_settings", __name__, url_prefix="/services/<uuid:service_id>/settings", access=Team(Right.MANAGE))
_MANAGER = Team(Right.MANAGE)
_OPERATOR = Team(Right.OPERATE)


@bp.route("", methods=["GET", "POST"])
def show(service_id: UUID) -> ResponseReturnValue:
    """Show the ways on, and change the name."""
    known = current().catalogue.find_service(service_id)
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        name, prefix = request.form.get("name", ""), "prefix_sms" in request.form
        before = known.rules if known else LocalRules()
        rules = LocalRules(
            request.form.get("number_region", before.number_region), request.form.get("address_scheme", before.address_scheme)
        )
        mail_name = request.form.get("mail_name")

        def change() -> None:
            settings.rename(current(), member(), service_id, name=name, prefix_sms=prefix, rules=rules, mail_name=mail_name)

        problems = _try("name", change)
        if not problems:
            return redirect(url_for("console_settings.show", service_id=service_id), 303)
    return show_page(
        "settings",
        problems,
        known=known,
        checklist=settings.checklist(current(), service_id),
        mail_domain=current().settings.email_domain,
        register=f"{current().settings.issuer.rstrip('/')}/team",
    )


@bp.post("/stage", access=_OPERATOR)
def set_stage(service_id: UUID) -> ResponseReturnValue:
    """Take a service live, or back on trial."""
    settings.go_live(current(), member(), service_id, live=request.form.get("live") == "1")
    return redirect(url_for("console_settings.show", service_id=service_id), 303)


@bp.route("/keys", methods=["GET", "POST"], access=_MANAGER)
def keys(service_id: UUID) -> ResponseReturnValue:
    """List keys; make one and show it once."""
    problems: list[tuple[str, str]] = []
    made = None
    if request.method == "POST":
        try:
            name, kind = request.form.get("name", "").strip(), request.form.get("kind", "")
            made = settings.make_key(current(), member(), service_id, name=name, kind=kind)
        except Refusal as refused:
            problems = [("name", said(refused.messages[0]))]
    return show_page(
        "keys",
        problems,
        keys=settings.list_keys(current(), service_id),
        made=made,
        typed=request.form,
    )


@bp.route("/keys/<uuid:key_id>/revoke", methods=["GET", "POST"], access=_MANAGER)
def revoke(service_id: UUID, key_id: UUID) -> ResponseReturnValue:
    """Ask, then end a key."""
    if request.method == "POST":
        settings.revoke_key(current(), member(), service_id, key_id)
        return redirect(url_for("console_settings.keys", service_id=service_id), 303)
    named = next((key.name for key in settings.list_keys(current(), service_id) if key.id == key_id), "")
    return show_page("key_revoke", name=named)


@bp.route("/senders", methods=["GET", "POST"])
def senders(service_id: UUID) -> ResponseReturnValue:
    """List senders; add one."""
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        form = request.form
        problems = _try(
            "value",
            lambda: settings.new_sender(
                current(),
                member(),
                service_id,
                channel=form.get("channel", ""),
                value=form.get("value", ""),
                is_default="is_default" in form,
            ),
        )
        if not problems:
            return redirect(url_for("console_settings.senders", service_id=service_id), 303)
    return _senders(service_id, problems)


@bp.post("/senders/<uuid:sender_id>")
def change_sender(service_id: UUID, sender_id: UUID) -> ResponseReturnValue:
    """Make a sender the default, or take it out of use."""
    change = settings.archive_sender if "archive" in request.form else settings.set_default
    problems = _try("value", lambda: change(current(), member(), service_id, sender_id))
    return _senders(service_id, problems) if problems else redirect(url_for("console_settings.senders", service_id=service_id), 303)


@bp.route("/guests", methods=["GET", "POST"], access=_MANAGER)
def guests(service_id: UUID) -> ResponseReturnValue:
    """Show and change whom team keys and a service on trial may write to."""
    text = "\n".join(settings.list_guests(current(), service_id))
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        text = request.form.get("guests", "")
        recipients = [line.strip() for line in text.splitlines() if line.strip()]

        def change() -> None:
            settings.check_guests(recipients)
            set_guest_list(current(), service_id, recipients, actor=member().actor)
            current().catalogue.forget()

        problems = _try("guests", change)
        if not problems:
            return redirect(url_for("console_settings.guests", service_id=service_id), 303)
    return show_page(
        "guests",
        problems,
        text=text,
    )


@bp.route("/suppressions", methods=["GET", "POST"])
def suppressions(service_id: UUID) -> ResponseReturnValue:
    """List addresses that are not written to any more; put one there."""
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        try:
            suppress_by_hand(current(), member(), service_id, email_address(request.form.get("address", "")))
            return redirect(url_for("console_settings.suppressions", service_id=service_id), 303)
        except InvalidEmailAddress as fault:
            problems = [("address", said(str(fault)))]
    after = request.args.get("after", "")
    found = list_suppressed(current(), service_id, after, size=LISTED_MAX + 1)
    return show_page(
        "suppressions", problems, suppressed=found[:LISTED_MAX], more=len(found) > LISTED_MAX, is_first=not after, typed=request.form
    )


@bp.post("/suppressions/<index>/lift")
def lift_suppression(service_id: UUID, index: str) -> ResponseReturnValue:
    """Take an address off the list."""
    lift(current(), member(), service_id, index)
    return redirect(url_for("console_settings.suppressions", service_id=service_id), 303)


def _senders(service_id: UUID, problems: list[tuple[str, str]]) -> ResponseReturnValue:
    return show_page(
        "senders",
        problems,
        senders=settings.list_senders(current(), service_id),
        typed=request.form,
    )


def _try(field: str, change: Callable[[], object]) -> list[tuple[str, str]]:
    """Do a change; give what to put right about a field where it was refused."""
    try:
        change()
    except Refusal as refused:
        return [(field, said(refused.messages[0]))]
    return []
