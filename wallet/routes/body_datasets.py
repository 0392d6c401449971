"""Datasets in the console of bodies: declared, renewed and taken back by page.  Spec: wallet contract §2, R1, R2."""

from dataclasses import replace

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from shared.problems import NotFound
from shared.routes import Routes
from shared.web import errors_of, gettext, gettext_noop, page
from shared.web.login import Person
from wallet.context import current
from wallet.errors import VersionMismatch
from wallet.models.dataset import Dataset
from wallet.operations.callers import Party
from wallet.operations.console import provider_systems
from wallet.operations.registry import consents_on, declare_dataset, read_dataset, retire_dataset
from wallet.routes.console import BodyStaff
from wallet.schemas.console import Wrong, form_of, rows_of
from wallet.schemas.console import read_dataset as read_form

EDITOR = BodyStaff("owner", "developer")
bp = Routes("body_datasets", __name__, url_prefix="/console/datasets", access=EDITOR)


@bp.get("/new")
def ask() -> ResponseReturnValue:
    """Ask what is declared; with `from`, as the next version of a dataset."""
    source = request.args.get("from", "")
    return _form(form_of(_mine(source)) if source else MultiDict(), [])


@bp.post("/new")
def declare() -> ResponseReturnValue:
    """Put the declaration in force, or give more rows to write in."""
    wallet, form = current(), request.form
    if "more" in form:
        return _form(form, [])
    declaration, wrong = read_form(form)
    systems = {one.client_id: one.org_id for one in provider_systems(wallet, g.bodies)}
    if form.get("system", "") not in systems:
        wrong = [*wrong, ("system", gettext("Choose the system that answers."))]
    if declaration is None or wrong:
        return _form(form, wrong)
    person: Person = g.person
    party = Party(systems[form["system"]], f"staff:{person.sub}")
    follows = {form["follows"]} if form.get("follows") else set[str]()
    try:
        declare_dataset(wallet, party, replace(declaration, client_id=form["system"]), follows=follows)
    except VersionMismatch:
        return _form(
            form, [("dataset_id", gettext("A version of this dataset is in force, or was changed since you began. Start from it."))]
        )
    return redirect(url_for("body_datasets.show", dataset_id=declaration.dataset_id), 303)


@bp.get("/<dataset_id>", access=BodyStaff())
def show(dataset_id: str) -> ResponseReturnValue:
    """Show the version in force."""
    return page("wallet/console_dataset.html", dataset=_mine(dataset_id))


@bp.get("/<dataset_id>/retire")
def ask_retire(dataset_id: str) -> ResponseReturnValue:
    """Say what ends with the dataset, before it is taken back."""
    return page("wallet/console_dataset_retire.html", dataset=_mine(dataset_id), consents=consents_on(current(), dataset_id))


@bp.post("/<dataset_id>/retire")
def retire(dataset_id: str) -> ResponseReturnValue:
    """Take the dataset back, with every permission that rests on it."""
    person: Person = g.person
    retire_dataset(current(), Party(_mine(dataset_id).org_id, f"staff:{person.sub}"), dataset_id)
    return redirect(url_for("console.home"), 303)


def _mine(dataset_id: str) -> Dataset:
    """Return the version in force of a dataset of one's own body.  Raises: UnknownDataset, NotFound."""
    row = read_dataset(current(), dataset_id)
    if row.org_id not in g.bodies:
        raise NotFound(gettext_noop("Your body has no such dataset."))
    return row


def _form(form: MultiDict[str, str], wrong: Wrong) -> ResponseReturnValue:
    systems = provider_systems(current(), g.bodies)
    shown = {"form": form, "rows": rows_of(form), "systems": systems, "subject_kinds": form.getlist("subject_kind")}
    return page("wallet/console_dataset_new.html", 400 if wrong else 200, **shown, error_list=errors_of(wrong))
