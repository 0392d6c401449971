"""`/exchange/v1/requests`: the gate.  Spec: wallet contract §8."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from shared.access import Scope
from shared.bodies import load_with_body
from shared.openapi import describes
from shared.problems import InvalidRequest
from shared.routes import Routes
from wallet.context import current
from wallet.errors import InvalidExchange, PreviewNotFound
from wallet.models.exchange import ExchangeState
from wallet.models.preview import Preview, PreviewState
from wallet.operations.batches import Item, Result, exchange_batch
from wallet.operations.bulk import transfer
from wallet.operations.bulk_outcomes import BulkAsk
from wallet.operations.exchange import ComesLater, WaitsForPerson, exchange, waiting_txn
from wallet.operations.gate import ExchangeAsk
from wallet.operations.previews import look
from wallet.schemas.batches import BatchSchema, render_result, render_transfer
from wallet.schemas.exchange import ExchangeSchema, render
from wallet.standards.canonical import fingerprint
from wallet.standards.consent_record import instant

BODY_BYTES_MAX = 256 * 1024
RETRY_SECONDS = 5
TEXT: dict[str, object] = {"type": "string"}
RELEASED: dict[str, object] = {
    "type": "object",
    "required": ["txn", "dataset_id"],
    "properties": {
        "txn": TEXT,
        "dataset_id": TEXT,
        "data": {"type": ["object", "null"]},
        "result": {"enum": [True, False, "unknown"]},
        "evidence": TEXT,
        "log_entry_id": TEXT,
    },
}
WAITING: dict[str, object] = {"type": "object", "properties": {"txn": TEXT, "state": TEXT, "preview_uri": TEXT, "expires_at": TEXT}}
RESULTS: dict[str, object] = {"type": "object", "properties": {"results": {"type": "array", "items": {"type": "object"}}}}
ONE, MANY = ExchangeSchema(), BatchSchema()
"""Made once: making a schema costs more than reading a body with it."""

bp = Routes("exchange", __name__, url_prefix="/exchange/v1", access=Scope("wallet:exchange"))


@bp.post("/requests")
@describes(body=ExchangeSchema, answers={200: RELEASED, 202: WAITING})
def request_data() -> ResponseReturnValue:
    """Release fields of one person to a body that may have them, logged first; nothing of them is kept."""
    try:
        ask: ExchangeAsk
        ask, body = load_with_body(ONE, max_bytes=BODY_BYTES_MAX)
        ask = replace(ask, body_sha256=fingerprint(body))
    except InvalidRequest as error:
        raise InvalidExchange(error.detail, headers=error.headers, **error.extra) from None
    except ValueError:
        raise InvalidExchange("A number or a text in the body has no exact form.") from None
    try:
        answer = exchange(current(), g.caller.client_id, ask, body)
    except WaitsForPerson as waits:
        return _waiting(waits.preview)
    except ComesLater as later:
        return _later(later.txn, later.retry_after_seconds)
    return jsonify(render(answer)), 200


@bp.post("/batches")
@describes(body=BatchSchema, answers={200: RESULTS, 207: RESULTS})
def request_batch() -> ResponseReturnValue:
    """Release fields of many persons; 207 when not every one was released.

    Up to a hundred are each judged and logged by themselves; more need an agreement for bulk, and stand in one row of the log.
    """
    wallet, client_id = current(), g.caller.client_id
    try:
        ask: list[Item] | BulkAsk
        ask, body = load_with_body(MANY, max_bytes=BODY_BYTES_MAX)
        if isinstance(ask, BulkAsk):
            made = transfer(wallet, client_id, replace(ask, body_sha256=fingerprint(body)))
            status, rows = _told(made.results)
            return jsonify(render_transfer(made, rows)), status
        status, rows = _told(exchange_batch(wallet, client_id, ask))
    except InvalidRequest as error:
        raise InvalidExchange(error.detail, headers=error.headers, **error.extra) from None
    except ValueError:
        raise InvalidExchange("A number or a text in the body has no exact form.") from None
    return jsonify({"results": rows}), status


def _told(results: Sequence[Result]) -> tuple[int, list[dict[str, object]]]:
    """Return the status of the whole, and what each person's exchange says."""
    rows = [render_result(result) for result in results]
    return 200 if all(code == 200 for code, _ in rows) else 207, [row for _, row in rows]


@bp.get("/requests/<request_id>")
@describes(answers={200: WAITING, 202: WAITING})
def show(request_id: str) -> ResponseReturnValue:
    """Say where a request stands that waits, for a person or for a slow register; the data come by repeating the request."""
    preview = look(current(), g.caller.client_id, request_id)
    if preview is None:
        txn = waiting_txn(current(), g.caller.client_id, request_id)
        if txn is None:
            raise PreviewNotFound("No request of yours with this id waits.")
        return _later(txn, RETRY_SECONDS)
    if preview.state == PreviewState.OPEN:
        return _waiting(preview)
    return jsonify({"txn": str(preview.txn), "state": preview.state}), 200


def _later(txn: UUID, seconds: int) -> ResponseReturnValue:
    return jsonify({"txn": str(txn), "state": ExchangeState.WAITING}), 202, {"Retry-After": str(seconds)}


def _waiting(preview: Preview) -> ResponseReturnValue:
    uri = f"{current().settings.public_url}/previews/{preview.txn}"
    body = {"txn": str(preview.txn), "state": preview.state, "preview_uri": uri, "expires_at": instant(preview.expires_at)}
    return jsonify(body), 202, {"Retry-After": str(RETRY_SECONDS)}
