"""Commands of the wallet's operators: `andamio wallet …`."""

import click

from wallet.context import Wallet
from wallet.operations.keys import USES, make_key


@click.group()
def wallet() -> None:
    """Consents, the gate and the access log."""


@wallet.command("new-key")
@click.argument("use", type=click.Choice(USES))
@click.pass_obj
def new_key(context: Wallet, use: str) -> None:
    """Make a pending signing key; it takes over within the hour, by itself."""
    click.echo(make_key(context, use, actor="operator:cli"))
