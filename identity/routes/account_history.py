"""What happened with the account, for its person; and "this was not me" on every row (§3.10)."""

import csv
import io
from uuid import UUID

from flask import Response, jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from identity.context import current
from identity.models.history import What
from identity.operations import history, security
from identity.operations.history import Row
from identity.routes.account_access import AccountHolder, account
from identity.routes.browser import drop_session_cookie
from identity.standards.history_words import words_of
from shared.clock import rfc3339
from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import gettext, gettext_noop, page

routes = Routes("history", __name__, access=AccountHolder(), url_prefix="/account/history")
EXPORT_MAX = 10_000
COLUMNS = (
    "occurred_at",
    "what",
    "service",
    "organisation",
    "channel",
    "method",
    "level",
    "device",
    "place",
    "agent",
    "reason",
    "acting_for",
    "claims",
    "name",
)


def _filter() -> list[What]:
    chosen = request.args.get("what", "")
    if chosen and chosen not in set(What):
        raise InvalidRequest(gettext_noop("There is no such kind of event."))
    return [What(chosen)] if chosen else []


@routes.get("")
def show_history() -> Response:
    """The newest rows, or those before one."""
    before = request.args.get("before", "")
    try:
        rows = history.read(current(), account().person_id, what=_filter(), before=UUID(before) if before else None)
    except ValueError:
        raise InvalidRequest(gettext_noop("The address is not right.")) from None
    kinds = [(kind, gettext(words_of(kind))) for kind in What]
    more = rows[-1].id if len(rows) == history.PAGE_SIZE else None
    shown = [(row, gettext(words_of(row.what))) for row in rows]
    return page("identity/account/history.html", rows=shown, kinds=kinds, chosen=request.args.get("what", ""), more=more)


def _plain(row: Row) -> dict[str, object]:
    return {"occurred_at": rfc3339(row.occurred_at), "what": row.what, **row.details}


@routes.get("/export.json")
def export_json() -> ResponseReturnValue:
    """All rows as JSON."""
    rows = history.read(current(), account().person_id, what=_filter(), limit=EXPORT_MAX)
    return jsonify({"events": [_plain(row) for row in rows]}), 200, {"Content-Disposition": "attachment; filename=history.json"}


@routes.get("/export.csv")
def export_csv() -> ResponseReturnValue:
    """All rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in history.read(current(), account().person_id, what=_filter(), limit=EXPORT_MAX):
        plain = _plain(row)
        cells = [plain.get(name, "") for name in COLUMNS]
        writer.writerow([_cell(cell) for cell in cells])
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": "attachment; filename=history.csv"}
    return text.getvalue(), 200, headers


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = " ".join(str(part) for part in value) if isinstance(value, list) else str(value)
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@routes.get("/<uuid:event_id>/not-me")
def show_disown(event_id: UUID) -> Response:
    """Ask whether the account shall be shut against whoever did it."""
    return page("identity/account/not_me.html", event_id=event_id)


@routes.post("/<uuid:event_id>/not-me")
def disown(event_id: UUID) -> Response:
    """Sign out everywhere and forget all devices; the next sign-in asks for a new password, and leads to the ways to sign in."""
    identity = current()
    security.lock_down(identity, account().person_id, event_id=event_id)
    response = make_response(redirect(url_for("security.show_security"), 303))
    drop_session_cookie(identity, response)
    return response
