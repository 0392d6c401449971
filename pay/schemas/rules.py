"""The refusals of fields, in the contract's own words.  Spec: pay-api.md §3, §5.2."""

import re
from math import isfinite

from pay.errors import AttributeOutOfRange, InvalidAttribute, MissingAttribute
from pay.standards.payment_object import Metadata

FORBIDDEN = re.compile(r"[<>|]")
MAX_TEXT = 255
METADATA_KEYS_MAX, METADATA_KEY_MAX, METADATA_VALUE_MAX = 15, 30, 100


EMAIL_MAX = 254
_EMAIL = re.compile(r"[^@\s,;<>\"()]+@[^@\s.]+(\.[^@\s.]+)+")


def is_email(text: str) -> bool:
    """Answer whether a text looks like an address that mail can be sent to."""
    return len(text) <= EMAIL_MAX and bool(_EMAIL.fullmatch(text))


def missing(field: str, *, code: str = "P0101", named: bool = True) -> MissingAttribute:
    """A mandatory member is absent."""
    return MissingAttribute(code, f"Missing mandatory attribute: {field}", field=field if named else None)


def wrong_type(field: str, message: str, *, code: str = "P0102") -> InvalidAttribute:
    """A member has the wrong type: 400."""
    return InvalidAttribute(code, f"Invalid attribute value: {field}. {message}", field=field)


def out_of_range(field: str, message: str, *, code: str = "P0102") -> AttributeOutOfRange:
    """A member has the right type and a value that is not allowed: 422."""
    return AttributeOutOfRange(code, f"Invalid attribute value: {field}. {message}", field=field)


def is_integer(value: object) -> bool:
    """True for a JSON number without a fraction; `true` is none, and neither is `100.0`."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_length(field: str, value: object, longest: int) -> None:
    """Raises: AttributeOutOfRange."""
    if isinstance(value, str) and len(value) > longest:
        raise out_of_range(field, f"Must be less than or equal to {longest} characters length")


def check_plain_text(field: str, value: object) -> None:
    """Check a mandatory text without markup characters.  Raises: MissingAttribute, InvalidAttribute."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise missing(field)
    if not isinstance(value, str) or FORBIDDEN.search(value):
        raise wrong_type(field, "Must be a valid string format")


def check_metadata(value: object) -> Metadata:
    """Return the metadata, with the type of each value kept.  Raises: AttributeOutOfRange with every limit that is broken."""
    if value is None:
        raise out_of_range("metadata", "Value must not be null")
    if not isinstance(value, dict):
        raise out_of_range("metadata", "Must be an object of JSON key-value pairs")
    kept: Metadata = {}
    for key, item in value.items():
        if isinstance(item, str | bool | int) or (isinstance(item, float) and isfinite(item)):
            kept[key] = item
    faults = [
        (len(value) > METADATA_KEYS_MAX, f"Cannot have more than {METADATA_KEYS_MAX} key-value pairs"),
        (any(not 1 <= len(key) <= METADATA_KEY_MAX for key in value), f"Keys must be between 1 and {METADATA_KEY_MAX} characters long"),
        (any(item is None for item in value.values()), "Must not have null values"),
        (any(item is not None and key not in kept for key, item in value.items()), "Values must be of type String, Boolean or Number"),
        (
            any(len(str(item)) > METADATA_VALUE_MAX for item in kept.values()),
            f"Values must be no greater than {METADATA_VALUE_MAX} characters long",
        ),
        (len({key.casefold() for key in value}) < len(value), "Must have case insensitive unique keys"),
    ]
    broken = [text for is_broken, text in faults if is_broken]
    if broken:
        raise out_of_range("metadata", ". ".join(broken))
    return kept
