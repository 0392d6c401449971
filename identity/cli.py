"""Commands: `flask --app identity.app identity …`."""

from pathlib import Path

import click
from flask.cli import AppGroup

from identity.context import current
from identity.errors import RegisterConflict, RegisterNotFound
from identity.operations import erasing, keys, people
from identity.providers.breach_file import write_breach_file
from shared.run import InvalidRun, parse_run

commands = AppGroup("identity", help="Keys of the OpenID Connect provider, and the file of breached passwords.")


@commands.command("rotate-keys")
@click.option("--emergency", is_flag=True, help="Let the new key sign at once.  For a stolen key use revoke-keys.")
def rotate_keys(emergency: bool) -> None:
    """Publish new signing keys, or let published ones sign."""
    for line in keys.rotate_keys(current(), actor="operator", emergency=emergency):
        click.echo(line)


# A kid is a hash in base64url, and one in 64 begins with a hyphen: it is a name here, never an option.
@commands.command("revoke-keys", context_settings={"ignore_unknown_options": True})
@click.argument("kids", nargs=-1, required=True)
def revoke_keys(kids: tuple[str, ...]) -> None:
    """Take the trust away from stolen keys: nothing that they signed counts any more."""
    try:
        for line in keys.revoke_keys(current(), kids, actor="operator"):
            click.echo(line)
    except RegisterNotFound as error:
        raise click.ClickException(error.detail) from None


@commands.command("list-keys")
def list_keys() -> None:
    """Show the published keys, those that were revoked, and their states."""
    store = current().keys
    for stored in (*store.published(), *store.revoked()):
        click.echo(f"{stored.alg}  {stored.state:8}  {stored.kid}")


@commands.command("make-breach-file")
@click.argument("hashes", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def make_breach_file(hashes: Path, target: Path) -> None:
    """Make the file of breached passwords from a list of SHA-1 hashes in ascending order."""
    with hashes.open(encoding="ascii") as lines:
        click.echo(f"{write_breach_file(lines, target)} passwords")


@commands.command("import-passwords")
@click.argument("hashes", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_passwords(hashes: Path) -> None:
    """Take over password hashes of another institution: lines of `RUN hash`, bcrypt or `$pbkdf2-sha256$rounds$salt$hash`."""
    taken = 0
    for number, line in enumerate(hashes.read_text(encoding="ascii").splitlines(), start=1):
        run, _, text = line.strip().partition(" ")
        try:
            people.import_password(current(), parse_run(run), text, actor="operator")
            taken += 1
        except (InvalidRun, RegisterConflict):
            click.echo(f"line {number}: not taken", err=True)
    click.echo(f"{taken} passwords")


@commands.command("erase-person")
@click.option("--run", "typed", prompt="RUN of the person", help="Asked for when it is left out, so that no shell keeps it.")
@click.option("--reason", prompt="Why (it is kept)")
@click.confirmation_option(prompt="This cannot be undone. Erase?")
def erase_person(typed: str, reason: str) -> None:
    """Close an account for good and destroy what names its person."""
    try:
        erasing.erase(current(), parse_run(typed), reason=reason, actor="operator")
    except InvalidRun as error:
        raise click.ClickException(f"Check the RUN: {error}.") from None
    except (RegisterNotFound, RegisterConflict) as error:
        raise click.ClickException(error.detail) from None
    click.echo("erased")
