"""Phone numbers: which are taken, how they are stored, what a network charges.  Spec: notify-api §16.

Stored form: E.164 without the plus sign.  Texts of refusals are the contract's.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

from notify.standards.invisible import strip_invisible

LETTERS = "Must not contain letters or symbols"
TOO_SHORT = "Not enough digits"
TOO_LONG = "Too many digits"
NOT_UK_MOBILE = "Not a UK mobile number"
NOT_MOBILE = "Not a mobile number"
BAD_PREFIX = "Not a valid country prefix"
NOT_VALID = "Number is not valid – double check the phone number you entered"

_NOISE = re.compile(r"[\s()\-.\u2010-\u2015]")
_DIGITS = re.compile(r"\+?[0-9]*")
_DRAMA = re.compile(r"7700900[0-9]{3}")  # Ofcom's range for drama and tests, which number tables call invalid
_CHILEAN_MOBILE = re.compile(r"569[0-9]{8}")  # the numbering plan gives all of 9 XXXX XXXX to mobiles; tables lag behind it
# What costs the home rate: by the contract's rules its home country and this suite's; by Chile's rules Chile alone.
_HOME_PREFIXES = {"GB": frozenset({"44", "56"}), "CL": frozenset({"56"})}
_CHILEAN_DIGITS = 9
KEPT = 64
"""So many numbers are remembered: each message asks twice, as its body is read and as its service's permissions are looked at."""
_CROWN_DEPENDENCIES = frozenset({"GG", "JE", "IM"})
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.PERSONAL_NUMBER})
_UK_DIGITS = 10
DIGITS_READ_MAX = 250


class InvalidPhoneNumber(ValueError):
    """The text is no number a text message can reach; the message says why."""


@dataclass(frozen=True)
class PhoneNumber:
    """A number in stored form, and what decides about its price and permission."""

    e164: str
    prefix: str
    international: bool
    landline: bool = False
    crown_dependency: bool = False

    @property
    def multiplier(self) -> int:
        """How many times the home rate a fragment costs."""
        return 1 if self.prefix == "1" or not self.international else 2


def phone_number(text: str, region: str = "GB") -> PhoneNumber:
    """Read a number as people of a region (GB or CL) write it, at home or abroad.  Raises: InvalidPhoneNumber."""
    digits = _NOISE.sub("", strip_invisible(text))
    if not _DIGITS.fullmatch(digits):
        raise InvalidPhoneNumber(LETTERS)
    abroad = digits.startswith(("+", "00"))
    bare = digits.lstrip("+") if digits.startswith("+") else digits[2:] if abroad else digits
    if len(bare) < 4:
        raise InvalidPhoneNumber(TOO_SHORT)
    if len(bare) > DIGITS_READ_MAX:
        raise InvalidPhoneNumber(TOO_LONG)
    return _by_rules(bare, abroad, region)


@lru_cache(maxsize=KEPT)
def _by_rules(bare: str, abroad: bool, region: str) -> PhoneNumber:
    if region == "CL":
        return _by_chilean_rules(bare, abroad=abroad)
    if bare.startswith("44") and (abroad or len(bare) == 12):
        return _british(bare[2:].lstrip("0"))
    if abroad:
        return _foreign(bare)
    if bare.startswith("0"):
        return _british(bare[1:])
    try:
        return _british(bare)
    except InvalidPhoneNumber as fault:
        return _foreign(bare, otherwise=str(fault) if len(bare) < _UK_DIGITS else NOT_VALID)


def _by_chilean_rules(bare: str, *, abroad: bool) -> PhoneNumber:
    """Read `9 XXXX XXXX`, `56 9 XXXX XXXX`, a landline of nine digits, or a number abroad."""
    if bare.startswith("56") and (abroad or len(bare) == _CHILEAN_DIGITS + 2):
        return _chilean(bare[2:])
    if abroad:
        if bare.startswith("44"):
            return replace(_british(bare[2:].lstrip("0")), international=True, landline=False)
        return _foreign(bare, region="CL")
    return _chilean(bare.lstrip("0"))


def _chilean(national: str) -> PhoneNumber:
    if len(national) != _CHILEAN_DIGITS:
        raise InvalidPhoneNumber(TOO_SHORT if len(national) < _CHILEAN_DIGITS else TOO_LONG)
    if _CHILEAN_MOBILE.fullmatch("56" + national):
        return PhoneNumber("56" + national, "56", international=False)
    number = phonenumbers.PhoneNumber(country_code=56, national_number=int(national))
    if phonenumbers.number_type(number) in {PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE}:
        return PhoneNumber("56" + national, "56", international=False, landline=True)
    raise InvalidPhoneNumber(NOT_VALID)


def _british(national: str) -> PhoneNumber:
    if _DRAMA.fullmatch(national):
        return PhoneNumber("44" + national, "44", international=False)
    number = phonenumbers.PhoneNumber(country_code=44, national_number=int(national or 0))
    kind = phonenumbers.number_type(number)
    e164 = "44" + national
    if kind in _MOBILE:
        crown = phonenumbers.region_code_for_number(number) in _CROWN_DEPENDENCIES
        return PhoneNumber(e164, "44", international=crown, crown_dependency=crown)
    if kind == PhoneNumberType.FIXED_LINE:
        return PhoneNumber(e164, "44", international=False, landline=True)
    if phonenumbers.is_valid_number(number):
        raise InvalidPhoneNumber(NOT_VALID)
    if len(national) > _UK_DIGITS:
        raise InvalidPhoneNumber(TOO_LONG)
    raise InvalidPhoneNumber(TOO_SHORT if len(national) < _UK_DIGITS else NOT_VALID)


def _foreign(digits: str, *, otherwise: str = NOT_VALID, region: str = "GB") -> PhoneNumber:
    home = _HOME_PREFIXES[region]
    if _CHILEAN_MOBILE.fullmatch(digits):
        return PhoneNumber(digits, "56", international="56" not in home)
    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException as fault:
        raise InvalidPhoneNumber(_unreadable(digits, fault, otherwise)) from None
    if phonenumbers.is_valid_number(number):
        prefix = str(number.country_code)
        landline = phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE
        e164 = prefix + phonenumbers.national_significant_number(number)
        return PhoneNumber(e164, prefix, international=prefix not in home, landline=landline)
    raise InvalidPhoneNumber(otherwise)


def _unreadable(digits: str, fault: phonenumbers.NumberParseException, otherwise: str) -> str:
    if otherwise == NOT_VALID and fault.error_type == fault.INVALID_COUNTRY_CODE:
        return TOO_LONG if len(digits) > _UK_DIGITS else BAD_PREFIX
    return otherwise
