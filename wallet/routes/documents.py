"""The folder of documents that a person was given.  Spec: requirements CH-14."""

from flask import Response
from flask.typing import ResponseReturnValue

from shared.problems import NotFound, Unavailable
from shared.routes import Routes
from shared.web import gettext_noop, language, page
from wallet.context import current
from wallet.operations.documents import payment_receipt, read_folder
from wallet.providers.dealings import File, NoSuchReceipt, ServiceAway
from wallet.routes.people import Herself, presence

bp = Routes("documents", __name__, url_prefix="/documents", access=Herself())


@bp.get("")
def index() -> ResponseReturnValue:
    """List the documents, newest first; where a service is away, say whose are missing."""
    return page("wallet/documents.html", folder=read_folder(current(), presence(), lang=language()))


@bp.get("/payments/<payment_id>")
def show_receipt(payment_id: str) -> ResponseReturnValue:
    """Fetch the receipt of a payment from pay, and hand it on."""
    try:
        return as_file(payment_receipt(current(), presence(), payment_id, lang=language()))
    except NoSuchReceipt:
        raise NotFound(gettext_noop("You have no receipt of such a payment.")) from None
    except ServiceAway:
        raise Unavailable(gettext_noop("This document cannot be fetched now. It is kept; try again in a moment.")) from None


def as_file(file: File) -> Response:
    """Return a document of another service, to be kept and never shown as a page of ours."""
    response = Response(file.content, content_type=file.mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=file.name)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
