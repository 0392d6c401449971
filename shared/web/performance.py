"""Open data of one service: a page, CSV and JSON; and the page of the one question after an interaction."""

import csv
import io
import json
from collections.abc import Mapping

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC, PUBLIC_PAGE
from shared.clock import rfc3339
from shared.context import Context
from shared.openapi import describes
from shared.performance import reports
from shared.performance.answers import MARKS, NoSuchQuestion, Question, keep_answer, question_token, read_question
from shared.performance.figures import FIELDS, SCHEMA, Figures
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import errors_of, page
from shared.web.words import gettext, gettext_noop

LICENCE = "https://creativecommons.org/licenses/by/4.0/"
KEPT_SECONDS = 300
CSV_TYPE = "text/csv; charset=utf-8"
_RISKY = ("=", "+", "-", "@", "\t", "\r")
BY_SCHEMA = {
    "properties": {"by": {"type": "string", "enum": ["day", "month"], "description": "what a row is about; `day` where not given"}}
}
PERSONAL_CHANNELS = ("phone", "counter")
"""Where a person helped: the page says so in its question."""


def install(app: Flask, products: Mapping[str, str]) -> None:
    """Give an app its open data, and templates `satisfaction_url(…)`.

    `products` are the things that are counted and how people call them, marked: `{"payment": gettext_noop("Payments")}`.
    """
    context: Context = app.extensions["andamio"].context
    routes = Routes("performance", __name__)
    _add_feeds(routes, context)
    _add_pages(routes, context, products)
    app.jinja_env.globals["satisfaction_url"] = lambda **about: "/feedback/" + question_token(context, **about)
    app.register_blueprint(routes)
    app.extensions["andamio"].access_rules.update(routes.access_rules)


def _add_feeds(routes: Routes, context: Context) -> None:
    @routes.get("/performance.json", access=PUBLIC)
    @describes(answers={200: SCHEMA})
    def show_json() -> ResponseReturnValue:
        """Counts of interactions, completion, satisfaction and cost, by day and month."""
        return _kept(
            jsonify(
                {
                    "component": context.service,
                    "made_at": rfc3339(context.clock.now()),
                    "rounded_to": context.settings.open_data_base,
                    "licence": LICENCE,
                    "months": [row.as_json() for row in reports.months(context)],
                    "days": [row.as_json() for row in reports.days(context)],
                }
            )
        )

    @routes.get("/performance.csv", access=PUBLIC)
    @describes(answers={200: {"type": "string"}}, query=BY_SCHEMA, media_type="text/csv")
    def show_csv() -> ResponseReturnValue:
        """The same as a table: days by channel, or months with `by=month`."""
        rows = reports.months(context) if request.args.get("by") == "month" else reports.days(context)
        return _kept(Response(as_csv(rows), content_type=CSV_TYPE))

    @routes.get("/performance.schema.json", access=PUBLIC)
    @describes(answers={200: {"type": "object"}})
    def show_schema() -> ResponseReturnValue:
        """What the fields of the figures mean, as JSON Schema."""
        return Response(json.dumps(SCHEMA), content_type="application/schema+json")


def _add_pages(routes: Routes, context: Context, products: Mapping[str, str]) -> None:
    @routes.get("/performance", access=PUBLIC_PAGE)
    def show_page() -> ResponseReturnValue:
        """Show the figures to people."""
        return page("shared/performance.html", whole=reports.summary(context), months=reports.months(context), products=products)

    def ask(question: Question, status: int, **values: object) -> Response:
        what = products.get(question.product, question.product)
        return page("shared/satisfaction.html", status, marks=MARKS, what=what, helped=question.channel in PERSONAL_CHANNELS, **values)

    @routes.route("/feedback/<token>", methods=["GET", "POST"], access=PUBLIC_PAGE)
    def question(token: str) -> ResponseReturnValue:
        """Ask how satisfied somebody was with one interaction, and count the answer."""
        try:
            asked = read_question(context, token)
        except NoSuchQuestion:
            raise NotFound(gettext_noop("This question is not open any more.")) from None
        if request.method == "GET":
            return ask(asked, 200, error_list=[])
        given = request.form.get("mark", "")
        if given not in {str(mark) for mark in MARKS}:
            return ask(asked, 422, error_list=errors_of([("mark", gettext("Choose a mark from 1 to 7."))]))
        return page("shared/satisfaction_thanks.html", is_first=keep_answer(context, asked, int(given)))


def as_csv(rows: list[Figures]) -> str:
    """Return rows as CSV with a head line; what a spreadsheet would take for a formula is told apart.  Spec: RFC 4180."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(FIELDS)
    for row in rows:
        table.writerow([_cell(value) for value in row.as_json().values()])
    return out.getvalue()


def _cell(value: object) -> object:
    return "'" + value if isinstance(value, str) and value.startswith(_RISKY) else value


def _kept(response: Response) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
