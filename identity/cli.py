"""Commands: `flask --app identity.app identity …`."""

from pathlib import Path

import click
from flask.cli import AppGroup

from identity.context import current
from identity.operations import keys
from identity.providers.breach_file import write_breach_file

commands = AppGroup("identity", help="Keys of the OpenID Connect provider, and the file of breached passwords.")


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


@commands.command("make-breach-file")
@click.argument("hashes", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def make_breach_file(hashes: Path, target: Path) -> None:
    """Make the file of breached passwords from a list of SHA-1 hashes in ascending order."""
    with hashes.open(encoding="ascii") as lines:
        click.echo(f"{write_breach_file(lines, target)} passwords")
