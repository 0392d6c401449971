"""The form of the card page.  Spec: pay-api.md §16 (fields, validation)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pay.models.account import Account
from pay.providers.base import CardDetails, CardNumber
from pay.providers.sandbox import kind_of
from pay.schemas.rules import is_email
from pay.standards.cards import LABELS, MAX_DIGITS, MIN_DIGITS, brand_of, holds_card_number, luhn_valid
from pay.standards.payment_object import Address, Payer
from shared.web import gettext_noop as noop

ID_OF = {
    "cardNo": "card-no",
    "expiryMonth": "expiry-month",
    "expiryYear": "expiry-year",
    "cardholderName": "cardholder-name",
    "cvc": "cvc",
    "addressCountry": "address-country",
    "addressLine1": "address-line-1",
    "addressLine2": "address-line-2",
    "addressCity": "address-city",
    "addressPostcode": "address-postcode",
    "email": "email",
}
"""The id of each input by its name; both are a contract, and the order is that of the page."""
SECRET = frozenset({"cardNo", "cvc"})
"""Never filled in again."""
_POSTCODE_GB = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}", re.IGNORECASE)

Errors = dict[str, str]


@dataclass(frozen=True)
class CardForm:
    """What the payer typed, read; `errors` says what to put right, by field name, in English."""

    kept: dict[str, str]
    """The values to fill in again: never a card number or a security code."""
    errors: Errors
    card: CardDetails | None = field(default=None, repr=False)
    payer: Payer = field(default=Payer(), repr=False)


def read_card_form(form: Mapping[str, str], account: Account, today: date, *, known: Payer) -> CardForm:
    """Read the form; `card` is there when there are no errors."""
    values = {name: form.get(name, "").strip().replace("\0", "") for name in ID_OF}
    errors: Errors = {}
    digits = re.sub(r"\s", "", values["cardNo"])
    _check(errors, "cardNo", _number_fault(digits, account))
    month, year = _expiry(values, today, errors)
    _check(errors, "cardholderName", _name_fault(values["cardholderName"]))
    _check(errors, "cvc", _cvc_fault(values["cvc"]))
    address = _address(values, errors) if account.collect_billing_address else known.billing_address
    email = _email(values["email"], account, errors) if account.email_collection != "OFF" else known.email
    kept = {name: value for name, value in values.items() if name not in SECRET}
    if errors:
        return CardForm(kept, {name: errors[name] for name in ID_OF if name in errors})
    payer = Payer(email or known.email, values["cardholderName"], address)
    card = CardDetails(CardNumber(digits), values["cvc"], month, year, values["cardholderName"])
    return CardForm(kept, {}, card, payer)


def _check(errors: Errors, name: str, fault: str | None) -> None:
    if fault:
        errors[name] = fault


def _number_fault(digits: str, account: Account) -> str | None:
    if not digits:
        return noop("Enter the long number from the front of your card")
    if not re.fullmatch(r"[0-9]+", digits, re.ASCII) or not MIN_DIGITS <= len(digits) <= MAX_DIGITS or not luhn_valid(digits):
        return noop("The card number is not right. Check the digits and type them again")
    brand = brand_of(digits)
    if brand is None or LABELS[brand.label].code not in account.card_brands:
        return noop("We do not take this kind of card. Use another card")
    if account.block_prepaid and kind_of(digits).is_prepaid:
        return noop("We do not take prepaid cards. Use another card")
    return None


def _cvc_fault(cvc: str) -> str | None:
    if not cvc:
        return noop("Enter the security code of your card")
    return None if re.fullmatch(r"[0-9]{3,4}", cvc, re.ASCII) else noop("The security code has 3 or 4 digits")


def _name_fault(name: str) -> str | None:
    if not name:
        return noop("Enter the name as it stands on the card")
    if len(name) > 255:
        return noop("The name is too long. Use 255 characters or fewer")
    if re.fullmatch(r"[0-9 ]{3,5}", name):
        return noop("Enter the name on the card here, not the security code")
    return noop("Enter the name on the card here, not the card number") if holds_card_number(name) else None


def _expiry(values: Mapping[str, str], today: date, errors: Errors) -> tuple[int, int]:
    month_text, year_text = values["expiryMonth"], values["expiryYear"]
    if not month_text or not year_text:
        errors["expiryMonth"] = noop("Enter the month and the year in which the card expires")
        return 0, 0
    if not re.fullmatch(r"0?[1-9]|1[0-2]", month_text, re.ASCII) or not re.fullmatch(r"[0-9]{2}|20[0-9]{2}", year_text, re.ASCII):
        errors["expiryMonth"] = noop("The expiry date is not right. Enter it as on the card, such as 11 and 29")
        return 0, 0
    month, year = int(month_text), 2000 + int(year_text) % 100
    if (year, month) < (today.year, today.month):
        errors["expiryMonth"] = noop("This card has expired. Use another card")
    return month, year


def _address(values: Mapping[str, str], errors: Errors) -> Address:
    wanted = (
        ("addressLine1", noop("Enter the street and the number")),
        ("addressCity", noop("Enter the town or city")),
        ("addressPostcode", noop("Enter the postcode")),
        ("addressCountry", noop("Choose the country")),
    )
    for name, fault in wanted:
        if not values[name]:
            errors[name] = fault
    for name in ("addressLine1", "addressLine2", "addressCity", "addressPostcode"):
        if holds_card_number(values[name]):
            errors[name] = noop("Enter your address here, not the card number")
        elif len(values[name]) > (25 if name == "addressPostcode" else 255):
            errors[name] = noop("This is too long. Use fewer characters")
    country = values["addressCountry"].upper()
    if country and not re.fullmatch(r"[A-Z]{2}", country):
        errors["addressCountry"] = noop("Choose the country")
    if country == "GB" and values["addressPostcode"] and not _POSTCODE_GB.fullmatch(values["addressPostcode"]):
        errors.setdefault("addressPostcode", noop("The postcode is not right. Enter it such as SW1A 2AA"))
    lines = values["addressLine1"], values["addressLine2"], values["addressPostcode"], values["addressCity"]
    return Address(*lines, country)


def _email(email: str, account: Account, errors: Errors) -> str:
    if not email:
        if account.email_collection == "MANDATORY":
            errors["email"] = noop("Enter your email address. We send the receipt there")
    elif not is_email(email):
        errors["email"] = noop("The email address is not right. Enter it such as name@example.com")
    return email
