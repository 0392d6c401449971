"""Bulk transfers for anybody, as a page and as data: who took the data of how many people.  Spec: wallet contract §8.3 X5."""

from uuid import UUID

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC, PUBLIC_PAGE
from shared.clock import rfc3339
from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import gettext_noop, language, page
from wallet.context import current
from wallet.operations.bulk_people import PAGE_MAX, PublicBulk, public_transfers

CACHED = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}
bp = Routes("bulk", __name__, access=PUBLIC)


@bp.get("/open/bulk", access=PUBLIC_PAGE)
def show() -> ResponseReturnValue:
    """Show bulk transfers, newest first."""
    transfers, older = public_transfers(current(), lang=language(), before=_before())
    return page("wallet/bulk.html", transfers=transfers, older=older)


@bp.get("/bulk-transfers")
def listed() -> ResponseReturnValue:
    """Give bulk transfers as data, newest first."""
    transfers, older = public_transfers(current(), lang=language(), before=_before(), limit=_limit())
    body = {"transfers": [_render(one) for one in transfers], "next_cursor": str(older) if older else None}
    return jsonify(body), 200, CACHED


def _before() -> UUID | None:
    text = request.args.get("cursor")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidRequest(gettext_noop("That page of the log does not exist.")) from None


def _limit() -> int:
    text = request.args.get("limit", str(PAGE_MAX))
    if not text.isascii() or not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= PAGE_MAX:
        raise InvalidRequest(gettext_noop("The limit is a number from 1 to 50."))
    return int(text)


def _render(one: PublicBulk) -> dict[str, object]:
    return {
        "entry_id": str(one.entry_id),
        "at": rfc3339(one.at),
        "body": one.org_name,
        "source": one.source_name,
        "dataset_id": one.dataset_id,
        "fields": list(one.fields),
        "purpose": one.purpose,
        "law_reference": one.ground or None,
        "criteria": one.criteria,
        "asked": one.asked,
        "counts": one.counts,
        "outcome": one.outcome,
        "reason": one.reason,
    }
