"""Agreements, for anybody: who may ask whom for what, and by which law.  No person is in them.  Spec: wallet contract §9."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC
from shared.crypto import sha256_hex
from shared.routes import Routes
from wallet.context import current
from wallet.errors import AgreementNotFound
from wallet.operations.published import published_agreement, published_agreements

bp = Routes("agreements", __name__, url_prefix="/agreements", access=PUBLIC)


@bp.get("")
def index() -> ResponseReturnValue:
    """List every agreement that was ever in force or is being made."""
    response = jsonify({"agreements": published_agreements(current())})
    response.set_etag(sha256_hex(response.get_data(as_text=True))[:32])
    response.headers["Cache-Control"] = "public, max-age=60"
    return response.make_conditional(request)


@bp.get("/<agreement_id>")
def show(agreement_id: str) -> ResponseReturnValue:
    """Give one agreement: the version in force, else the newest."""
    found = published_agreement(current(), agreement_id)
    if found is None:
        raise AgreementNotFound("No agreement has this id.")
    return jsonify(found), 200, {"Cache-Control": "public, max-age=60"}
