"""Who read my data: page, JSON, export with proofs.  Spec: wallet contract §10.3."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from shared.clock import rfc3339
from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import gettext_noop, language, page
from wallet.context import current
from wallet.events import Outcome
from wallet.operations.access_log import LIMIT_MAX, Filters, Line, export_log, read_log
from wallet.operations.directory import body_names, dataset_titles
from wallet.routes.people import Holder, presence
from wallet.standards.acting import ZONE

DAY_CHARACTERS = len("2026-11-21")
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
    return jsonify({"lines": [_render(line) for line in found.lines], "next_cursor": found.next_cursor}), 200


@bp.get("/me/access-log/export")
def export() -> ResponseReturnValue:
    """Give the log with core, salt and inclusion proof of each entry, to be checked offline."""
    wallet = current()
    if request.args.get("format") == "csv":
        return _csv(read_log(wallet, presence(), _filters(), lang=language(), limit=_limit()).lines)
    rows = export_log(wallet, presence(), _filters(), lang=language(), limit=_limit())
    lines = [{**_render(row["line"]), "entries": row["entries"]} for row in rows if isinstance(row["line"], Line)]
    body = {"verifier_key": wallet.audit_signer.verifier_key, "lines": lines}
    headers = {"Content-Disposition": 'attachment; filename="access-log.json"'}
    return jsonify(body), 200, headers


def _csv(lines: Iterable[Line]) -> Response:
    """Return the lines as a table; a cell that a spreadsheet would run begins with an apostrophe."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["at", "body", "source", "dataset", "fields", "purpose", "basis", "outcome", "txn"])
    for line in lines:
        basis = line.basis.get("law_reference") or line.basis.get("id") or line.basis["kind"]
        cells = [rfc3339(line.at), line.org_name, line.source_name or "", line.dataset_title, "; ".join(line.field_titles)]
        cells += [line.purpose_text, basis, line.outcome, line.txn]
        writer.writerow(["'" + cell if cell[:1] in "=+-@\t\r" else cell for cell in cells])
    headers = {"Content-Disposition": 'attachment; filename="access-log.csv"'}
    return Response("\ufeff" + table.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


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
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:4]) <= LIMIT_MAX:
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


def _render(line: Line) -> dict[str, object]:
    return {
        "txn": line.txn,
        "at": rfc3339(line.at),
        "accessor": {"org_id": line.org_id, "name": line.org_name, **({"handled_by": line.handled_by} if line.handled_by else {})},
        "source": {"name": line.source_name, "dataset_id": line.dataset_id, "title": line.dataset_title},
        "fields": list(line.fields),
        "purpose": line.purpose_text,
        "basis": line.basis,
        "procedure_code": line.procedure_code,
        "outcome": line.outcome,
        "reason": line.reason,
        "entry_ids": list(line.entry_ids),
    }
