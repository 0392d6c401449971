"""Commands of notify's operators: `flask --app notify.app notify …`."""

import click
from flask.cli import AppGroup

from notify.context import current
from notify.operations import receipt_secrets
from shared.problems import Problem

ACTOR = "operator:cli"
commands = AppGroup("notify", help="The secrets by which providers prove what they say of messages.")


@commands.command("receipt-secrets")
def show_secrets() -> None:
    """List who tells of messages, and where its secret comes from."""
    for teller in receipt_secrets.list_tellers(current()):
        since = f"  since {teller.since:%Y-%m-%d}" if teller.since else ""
        until = f"  an earlier one until {teller.earlier_until:%Y-%m-%d %H:%M} UTC" if teller.earlier_until else ""
        click.echo(f"{teller.channel:6}  {teller.provider:20}  {teller.source}{since}{until}")


@commands.command("give-receipt-secret")
@click.argument("channel")
@click.argument("provider")
def give_secret(channel: str, provider: str) -> None:
    """Make a provider's new secret and show it, once; what it had counts for a week more."""
    try:
        click.echo(receipt_secrets.give_secret(current(), channel, provider, actor=ACTOR, via="system"))
    except Problem as problem:
        raise click.ClickException(problem.detail) from None


@commands.command("end-earlier-receipt-secret")
@click.argument("channel")
@click.argument("provider")
def end_earlier(channel: str, provider: str) -> None:
    """Let nothing but a provider's newest secret count from now on."""
    try:
        receipt_secrets.end_earlier(current(), channel, provider, actor=ACTOR, via="system")
    except Problem as problem:
        raise click.ClickException(problem.detail) from None
