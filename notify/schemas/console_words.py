"""The contract's English refusals in the words of the page; the wire keeps its own."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import format_currency, format_decimal, get_currency_precision

from notify.operations.bulk import RECIPIENTS
from notify.operations.uploads import WrongRow
from notify.standards.reminder_times import COLUMNS
from shared.web import gettext, gettext_noop
from shared.web.words import clp, locale

KNOWN = (  # what operations refuse with, marked here so that the catalogue has it
    gettext_noop("Not a valid email address"),
    gettext_noop("Must not contain letters or symbols"),
    gettext_noop("Not enough digits"),
    gettext_noop("Too many digits"),
    gettext_noop("Not a UK mobile number"),
    gettext_noop("Not a valid country prefix"),
    gettext_noop("Number is not valid – double check the phone number you entered"),
    gettext_noop("Not a valid RUN or subject identifier"),
    gettext_noop("Address must be at least 3 lines"),
    gettext_noop("Address must be no more than 7 lines"),
    gettext_noop("The first 2 lines of the address must both include at least one alphanumeric character"),
    gettext_noop("The last line of a BFPO address must not be a country."),
    gettext_noop("Last line of address must be a real UK postcode or another country"),
    gettext_noop("Must be a real UK postcode"),
    gettext_noop("Not a mobile number"),
    gettext_noop("Last line of address must be a comuna, with or without its postal code"),
    gettext_noop("Last line of address must be a comuna, with or without its postal code, or another country"),
    gettext_noop("Address lines must not start with any of the following characters: @ ( ) = [ ] ” \\ / , < >"),
    gettext_noop("Must be a real address"),
    gettext_noop("Your message is empty."),
    gettext_noop("Cannot send to international mobile numbers"),
    gettext_noop("Cannot send letters when service is in trial mode"),
    gettext_noop("Service is not allowed to send emails"),
    gettext_noop("Service is not allowed to send text messages"),
    gettext_noop("Service is not allowed to send letters"),
    gettext_noop("Template has been deleted"),
    gettext_noop("A service in trial mode has no live keys"),
    gettext_noop("A callback address must be https"),
    gettext_noop("A callback address is one that can be called, of at most 1000 characters"),
    gettext_noop("A bearer token has at least 10 characters"),
    gettext_noop("A bearer token has only letters without accents, digits and signs"),
    gettext_noop("Nobody is told of this any more: first say where to tell it"),
    gettext_noop("The file is empty"),
    gettext_noop("No column says who the recipients are"),
    gettext_noop("The file has no rows below the names of the columns"),
    gettext_noop("This is not a table saved as CSV: open it and save it as CSV (UTF-8)"),
    gettext_noop("The encoding of the file cannot be told: save it as UTF-8"),
    gettext_noop("is missing"),
    gettext_noop("is not a date such as 2027-03-01 or 01-03-2027"),
    gettext_noop("leaves no moment that is still to come"),
    gettext_noop("is not 1 to 12 whole numbers such as 30, 7, 1"),
    gettext_noop("goes up to 400"),
    gettext_noop("is not a time such as 09:00"),
    gettext_noop("A guest is an email address, a phone number or a RUN"),
    gettext_noop("Letter content is larger than 5MB"),
    gettext_noop("The row could not be made into a message"),
    gettext_noop("Cannot create a usable QR code - the link is too long"),
)
_BEGINNINGS = {
    "Can’t send to this recipient": gettext_noop("The service is on trial: it can send to its own team only."),
    "Your message is too long": gettext_noop("This message is too long to be sent."),
    "Exceeded rate limit": gettext_noop("Too many messages were sent in this minute. Wait a minute and try again."),
    "Exceeded send limits": gettext_noop("Today's allowance of the service is used up. Go on tomorrow."),
    "missing": gettext_noop("Fill this in."),
    "email_reply_to_id": gettext_noop("This sender is not in use any more. Choose another."),
    "sms_sender_id": gettext_noop("This sender is not in use any more. Choose another."),
}


LETTER_REASONS = {
    "letter-too-long": gettext_noop("The letter has more than 10 pages."),
    "letter-not-a4-portrait-oriented": gettext_noop("A page is not an upright A4 page."),
    "content-outside-printable-area": gettext_noop(
        "Something stands too close to an edge. Leave 15 mm at the sides, and 5 mm at the top and at the bottom."
    ),
    "notify-tag-found-in-content": gettext_noop("The word NOTIFY stands in the margin: that place is the printer's. Take it out."),
    "address-is-empty": gettext_noop(
        "There is no address in the window of the envelope. "
        "Put it between 24.6 and 120 mm from the left, and between 39.5 and 66.3 mm from the top."
    ),
    "not-enough-address-lines": gettext_noop("The address has fewer than 3 lines."),
    "too-many-address-lines": gettext_noop("The address has more than 7 lines."),
    "invalid-address-line-1-or-2": gettext_noop("The first two lines of the address must both have a letter or a number."),
    "has-country-for-bfpo-address": gettext_noop("The last line of a BFPO address must not be a country."),
    "not-a-real-uk-postcode": gettext_noop("The last line of the address is not a postcode of the United Kingdom."),
    "not-a-real-uk-postcode-or-country": gettext_noop(
        "The last line of the address is neither a postcode of the United Kingdom nor a country."
    ),
    "not-a-real-comuna": gettext_noop("The last line of the address is not a comuna."),
    "cant-send-international-letters": gettext_noop("The address is in another country, and this service does not send letters there."),
    "invalid-char-in-address": gettext_noop(
        "A line of the address begins with a sign that it must not begin with, such as @ ( = or a comma."
    ),
    "no-fixed-abode-address": gettext_noop("The address says that there is none: no letter can go there."),
    "unable-to-read-the-file": gettext_noop("The file cannot be read. Save it again as a PDF, without a password."),
}
"""Why a letter that came as a PDF was not sent, by the contract's code (notify-api §17)."""


