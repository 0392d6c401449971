"""Commands: `flask --app pay.app pay …`."""

import sys

import click
from flask.cli import AppGroup

from pay.context import current
from pay.operations import receipt_keys
from pay.operations.proofs import prove
from pay.standards.drawing import states_document

commands = AppGroup("pay", help="The books and the states of payments.")


@commands.command("prove")
def prove_books() -> None:
    """Recompute every balance and compare each payment with its postings; exit 1 when something does not agree."""
    with current().reading() as tx:
        proof = prove(tx.connection.execution_options(isolation_level="REPEATABLE READ"))
    click.echo(f"{proof.accounts} accounts, {proof.transactions} transactions, {proof.payments} payments, {proof.refunds} refunds")
    for fault in proof.faults:
        click.echo(fault)
    click.echo("the books agree" if proof.holds else f"{len(proof.faults)} faults")
    sys.exit(0 if proof.holds else 1)


@commands.command("replace-receipt-key")
def replace_receipt_key() -> None:
    """Make a new key that signs receipts from now on; certificates of older ones stay published."""
    click.echo(receipt_keys.replace_key(current(), actor="operator:command"))


@commands.command("states")
def draw_states() -> None:
    """Print docs/pay/states.md."""
    click.echo(states_document(), nl=False)
