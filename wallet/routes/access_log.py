"""Who read my data: page, JSON, export with proofs.  Spec: wallet contract §10.3."""

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, json, jsonify, request
from flask.typing import ResponseReturnValue

from shared.clock import ZONE
from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import gettext_noop, language, page
from wallet.context import current
from wallet.events import Outcome
from wallet.operations.access_log import LIMIT_MAX, Filters, read_log
from wallet.operations.directory import body_names, dataset_titles
from wallet.operations.log_exports import document_of, export_log, pdf_of, rendered, table_of
from wallet.routes.people import Holder, presence

DAY_CHARACTERS = len("2026-11-21")
FORMATS = {"json": "application/json", "csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
FILTERS = ("org", "dataset", "from", "to", "outcome", "sensitive")
bp = Routes("access_log", __name__, access=Holder())


@bp.get("/access-log")
def show() -> ResponseReturnValue:
    """Show the log as a page."""
    wallet, asked = current(), {name: request.args.get(name, "")[:200] for name in FILTERS}
    found = read_log(wallet, presence(), _filters(), lang=language(), cursor=_cursor())
    chosen = {name: value for name, value in asked.items() if value}
    lists = {"bodies": body_names(wallet), "titles": dataset_titles(wallet, language())}
    return page("wallet/access_log.html", log=found, asked=asked, query=urlencode(chosen), is_filtered=bool(chosen), lists=lists)


@bp.get("/me/access-log")
def show_json() -> ResponseReturnValue:
    """Give the log as JSON."""
    found = read_log(current(), presence(), _filters(), lang=language(), cursor=_cursor(), limit=_limit())
    return jsonify({"lines": [rendered(line) for line in found.lines], "next_cursor": found.next_cursor}), 200


@bp.get("/me/access-log/export")
def export() -> ResponseReturnValue:
    """Give the log with core, salt and inclusion proof of each entry, to be checked offline: JSON, a table, or a PDF."""
    wallet, form = current(), request.args.get("format", "json")
    if form not in FORMATS:
        raise InvalidRequest(gettext_noop("The log is given as json, csv or pdf."))
    exported = export_log(wallet, presence(), _filters(), lang=language(), limit=_limit())
    made: str | bytes
    if form == "pdf":
        made = pdf_of(wallet, exported, at=wallet.clock.now())
    else:
        made = table_of(wallet, exported) if form == "csv" else json.dumps(document_of(wallet, exported))
    return Response(made, content_type=FORMATS[form], headers={"Content-Disposition": f'attachment; filename="access-log.{form}"'})


def _filters() -> Filters:
    args = request.args
    outcome = args.get("outcome") or None
    if outcome is not None and outcome not in set(Outcome):
        raise InvalidRequest(gettext_noop("There is no such result to look for."))
    return Filters(
        since=_moment("from"),
        until=_moment("to", days=1),
        org_id=args.get("org") or None,
        dataset_id=args.get("dataset") or None,
        outcome=outcome,
        only_sensitive=args.get("sensitive") == "1",
    )


def _moment(name: str, *, days: int = 0) -> datetime | None:
    """Return a moment; a day alone is one in Chile, and its beginning is meant, or `days` later."""
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        if len(text) == DAY_CHARACTERS:
            return datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), ZONE)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InvalidRequest(gettext_noop("Write dates like 2026-11-21.")) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _limit() -> int:
    text = request.args.get("limit", str(LIMIT_MAX))
    if not text.isascii() or not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= LIMIT_MAX:
        raise InvalidRequest(gettext_noop("The limit is a number from 1 to 100."))
    return int(text)


def _cursor() -> str | None:
    text = request.args.get("cursor")
    if not text:
        return None
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidRequest(gettext_noop("That page of the log does not exist.")) from None
