"""Datasets in the console of bodies: declared, renewed and taken back by page.  Spec: wallet contract §2, R1, R2."""

from dataclasses import replace

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from shared.problems import NotFound
from shared.routes import Routes
from shared.web import errors_of, gettext, gettext_noop, page
from shared.web.person import Person
from wallet.context import current
from wallet.errors import VersionMismatch
from wallet.models.dataset import Dataset
from wallet.models.organisation import Client
from wallet.operations.callers import Party
from wallet.operations.console import provider_systems
from wallet.operations.registry import consents_on, declare_dataset, read_dataset, retire_dataset
from wallet.routes.console import BodyStaff
from wallet.schemas.console import form_of
from wallet.schemas.dataset_steps import ASKED, CHECK, DatasetStep, faults_of, mending, read_step

EDITOR = BodyStaff("owner", "developer")
FIRST = next(iter(ASKED))
bp = Routes("body_datasets", __name__, url_prefix="/console/datasets", access=EDITOR)


@bp.get("/new")
def ask() -> ResponseReturnValue:
    """Ask the first thing about what is declared; with `from`, show a dataset as it stands, to be changed as its next version."""
    source = request.args.get("from", "")
    step = DatasetStep(CHECK, form_of(_mine(source)), []) if source else DatasetStep(FIRST, MultiDict(), [])
    return _page(step, provider_systems(current(), g.bodies))


@bp.post("/new")
def declare() -> ResponseReturnValue:
    """Take the answer of one page and ask the next thing; with all checked, put the declaration in force."""
    wallet, form = current(), request.form
    systems = provider_systems(wallet, g.bodies)
    bodies = {one.client_id: one.org_id for one in systems}
    if form.get("to") != "declare":
        return _page(read_step(form, bodies), systems)
    declaration, wrong = faults_of(form, bodies)
    if declaration is None or wrong:
        return _page(mending(form, wrong), systems)
    person: Person = g.person
    party = Party(bodies[form["system"]], f"staff:{person.sub}")
    follows = {form["follows"]} if form.get("follows") else set[str]()
    try:
        declare_dataset(wallet, party, replace(declaration, client_id=form["system"]), follows=follows)
    except VersionMismatch:
        said = gettext("A version of this dataset is in force, or was changed since you began. Start from it.")
        return _page(mending(form, [("dataset_id", said)]), systems)
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


def _page(step: DatasetStep, systems: list[Client]) -> ResponseReturnValue:
    template = "wallet/console_dataset_check.html" if step.name == CHECK else "wallet/console_dataset_new.html"
    names = {one.client_id: one.display_name for one in systems}
    return page(template, 400 if step.wrong else 200, step=step, form=step.form, systems=names, error_list=errors_of(step.wrong))
