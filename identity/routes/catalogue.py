"""The catalogue of services, for everybody: page, JSON, CSV (SH-8)."""

import csv
import io

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from identity.context import current
from identity.operations import catalogue
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.routes import Routes
from shared.web import page

routes = Routes("catalogue", __name__, access=PUBLIC, url_prefix="/catalogue")
KEEP = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}


@routes.get("", access=PUBLIC_PAGE)
def show_catalogue() -> Response:
    """Every service, with a filter by words."""
    words = request.args.get("q", "").strip()[:80]
    rows = catalogue.list_services(current())
    found = [row for row in rows if words.casefold() in f"{row['name']} {row['organisation']} {row['purpose']}".casefold()]
    return page("identity/register/catalogue.html", rows=found, words=words)


@routes.get("/services.json")
def show_json() -> ResponseReturnValue:
    """Every service as JSON."""
    return jsonify({"services": catalogue.list_services(current())}), 200, KEEP


@routes.get("/services.csv")
def show_csv() -> ResponseReturnValue:
    """Every service as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(catalogue.COLUMNS)
    for row in catalogue.list_services(current()):
        cells = [" ".join(value) if isinstance(value, list) else str(value) for value in row.values()]
        writer.writerow(["'" + cell if cell.startswith(("=", "+", "-", "@")) else cell for cell in cells])
    return text.getvalue(), 200, {**KEEP, "Content-Type": "text/csv; charset=utf-8"}
