"""Status lists of consents, for anybody: they say nothing of whom or what.  Spec: wallet contract §13."""

import gzip

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC
from shared.crypto import sha256_hex
from shared.routes import Routes
from wallet.context import current
from wallet.errors import HistoryNotKept
from wallet.operations.status_lists import list_numbers, list_uri, signed_list
from wallet.standards.status_list import MEDIA_TYPE

bp = Routes("status_lists", __name__, url_prefix="/status/consents", access=PUBLIC)


@bp.get("")
def aggregation() -> ResponseReturnValue:
    """List the lists."""
    wallet = current()
    body = {"status_lists": [list_uri(wallet, number) for number in list_numbers(wallet)]}
    return jsonify(body), 200, {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}


@bp.get("/<int:number>")
def show(number: int) -> ResponseReturnValue:
    """Give a list, signed."""
    if "time" in request.args:
        raise HistoryNotKept("Ask without `time`.")
    wallet = current()
    token, _ = signed_list(wallet, min(number, 2**31 - 1))
    response = Response(token, content_type=MEDIA_TYPE)
    response.set_etag(sha256_hex(token)[:32])
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = f"public, max-age={wallet.settings.status_list_ttl_seconds}"
    response.make_conditional(request)
    if response.status_code == 200 and request.accept_encodings["gzip"]:
        response.set_data(gzip.compress(token.encode(), 6))
        response.headers["Content-Encoding"] = "gzip"
    return response
