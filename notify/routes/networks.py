"""What SMS networks report in their own forms: receipts, and texts that people sent.  Spec: notify-api §19."""

import uuid
from collections.abc import Callable, Mapping

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.operations.receipts import apply_receipt
from notify.operations.received_texts import Incoming, take_text
from notify.routes.access import NetworkPassword
from notify.standards.network_formats import FieldMissing, firetext_receipt, firetext_text, mmg_receipt, mmg_text
from notify.standards.statuses import Channel
from shared.bodies import read_json
from shared.problems import InvalidRequest
from shared.routes import Routes

networks = Routes("networks", __name__, url_prefix="/notifications/sms")
MMG, FIRETEXT = NetworkPassword("mmg"), NetworkPassword("firetext")
BODY_BYTES_MAX = 16 * 1024


@networks.post("/mmg", access=MMG)
def mmg() -> ResponseReturnValue:
    """Take a receipt from MMG."""
    return _receipt(mmg_receipt, _json())


@networks.post("/firetext", access=FIRETEXT)
def firetext() -> ResponseReturnValue:
    """Take a receipt from Firetext."""
    return _receipt(firetext_receipt, request.form)


@networks.post("/receive/mmg", access=MMG)
def receive_mmg() -> ResponseReturnValue:
    """Take a text that MMG received."""
    return _text("mmg", mmg_text, _json())


@networks.post("/receive/firetext", access=FIRETEXT)
def receive_firetext() -> ResponseReturnValue:
    """Take a text that Firetext received."""
    return _text("firetext", firetext_text, request.form)


def _json() -> Mapping[str, object]:
    body = read_json(max_bytes=BODY_BYTES_MAX)
    return body if isinstance(body, dict) else {}


def _receipt(read: Callable[[Mapping[str, object]], tuple[str, str]], body: Mapping[str, object]) -> ResponseReturnValue:
    try:
        reference, word = read(body)
        notification_id = uuid.UUID(reference)
    except FieldMissing as fault:
        raise InvalidRequest(str(fault)) from None
    except ValueError:
        return jsonify({"result": "success"})  # not ours: saying it again would change nothing
    apply_receipt(current(), notification_id, word, provider=g.provider, channel=Channel.SMS)
    return jsonify({"result": "success"})


def _text(
    network: str, read: Callable[[Mapping[str, object]], tuple[str, str, str, str]], body: Mapping[str, object]
) -> ResponseReturnValue:
    try:
        reference, source, destination, words = read(body)
    except FieldMissing as fault:
        raise InvalidRequest(str(fault)) from None
    take_text(current(), Incoming(network, reference, source, destination, words))
    return jsonify({"status": "ok"})
