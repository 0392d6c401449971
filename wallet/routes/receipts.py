"""Receipts: a page to print, JSON-LD, and the same signed.  Spec: wallet contract §3.1."""

from uuid import UUID

from flask import Response, json
from flask.typing import ResponseReturnValue

from shared.routes import Routes
from shared.web import page
from wallet.context import current
from wallet.operations.receipts import get_receipt, signed
from wallet.routes.people import Holder, presence

bp = Routes("receipts", __name__, url_prefix="/receipts", access=Holder())


@bp.get("/<uuid:receipt_id>")
def show(receipt_id: UUID) -> ResponseReturnValue:
    """Show a receipt as one page to print."""
    return page("wallet/receipt.html", receipt=get_receipt(current(), presence(), receipt_id))


@bp.get("/<uuid:receipt_id>.jsonld")
def linked(receipt_id: UUID) -> ResponseReturnValue:
    """Give it as JSON-LD."""
    found = get_receipt(current(), presence(), receipt_id)
    return _file(json.dumps(found.document), "application/ld+json", f"receipt-{receipt_id}.jsonld")


@bp.get("/<uuid:receipt_id>.jwt")
def proof(receipt_id: UUID) -> ResponseReturnValue:
    """Give it signed, as a compact JWS."""
    wallet = current()
    return _file(signed(wallet, get_receipt(wallet, presence(), receipt_id)), "application/jwt", f"receipt-{receipt_id}.jwt")


def _file(body: str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, content_type=media_type, headers=headers)
