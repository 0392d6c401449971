"""Take delivery receipts of providers.  Spec: notify-api §19."""

import uuid

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.receipts import Applied, apply_receipt
from notify.routes.access import ProviderProof
from shared.routes import Routes

receipts = Routes("receipts", __name__, url_prefix="/receipts", access=ProviderProof())


@receipts.post("/sms/<provider>")
def take_sms_receipt(provider: str) -> ResponseReturnValue:
    """Take a receipt of a text.  An unknown reference is answered too: sending it again would change nothing."""
    try:
        notification_id = uuid.UUID(g.receipt["reference"])
    except ValueError:
        return jsonify({"result": "success", "applied": Applied.UNKNOWN})
    return jsonify({"result": "success", "applied": apply_receipt(current(), notification_id, g.receipt["status"], provider=provider[:40])})
