"""Agreements in the console of bodies: asked for, answered and signed by page.  Spec: wallet contract §9, L13, L14."""

from dataclasses import replace
from datetime import timedelta

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import errors_of, gettext, gettext_noop, page
from shared.web.person import Person
from wallet.context import current
from wallet.errors import AgreementNotFound, InvalidExchange, InvalidSignature
from wallet.models.dataset import Dataset
from wallet.operations.agreement_requests import STEPS, draft_agreement, extend, take_step, usual_limits
from wallet.operations.agreements import SIGNATURE_TYP, sign_agreement
from wallet.operations.callers import Party
from wallet.operations.console import Negotiation, negotiation_of
from wallet.operations.directory import datasets_to_ask, list_procedures, list_purposes
from wallet.operations.published import published_templates
from wallet.operations.registry import read_dataset
from wallet.operations.rule_runs import look_through
from wallet.routes.console import BodyStaff
from wallet.schemas.agreement_steps import CHECK, AgreementStep, first_step, mending, read_step
from wallet.schemas.console import Wrong, read_agreement

SIGNATURE_CHARACTERS_MAX = 8000
REASONED = frozenset(name for name, one in STEPS.items() if one.needs_reason)
EDITOR, DECIDER = BodyStaff("owner", "developer"), BodyStaff("owner")
bp = Routes("body_agreements", __name__, url_prefix="/console/agreements", access=EDITOR)


@bp.get("/new")
def ask() -> ResponseReturnValue:
    """Choose the standard terms and the dataset, and then say what is asked of it."""
    wallet = current()
    template, dataset_id = _template(request.args.get("template", "")), request.args.get("dataset", "")
    if template is None or not dataset_id:
        datasets = datasets_to_ask(wallet, g.bodies)
        return page("wallet/console_agreement_choose.html", templates=published_templates(wallet), datasets=datasets, bodies=g.bodies)
    step = first_step(template=request.args["template"], dataset=dataset_id, body=request.args.get("body", ""))
    return _form(template, read_dataset(wallet, dataset_id), step)


@bp.post("/new")
def draft() -> ResponseReturnValue:
    """Take the answer of one page and ask the next thing; with all checked, draft the agreement for one's body."""
    wallet, form = current(), request.form
    template, dataset = _template(form.get("template", "")), read_dataset(wallet, form.get("dataset", ""))
    if template is None:
        raise AgreementNotFound(gettext_noop("No template in force has this id."))
    if form.get("to") != "draft":
        return _form(template, dataset, read_step(form, dataset, now=wallet.clock.now()))
    read, wrong = read_agreement(form, dataset, now=wallet.clock.now())
    if read is None:
        return _form(template, dataset, mending(form, wrong))
    template_id, terms = read
    if form.get("bulk") == "1":
        limits = template["limits"]
        terms = replace(terms, limits={**usual_limits(limits if isinstance(limits, dict) else {}), "bulk": True})
    try:
        made = draft_agreement(wallet, _party(form.get("body", "")), template_id, terms)
    except InvalidExchange:
        said = gettext("With this right you must name its law, and for sensitive data the article.")
        return _form(template, dataset, mending(form, [("legal_basis", said)]))
    return redirect(url_for("body_agreements.show", agreement_id=made.agreement_id, version=made.version), 303)


@bp.get("/<agreement_id>/<int:version>", access=BodyStaff())
def show(agreement_id: str, version: int) -> ResponseReturnValue:
    """Show the terms, where they stand, how much of them is used, and what can be done next."""
    return _page(negotiation_of(current(), g.bodies, agreement_id, version), [])


@bp.post("/<agreement_id>/<int:version>/steps", access=DECIDER)
def step(agreement_id: str, version: int) -> ResponseReturnValue:
    """Take the next step for one's body."""
    wallet, name, reason = current(), request.form.get("step", ""), request.form.get("reason", "").strip()
    found = negotiation_of(wallet, g.bodies, agreement_id, version)
    party = _party(found.org_id)
    if name in REASONED and not reason:
        return _page(found, [("reason", gettext("Say why. The other body reads it."))], failed=name)
    if name == "extend":
        extend(wallet, party, agreement_id, version)
    else:
        take_step(wallet, party, agreement_id, version, name, reason=reason or None)
    return redirect(url_for("body_agreements.show", agreement_id=agreement_id, version=version), 303)


@bp.post("/<agreement_id>/<int:version>/signatures", access=DECIDER)
def sign(agreement_id: str, version: int) -> ResponseReturnValue:
    """Take the signature that was made with a key of one's body."""
    wallet, token = current(), request.form.get("signature", "").strip()
    found = negotiation_of(wallet, g.bodies, agreement_id, version)
    try:
        if not token or len(token) > SIGNATURE_CHARACTERS_MAX:
            raise InvalidSignature("empty or too long")
        party = _party(found.org_id)
        sign_agreement(wallet, agreement_id, version, token, org_id=party.org_id, actor=party.actor)
    except InvalidSignature:
        return _page(
            found, [("signature", gettext("This is not the signature of your body under these terms. Sign the text below again."))]
        )
    return redirect(url_for("body_agreements.show", agreement_id=agreement_id, version=version), 303)


@bp.post("/<agreement_id>/<int:version>/reports", access=DECIDER)
def review(agreement_id: str, version: int) -> ResponseReturnValue:
    """Say that one's body looked at the limits that were broken and only reported."""
    found = negotiation_of(current(), g.bodies, agreement_id, version)
    look_through(current(), _party(found.use.agreement.provider), agreement_id, version)
    return redirect(url_for("body_agreements.show", agreement_id=agreement_id, version=version), 303)


def _party(org_id: str) -> Party:
    """Return the body for which the person speaks.  Raises: InvalidRequest when she has no role there."""
    bodies: list[str] = g.bodies
    chosen = org_id or (bodies[0] if len(bodies) == 1 else "")
    if chosen not in bodies:
        raise InvalidRequest(gettext_noop("Choose one of your bodies."))
    person: Person = g.person
    return Party(chosen, f"staff:{person.sub}")


def _template(template_id: str) -> dict[str, object] | None:
    return next((one for one in published_templates(current()) if one["template_id"] == template_id), None)


def _form(template: dict[str, object], dataset: Dataset, step: AgreementStep) -> ResponseReturnValue:
    name = "wallet/console_agreement_check.html" if step.name == CHECK else "wallet/console_agreement_new.html"
    lists = {"purposes": list_purposes(current()), "procedures": list_procedures(current())}
    shown = {"standard": template, "dataset": dataset, "step": step, "form": step.form}
    return page(name, 400 if step.wrong else 200, **lists, **shown, error_list=errors_of(step.wrong))


def _page(found: Negotiation, wrong: Wrong, *, failed: str = "") -> ResponseReturnValue:
    row = found.use.agreement
    to_sign = {"iss": found.org_id, "agreement_id": row.agreement_id, "version": row.version, "sha256": row.sha256}
    shown = {"found": found, "row": row, "to_sign": to_sign, "typ": SIGNATURE_TYP, "purpose_texts": _purpose_texts()}
    shown |= {"reasoned": REASONED, "failed": failed}
    shown["last_moment"] = row.valid_until - timedelta(seconds=1)  # the last day of which it holds
    return page("wallet/console_agreement.html", 400 if wrong else 200, **shown, error_list=errors_of(wrong))


def _purpose_texts() -> dict[str, dict[str, str]]:
    return {one.purpose_id: one.text for one in list_purposes(current())}
