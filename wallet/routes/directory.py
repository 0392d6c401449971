"""The directory, the vocabulary and the measure of once-only, for anybody, as pages and data.  Spec: wallet contract §2, §8.3 X1."""

import csv
import io

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from shared.access import PUBLIC, PUBLIC_PAGE
from shared.bodies import load_json
from shared.routes import Routes
from shared.web import page
from wallet.context import current
from wallet.errors import InvalidExchange
from wallet.operations.directory import Holding, find_holdings, list_procedures, list_purposes
from wallet.operations.enquiries import overdue_counts
from wallet.operations.once_only import Measured, measure, report_asked_again
from wallet.operations.published import published_agreements
from wallet.operations.visibility import hidden_counts
from wallet.routes.access import BODY
from wallet.schemas.fields import CODE
from wallet.standards.legal_basis import DPV_TERM

CACHED = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}
TEXT_CHARACTERS_MAX = 100
bp = Routes("directory", __name__, access=PUBLIC)


class AskedAgainSchema(Schema):
    """A fact that a form asked for although the directory lists it."""

    concept = fields.String(required=True, validate=validate.Length(min=1, max=200))
    procedure_code = fields.String(load_default=None, validate=CODE)


@bp.get("/directory/fields")
def find_fields() -> ResponseReturnValue:
    """Say which bodies hold a concept; without one, list every field."""
    found = find_holdings(current(), concept=request.args.get("concept"), text=request.args.get("text"))
    return jsonify({"fields": [_render(one) for one in found]}), 200, CACHED


@bp.get("/directory/purposes")
def purposes() -> ResponseReturnValue:
    """List the purposes for which data may be asked: nothing else is one."""
    rows = [
        {
            "purpose_id": one.purpose_id,
            "version": one.version,
            "text": one.text,
            "dpv_purpose": one.dpv_purpose,
            "legal_basis": one.legal_basis,
            "procedure_code": one.procedure_code,
        }
        for one in list_purposes(current())
    ]
    return jsonify({"purposes": rows}), 200, CACHED


@bp.get("/directory/procedures")
def procedures() -> ResponseReturnValue:
    """List the procedures with the law behind each."""
    rows = [
        {"code": one.code, "org_id": one.org_id, "title": one.title, "instead": one.instead, "law_reference": one.law_reference}
        for one in list_procedures(current())
    ]
    return jsonify({"procedures": rows}), 200, CACHED


@bp.get("/vocabulary")
def vocabulary() -> ResponseReturnValue:
    """Give the vocabulary of attributes as JSON-LD: each field with its concept, and the legal bases with their terms."""
    terms = [
        {
            "@id": f"{current().settings.public_url}/vocabulary#{one.dataset.dataset_id}.{one.field.field_id}",
            "@type": "skos:Concept",
            "skos:prefLabel": [{"@value": text, "@language": lang} for lang, text in one.field.title.items()],
            "skos:broader": {"@id": one.field.dpv_category},
            "andamio:kind": one.field.kind,
        }
        for one in find_holdings(current())
    ]
    context = {"skos": "http://www.w3.org/2004/02/skos/core#", "andamio": "urn:andamio:"}
    bases = [{"@id": f"urn:andamio:legal-basis:{code}", "skos:exactMatch": {"@id": term}} for code, term in DPV_TERM.items()]
    return Response(
        jsonify({"@context": context, "@graph": [*terms, *bases]}).get_data(), content_type="application/ld+json", headers=CACHED
    )


@bp.get("/directory", access=PUBLIC_PAGE)
def show() -> ResponseReturnValue:
    """Search the directory as a page."""
    text = request.args.get("text", "")[:TEXT_CHARACTERS_MAX]
    return page("wallet/directory.html", text=text, holdings=find_holdings(current(), text=text))


@bp.get("/open", access=PUBLIC_PAGE)
def show_open() -> ResponseReturnValue:
    """Show what is measured, the agreements, what is overdue and how much is hidden, by body."""
    wallet = current()
    return page(
        "wallet/open.html",
        measured=measure(wallet),
        agreements=published_agreements(wallet),
        overdue=overdue_counts(wallet),
        hidden=hidden_counts(wallet),
    )


@bp.get("/once-only")
def once_only() -> ResponseReturnValue:
    """Give the measure of once-only as open data, JSON or CSV."""
    measured = measure(current())
    if request.args.get("format") == "csv":
        return Response(_csv(measured), content_type="text/csv; charset=utf-8", headers=CACHED)
    return jsonify({"months": [{**vars(one), "share": one.share} for one in measured]}), 200, CACHED


@bp.post("/once-only/reports", access=BODY)
def report() -> ResponseReturnValue:
    """Take a body's own word that it asked a person for a fact that is held elsewhere."""
    body = load_json(AskedAgainSchema())
    client_id = g.caller.client_id
    if body["concept"].isspace():
        raise InvalidExchange("Name the concept.")
    report_asked_again(
        current(), client_id, org_id=None, concept=body["concept"], procedure_code=body["procedure_code"], actor=f"client:{client_id}"
    )
    return "", 204


def _render(one: Holding) -> dict[str, object]:
    dataset, field = one.dataset, one.field
    return {
        "field_id": field.field_id,
        "title": field.title,
        "kind": field.kind,
        "concept": field.dpv_category,
        "sensitive": field.sensitive,
        "dataset_id": dataset.dataset_id,
        "dataset_version": dataset.version,
        "dataset_title": dataset.title,
        "org_id": dataset.org_id,
        "org_name": one.org_name,
        "classification": dataset.classification,
        "max_age_seconds": dataset.max_age_seconds,
        "cache_max_seconds": dataset.cache_max_seconds,
        "legal_basis_default": dataset.legal_basis_default,
        "procedure_codes": dataset.procedure_codes,
    }


def _csv(measured: list[Measured]) -> str:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["month", "org_id", "name", "served", "asked_again", "visits_saved", "share"])
    for one in measured:
        share = "" if one.share is None else f"{one.share:.3f}"
        writer.writerow(
            [
                one.month,
                one.org_id,
                "'" + one.name if one.name[:1] in "=+-@" else one.name,
                one.served,
                one.asked_again,
                one.visits_saved,
                share,
            ]
        )
    return table.getvalue()
