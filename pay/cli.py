"""Commands: `flask --app pay.app pay …`."""

import sys
from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from pay.context import current
from pay.operations import receipt_keys
from pay.operations.proofs import prove_and_log
from pay.operations.remittances import remit, remittance_file
from pay.operations.settlements import import_settlement
from pay.operations.transfers import import_statement
from pay.standards.bank_statements import UnreadableStatement
from pay.standards.drawing import states_document
from pay.standards.settlement_files import UnreadableFile

commands = AppGroup("pay", help="The books and the states of payments.")


@commands.command("prove")
def prove_books() -> None:
    """Recompute every balance and compare each payment with its postings; exit 1 when something does not agree."""
    proof = prove_and_log(current(), actor="operator")
    click.echo(f"{proof.accounts} accounts, {proof.transactions} transactions, {proof.payments} payments, {proof.refunds} refunds")
    for fault in proof.faults:
        click.echo(fault)
    click.echo("the books agree" if proof.holds else f"{len(proof.faults)} faults")
    sys.exit(0 if proof.holds else 1)


@commands.command("replace-receipt-key")
def replace_receipt_key() -> None:
    """Make a new key that signs receipts from now on; certificates of older ones stay published."""
    click.echo(receipt_keys.replace_key(current(), actor="operator:command"))


@commands.command("settle")
@click.argument("gateway")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(gateway: str, file: Path) -> None:
    """Import a settlement file of a channel; exit 1 when some line is not what we waited for.  The same file again changes nothing."""
    try:
        imported = import_settlement(current(), gateway, file.name, file.read_bytes(), actor="operator")
    except UnreadableFile as fault:
        raise click.ClickException(str(fault)) from None
    for result, count in sorted(imported.results.items()):
        click.echo(f"{count} {result}")
    sys.exit(0 if imported.is_clean else 1)


@commands.command("transfers")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_transfers(file: Path) -> None:
    """Import a statement of our bank account; exit 1 when money is left to explain.  The same statement again changes nothing."""
    try:
        imported = import_statement(current(), file.name, file.read_bytes(), actor="operator")
    except UnreadableStatement as fault:
        raise click.ClickException(str(fault)) from None
    for result, count in sorted(imported.results.items()):
        click.echo(f"{count} {result}")
    sys.exit(0 if imported.is_clean else 1)


@commands.command("remit")
@click.argument("account_code")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--currency", default="CLP", show_default=True)
@click.option("--file", "file", type=click.Path(dir_okay=False, path_type=Path), help="where the lines are written")
def pay_creditor(account_code: str, day: datetime, currency: str, file: Path | None) -> None:
    """Pay ACCOUNT_CODE (beneficiary_payable:tgr) what was booked until the end of DAY; the same day again gives the same file."""
    made = remit(current(), account_code, currency, day.date(), actor="operator")
    if file is not None:
        file.write_bytes(remittance_file(current(), made))
    click.echo(f"{made.id} {made.amount_minor} {made.currency}")


@commands.command("states")
def draw_states() -> None:
    """Print docs/pay/states.md."""
    click.echo(states_document(), nl=False)