def reason_said(code: str | None) -> str:
    """Give the reason for which a letter was not sent in the visitor's language; empty where there is none."""
    return gettext(LETTER_REASONS[code]) if code in LETTER_REASONS else ""


def said(message: str) -> str:
    """Give a refusal in the visitor's language; one without words of its own is given as the wire has it."""
    for beginning, words in _BEGINNINGS.items():
        if message.startswith(beginning):
            return gettext(words)
    return gettext(message)


def said_of_rows(rows: Sequence[WrongRow]) -> list[tuple[int, list[tuple[str, str]]]]:
    """Give the wrong rows of a file with their faults in the visitor's language."""
    return [(row.number, [(name, said(fault)) for name, fault in row.faults]) for row in rows]


def said_of_errors(errors: Sequence[tuple[int, Sequence[str]]]) -> list[tuple[int, list[tuple[str, str]]]]:
    """Give the rows of a job that made no message, each fault as what it is about (or nothing) and what to do."""
    return [(number, [_said_of(text) for text in texts]) for number, texts in errors]


def _said_of(text: str) -> tuple[str, str]:
    name, _, fault = text.partition(": ")
    if name == "Missing personalisation":
        return fault, said("missing")
    return (name, said(fault)) if name in {*RECIPIENTS.values(), *COLUMNS} else ("", said(text))


def written_price(amount: Decimal, currency: str) -> str:
    """Write the price of one thing with all its decimals, which may be more than its currency has."""
    return f"{format_decimal(amount, format='#,##0.######', locale=locale())} {currency}"


def written_money(amount: Decimal, currency: str) -> str:
    """Write an amount in the visitor's language, with as many decimals as its currency has."""
    rounded = amount.quantize(Decimal(1).scaleb(-get_currency_precision(currency)), ROUND_HALF_UP)
    return clp(int(rounded)) if currency == "CLP" else format_currency(rounded, currency, locale=locale())
