"""Commands of the wallet's operators: `flask --app wallet.app wallet …`."""

import json
from pathlib import Path

import click
from flask.cli import AppGroup
from marshmallow import ValidationError

from shared.problems import Problem
from wallet.context import current
from wallet.models.agreement import AgreementState
from wallet.operations.agreement_requests import mediate
from wallet.operations.agreements import end_agreement
from wallet.operations.keys import USES, make_key
from wallet.operations.registry import retire_purpose
from wallet.operations.registry_file import enter_registry
from wallet.operations.streams import push_to
from wallet.operations.visibility import allow_delay
from wallet.schemas.registry_file import RegistryFileSchema

ACTOR = "operator:cli"
MOVES = {"suspend": AgreementState.SUSPENDED, "resume": AgreementState.ACTIVE, "terminate": AgreementState.TERMINATED}
commands = AppGroup("wallet", help="The registry, agreements and signing keys of the wallet.")


@commands.command("registry")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def registry(file: Path) -> None:
    """Enter what a file says of bodies, systems, notices, procedures, purposes and standard terms; twice is once."""
    try:
        read = RegistryFileSchema().load(json.loads(file.read_text(encoding="utf-8")))
        done = enter_registry(current(), read, actor=ACTOR)
    except ValidationError as error:
        raise click.ClickException(f"The file is not right: {json.dumps(error.messages, ensure_ascii=False)}") from None
    except ValueError:
        raise click.ClickException("The file is not JSON in UTF-8.") from None
    except Problem as problem:
        raise click.ClickException(problem.detail) from None
    click.echo("\n".join(done) or "Nothing is new.")


@commands.command("retire-purpose")
@click.argument("purpose_id")
def end_purpose(purpose_id: str) -> None:
    """Take a purpose back, with every permission that rests on it."""
    try:
        click.echo(f"{retire_purpose(current(), purpose_id, actor=ACTOR)} permissions ended")
    except Problem as problem:
        raise click.ClickException(problem.detail) from None


@commands.command("agreement")
@click.argument("agreement_id")
@click.argument("move", type=click.Choice(sorted(MOVES)))
@click.option("--reason", required=True)
def move_agreement(agreement_id: str, move: str, reason: str) -> None:
    """Suspend, resume or terminate an agreement in force; with its end go the permissions that rest on it."""
    try:
        end_agreement(current(), agreement_id, MOVES[move], reason=reason, actor=ACTOR)
    except Problem as problem:
        raise click.ClickException(problem.detail or problem.title) from None
    click.echo(f"{agreement_id}: {MOVES[move]}")


@commands.command("mediate")
@click.argument("agreement_id")
@click.argument("version", type=int)
@click.option("--accept/--reject", required=True)
@click.option("--reason", required=True)
def decide_mediation(agreement_id: str, version: int, *, accept: bool, reason: str) -> None:
    """Decide a mediation between two bodies."""
    try:
        click.echo(mediate(current(), agreement_id, version, accept=accept, reason=reason, actor=ACTOR))
    except Problem as problem:
        raise click.ClickException(problem.detail or problem.title) from None


@commands.command("allow-delay")
@click.argument("org_id")
@click.argument("law_reference")
def allow(org_id: str, law_reference: str) -> None:
    """Let a body hide accesses for a time, by a law."""
    allow_delay(current(), org_id, law_reference, actor=ACTOR)


@commands.command("push-to")
@click.argument("client_id")
@click.argument("url")
def push(client_id: str, url: str) -> None:
    """Push a client's events to an address, for a client that manages no stream of its own."""
    try:
        push_to(current(), client_id, url, actor=ACTOR)
    except Problem as problem:
        raise click.ClickException(problem.detail or problem.title) from None


@commands.command("new-key")
@click.argument("use", type=click.Choice(USES))
def new_key(use: str) -> None:
    """Make a pending signing key; it takes over within the hour, by itself."""
    click.echo(make_key(current(), use, actor=ACTOR))
