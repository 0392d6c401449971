"""Commands: `flask --app identity.app identity …`."""

import click
from flask.cli import AppGroup

from identity.context import current
from identity.operations import keys

commands = AppGroup("identity", help="Keys of the OpenID Connect provider.")


@commands.command("rotate-keys")
@click.option("--emergency", is_flag=True, help="Let the new key sign at once: the old one is not trusted any more.")
def rotate_keys(emergency: bool) -> None:
    """Publish new signing keys, or let published ones sign."""
    for line in keys.rotate_keys(current(), actor="operator", emergency=emergency):
        click.echo(line)


@commands.command("list-keys")
def list_keys() -> None:
    """Show the published keys and their states."""
    for stored in current().keys.published():
        click.echo(f"{stored.alg}  {stored.state:8}  {stored.kid}")
