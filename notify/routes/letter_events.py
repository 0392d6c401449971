"""What a printer over HTTP says became of a letter, in the form of the published contract.  Spec: notify-api §19."""

import uuid

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.receipts import apply_receipt
from notify.routes.access import LetterEventProof
from notify.standards.network_formats import FieldMissing, letter_event
from shared.problems import InvalidRequest
from shared.routes import Routes

letter_events = Routes("letter_events", __name__, url_prefix="/notifications/letter", access=LetterEventProof())


@letter_events.post("/status")
def take() -> ResponseReturnValue:
    """Take the event that a letter was posted or refused; twice or late it changes nothing."""
    try:
        reference, word = letter_event(g.event)
    except FieldMissing as fault:
        raise InvalidRequest(str(fault)) from None
    apply_receipt(current(), uuid.UUID(reference), word, provider=g.printer, channel=g.channel)
    return jsonify({"result": "success"})
