"""Rich authorization requests: what may be asked for in detail, and how it is checked.  Spec: RFC 9396, identity-oidc §2.17."""

import json
from collections.abc import Collection, Mapping, Sequence

from jsonschema import Draft202012Validator

from identity.errors import InvalidAuthorizationDetails
from identity.standards import json_text, powers
from identity.standards.acr import NS

ACT_FOR, CONSENT, CONSENT_REQUEST = NS + "act-for", NS + "consent", NS + "consent-request"
ELEMENTS_MAX, LENGTH_MAX = 10, 16 * 1024
Details = Sequence[Mapping[str, object]]
_ID = {"type": "string", "minLength": 1, "maxLength": 200}
_POWERS = {"type": "array", "items": {"enum": list(powers.POWERS)}, "minItems": 1, "uniqueItems": True}
_PROCEDURE = {"type": "object", "properties": {"code": _ID, "case_id": _ID}, "required": ["code"], "additionalProperties": False}
_WORDS = {"type": "array", "items": _ID, "minItems": 1, "maxItems": 50, "uniqueItems": True}


def _schema(required: Mapping[str, object], optional: Mapping[str, object] | None = None) -> Draft202012Validator:
    properties = {"type": _ID, **required, **(optional or {})}
    schema = {"type": "object", "properties": properties, "required": ["type", *required], "additionalProperties": False}
    return Draft202012Validator(schema)


TYPES: Mapping[str, Draft202012Validator] = {
    CONSENT: _schema({"identifier": _ID}),
    CONSENT_REQUEST: _schema(
        {"datatypes": {**_WORDS, "maxItems": 1}, "fields": _WORDS, "purpose": _ID, "valid_until": _ID},
        {
            "optional_fields": _WORDS,
            "mode": {"enum": ["view", "store", "query", "stream"]},
            "fetch": {"enum": ["once", "periodic", "until_procedure_end"]},
            "procedure": _PROCEDURE,
        },
    ),
    NS + "legal-access": _schema(
        {
            "agreement_id": _ID,
            "dataset_id": _ID,
            "fields": _WORDS,
            "procedure": _PROCEDURE,
        },
        {"official": {"type": "object", "properties": {"id": _ID, "unit": _ID}, "required": ["id"], "additionalProperties": False}},
    ),
    NS + "payment": _schema(
        {"amount_minor": {"type": "integer", "minimum": 1, "maximum": 10**12}, "currency": {"type": "string", "pattern": "^[A-Z]{3}$"}},
        {"reference": _ID, "creditor": _ID},
    ),
    ACT_FOR: _schema({"kind": {"enum": ["company", "person"]}, "powers": _POWERS}, {"id": _ID}),
}
"""The types that are known; nothing but what stands here is taken."""


def parse(text: str | None, *, allowed: Collection[str]) -> list[dict[str, object]] | None:
    """Return the details of a request, each of a type that the client may ask for.  Raises: InvalidAuthorizationDetails."""
    if text is None:
        return None
    try:
        found = json_text.load(text, length_max=LENGTH_MAX)
    except ValueError:
        found = None
    if not isinstance(found, list) or not 1 <= len(found) <= ELEMENTS_MAX:
        raise InvalidAuthorizationDetails("authorization_details is a JSON array of one to ten objects")
    for element in found:
        _check(element, allowed)
    if sum(element["type"] == CONSENT_REQUEST for element in found) > 1:
        raise InvalidAuthorizationDetails("one permission is asked for at a time")
    return found


def _check(element: object, allowed: Collection[str]) -> None:
    kind = element.get("type") if isinstance(element, dict) else None
    if not isinstance(kind, str):
        raise InvalidAuthorizationDetails("each element is an object with a type")
    if kind not in TYPES or kind not in allowed:
        raise InvalidAuthorizationDetails("a type is not known, or not granted to this client")
    fault = next(iter(TYPES[kind].iter_errors(element)), None)
    if fault is not None:
        place = "/".join(str(part) for part in fault.absolute_path) or "the element"
        raise InvalidAuthorizationDetails(f"{place} does not fit the type: {fault.validator}")


def narrow(granted: Details | None, asked: list[dict[str, object]] | None) -> list[object] | None:
    """Return what a token carries of a grant: all of it, or the elements that the token request names.

    Raises: InvalidAuthorizationDetails for one that was not granted.
    """
    if asked is None:
        return None if granted is None else list(granted)
    known = {_mark(element): element for element in granted or ()}
    if any(_mark(element) not in known for element in asked):
        raise InvalidAuthorizationDetails("an element was not granted")
    return [known[_mark(element)] for element in asked]


def _mark(element: Mapping[str, object]) -> str:
    """Return what an element is known again by: a consent by its identifier, whatever else was told of it; others by all they say."""
    named = {"type": CONSENT, "identifier": element["identifier"]} if element["type"] == CONSENT else element
    return json.dumps(named, sort_keys=True)
