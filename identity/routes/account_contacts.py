"""What is known about the person, and how they are written to (ID-14)."""

import re

import phonenumbers
from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.operations import contacts
from identity.operations.notices import Channel
from identity.operations.own_client import FRESH
from identity.operations.refusals import ContactRefused
from identity.routes.account_access import AccountHolder, account
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import errors_of, gettext, languages, page

routes = Routes("contacts", __name__, access=AccountHolder(fresh=FRESH), url_prefix="/account/profile")
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,250}\.[^@\s.]{2,63}")
FORMS = {"email": Channel.EMAIL, "phone": Channel.SMS}


@routes.get("", access=AccountHolder())
def show_profile() -> Response:
    """Names, RUN, contacts and language."""
    facts, chosen = contacts.find_facts(current(), account().person_id)
    return page("identity/account/profile.html", facts=facts, chosen=chosen)


@routes.post("/language", access=AccountHolder())
def set_language() -> Response:
    """Set the language of messages."""
    if request.form.get("language") in languages():
        contacts.set_language(current(), account().person_id, request.form["language"])
    return make_response(redirect(url_for("contacts.show_profile"), 303))


def _channel(kind: str) -> Channel:
    """Raises: NotFound."""
    if kind not in FORMS:
        raise NotFound
    return FORMS[kind]


@routes.get("/<kind>")
def show_contact(kind: str) -> Response:
    """Ask for another contact."""
    _channel(kind)
    return page("identity/account/contact.html", kind=kind, value="", error_list=[])


@routes.post("/<kind>")
def change_contact(kind: str) -> Response:
    """Send a code to the new contact."""
    channel, typed = _channel(kind), request.form.get("value", "").strip()[:254]
    value = _email(typed) if channel is Channel.EMAIL else _phone(typed)
    if value is None:
        words = gettext("Enter an e-mail address such as name@example.com.")
        if channel is Channel.SMS:
            words = gettext("Enter a mobile number such as +56 9 1234 5678.")
        return page("identity/account/contact.html", 400, kind=kind, value=typed, error_list=errors_of([("value", words)]))
    contacts.begin_change(current(), account().person_id, channel, value)
    return make_response(redirect(url_for("contacts.show_confirm", kind=kind), 303))


def _email(typed: str) -> str | None:
    return typed if EMAIL.fullmatch(typed) else None


def _phone(typed: str) -> str | None:
    try:
        number = phonenumbers.parse(typed, "CL")
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if phonenumbers.is_valid_number(number) else None


@routes.get("/<kind>/confirm")
def show_confirm(kind: str) -> Response:
    """Ask for the code that was sent."""
    _channel(kind)
    return page("identity/account/confirm.html", kind=kind, error_list=[])


@routes.post("/<kind>/confirm")
def confirm(kind: str) -> Response:
    """Take the code."""
    try:
        contacts.confirm_change(current(), account().person_id, _channel(kind), request.form.get("code", "")[:32])
    except ContactRefused as refused:
        return page("identity/account/confirm.html", 400, kind=kind, error_list=errors_of([("code", gettext(refused.detail))]))
    return make_response(redirect(url_for("contacts.show_profile"), 303))
