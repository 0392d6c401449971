"""Commands of the wallet's operators: `andamio wallet …`."""

import click

from wallet.context import Wallet
from wallet.operations.agreement_requests import mediate
from wallet.operations.keys import USES, make_key
from wallet.operations.visibility import allow_delay


@click.group()
def wallet() -> None:
    """Consents, the gate and the access log."""


@wallet.command("new-key")
@click.argument("use", type=click.Choice(USES))
@click.pass_obj
def new_key(context: Wallet, use: str) -> None:
    """Make a pending signing key; it takes over within the hour, by itself."""
    click.echo(make_key(context, use, actor="operator:cli"))


@wallet.command("mediate")
@click.argument("agreement_id")
@click.argument("version", type=int)
@click.option("--accept/--reject", required=True)
@click.option("--reason", required=True)
@click.pass_obj
def decide_mediation(context: Wallet, agreement_id: str, version: int, *, accept: bool, reason: str) -> None:
    """Decide a mediation between two bodies."""
    click.echo(mediate(context, agreement_id, version, accept=accept, reason=reason, actor="operator:cli"))


@wallet.command("allow-delay")
@click.argument("org_id")
@click.argument("law_reference")
@click.pass_obj
def allow(context: Wallet, org_id: str, law_reference: str) -> None:
    """Let a body hide accesses for a time, by a law."""
    allow_delay(context, org_id, law_reference, actor="operator:cli")
