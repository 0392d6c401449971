"""The body of POST /v1/agreements, and agreements as they go out.  Spec: pay-api.md §12."""

from pay.models.agreement import Agreement
from pay.operations.agreements import NewAgreement
from pay.schemas.bodies import Body
from pay.schemas.rules import FORBIDDEN, MAX_TEXT, check_length, missing, wrong_type
from pay.standards.payment_object import Json, iso_milliseconds

_MISSING, _INVALID = "P2101", "P2102"


def read_new_agreement(body: Body) -> NewAgreement:
    """Return what the caller asks for.  Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange."""
    for field in ("reference", "description"):
        value = body.get(field)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise missing(field, code=_MISSING)
        _check_text(field, value)
    user = body.get("user_identifier")
    if user is not None:
        _check_text("user_identifier", user)
    for field in ("reference", "description", "user_identifier"):
        check_length(field, body.get(field), MAX_TEXT)
    return NewAgreement(str(body["reference"]), str(body["description"]), str(user) if user else None)


def _check_text(field: str, value: object) -> None:
    if not isinstance(value, str) or FORBIDDEN.search(value):
        raise wrong_type(field, "Must be a valid string format", code=_INVALID)


def agreement_body(agreement: Agreement, *, is_new: bool = False) -> Json:
    """Return an agreement; a new one without what only later ones have."""
    body: Json = {
        "agreement_id": agreement.id,
        "reference": agreement.reference,
        "description": agreement.description,
        "status": agreement.state.value,
        "created_date": iso_milliseconds(agreement.created_at),
        "user_identifier": agreement.user_identifier,
    }
    if not is_new:
        body["cancelled_date"] = iso_milliseconds(agreement.cancelled_at) if agreement.cancelled_at else None
        body["payment_instrument"] = _instrument_body(agreement)
    return {name: value for name, value in body.items() if value is not None}


def _instrument_body(agreement: Agreement) -> Json | None:
    """The same keys as in a payment but for `wallet_type`, null included."""
    instrument = agreement.instrument
    if instrument is None or agreement.instrument_at is None:
        return None
    card, address = instrument.card, instrument.billing_address
    parts = {} if address is None else {name: getattr(address, name) for name in ("line1", "line2", "postcode", "city", "country")}
    details: Json = {
        "last_digits_card_number": card.last_digits,
        "first_digits_card_number": card.first_digits,
        "cardholder_name": instrument.cardholder_name or None,
        "expiry_date": card.expiry_date,
        "billing_address": {name: value for name, value in parts.items() if value} or None,
        "card_brand": card.brand,
        "card_type": card.card_type,
    }
    return {"type": "card", "created_date": iso_milliseconds(agreement.instrument_at), "card_details": details}
