"""`/exchange/v1/requests`: the gate.  Spec: wallet contract §8."""

from collections.abc import Mapping
from dataclasses import replace

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from shared.access import Scope
from shared.bodies import load_json, read_json
from shared.problems import InvalidRequest
from shared.routes import Routes
from wallet.context import current
from wallet.errors import InvalidExchange
from wallet.operations.exchange import exchange
from wallet.operations.gate import ExchangeAsk
from wallet.schemas.exchange import ExchangeSchema, render
from wallet.standards.canonical import fingerprint

BODY_BYTES_MAX = 256 * 1024
bp = Routes("exchange", __name__, url_prefix="/exchange/v1", access=Scope("wallet:exchange"))


@bp.post("/requests")
def request_data() -> ResponseReturnValue:
    """Release fields of one person to a body that may have them, logged first; nothing of them is kept."""
    try:
        ask: ExchangeAsk = load_json(ExchangeSchema(), max_bytes=BODY_BYTES_MAX)
        body = read_json(max_bytes=BODY_BYTES_MAX)
        ask = replace(ask, body_sha256=fingerprint(body))
    except InvalidRequest as error:
        raise InvalidExchange(error.detail, headers=error.headers, **error.extra) from None
    except ValueError:
        raise InvalidExchange("A number or a text in the body has no exact form.") from None
    answer = exchange(current(), g.caller.client_id, ask, dict(body) if isinstance(body, Mapping) else {})
    return jsonify(render(answer)), 200, {"Cache-Control": "no-store"}
