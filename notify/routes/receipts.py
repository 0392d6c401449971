"""Take delivery receipts of providers.  Spec: notify-api §19."""

import uuid

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.mail_reports import take_mail_report
from notify.operations.receipt_addresses import has_secret
from notify.operations.receipts import Applied, apply_receipt
from notify.operations.returned_letters import AT_ONCE_MAX, take_returned
from notify.routes.access import MailSecret, PrinterSecret, ProviderProof
from notify.standards.mail_reports import BYTES_MAX, NotAReport
from notify.standards.statuses import Channel
from shared.bodies import read_json
from shared.problems import InvalidRequest, TooLarge
from shared.routes import Routes

receipts = Routes("receipts", __name__, url_prefix="/receipts", access=ProviderProof())


@receipts.post("/sms/<provider>")
def take_sms_receipt(provider: str) -> ResponseReturnValue:
    """Take a receipt of a text.  An unknown reference, and one of a text that another provider took, are answered too: sending it again
    would change nothing.
    """
    try:
        notification_id = uuid.UUID(g.receipt["reference"])
    except ValueError:
        return jsonify({"result": "success", "applied": Applied.UNKNOWN})
    applied = apply_receipt(current(), notification_id, g.receipt["status"], provider=provider[:40], channel=g.channel)
    return jsonify({"result": "success", "applied": applied})


@receipts.post("/email", access=MailSecret())
def take_email_report() -> ResponseReturnValue:
    """Take a bounce or a complaint as the mail system got it (message/rfc822)."""
    if (request.content_length or 0) > BYTES_MAX:
        raise TooLarge
    try:
        applied = take_mail_report(current(), request.get_data(cache=False))
    except NotAReport:
        raise InvalidRequest("This message reports nothing that we can read.") from None
    return jsonify({"result": "success", "applied": applied})


@receipts.post("/letters/returned", access=PrinterSecret())
def take_returned_letters() -> ResponseReturnValue:
    """Take the letters that came back: `{"references": [id, …]}`, ids as the printer was given them."""
    body = read_json(max_bytes=64 * 1024)
    found = body.get("references") if isinstance(body, dict) else None
    if not isinstance(found, list) or not 1 <= len(found) <= AT_ONCE_MAX:
        raise InvalidRequest(f"references is a list of 1 to {AT_ONCE_MAX} ids of letters.")
    try:
        ids = [uuid.UUID(str(reference)) for reference in found]
    except ValueError:
        raise InvalidRequest("A reference is not the id of a letter.") from None
    notify, secret = current(), g.secret
    noted = take_returned(notify, ids, is_theirs=lambda printer: has_secret(notify, secret, Channel.LETTER, printer))
    return jsonify({"result": "success", "noted": noted})
