"""The books: what the database refuses, and what the proof finds."""

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from pay.models.ledger import ledger_accounts, ledger_entries, post
from pay.operations.proofs import prove
from pay.standards import ledger
from pay.standards.ledger import Book, Share
from tests.factories.pay import World

BOOK = Book("sandbox", "a" * 26, "org-x", "CLP")
SHARES = (Share("org-x", 100),)


def balances(world: World) -> dict[str, tuple[int, int]]:
    with world.pay.db.begin() as connection:
        return {row.code.split(":")[0]: (row.pending_minor, row.posted_minor) for row in connection.execute(ledger_accounts.select())}


@pytest.mark.rule("pay", "I1", "I2", "pay-design §3")
def test_each_event_of_a_payment_moves_the_accounts_as_the_chart_says(world: World) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter()
    assert balances(world) == {"channel_receivable": (14500, 0), "beneficiary_payable": (-14500, 0)}
    payer.press("confirm")
    world.run_jobs()
    assert balances(world) == {"channel_receivable": (0, 14500), "beneficiary_payable": (0, -14500)}
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 4500})
    assert balances(world) == {"channel_receivable": (0, 10000), "beneficiary_payable": (0, -10000), "refunds_in_transit": (0, 0)}


@pytest.mark.rule("pay", "I1", "pay-design §3")
def test_a_voided_authorisation_leaves_nothing(world: World) -> None:
    payment_id = world.create()["payment_id"]
    world.payer(payment_id).enter()
    world.post(f"/v1/payments/{payment_id}/cancel")
    assert balances(world) == {"channel_receivable": (0, 0), "beneficiary_payable": (0, 0)}


@pytest.mark.rule("pay", "I1", "pay-design §3")
@pytest.mark.parametrize("table", ["ledger_transactions", "ledger_entries", "payment_events"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = DEFAULT", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_is_written_is_never_changed(standing_world: World, table: str, change: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), standing_world.pay.db.begin() as connection:
        connection.execute(text(change.format(table)))


@pytest.mark.rule("pay", "I1", "pay-design §3")
@pytest.mark.parametrize("sides", [[], [("debit", 5)], [("debit", 5), ("credit", 4)]])
def test_the_database_refuses_a_transaction_that_does_not_balance(world: World, sides: list[tuple[str, int]]) -> None:
    account = {"code": "bank:1", "currency": "CLP", "kind": "asset"}
    head = {"id": 1, "source": "test", "source_id": "1", "payment_id": "p", "currency": "CLP", "created_at": world.pay.clock.now()}
    with pytest.raises(IntegrityError, match=r"does not balance|has no entries"), world.pay.db.begin() as connection:
        connection.execute(insert(ledger_accounts).values(account))
        connection.execute(text("INSERT INTO ledger_transactions OVERRIDING SYSTEM VALUE VALUES (1, 'test', '1', 'p', 'CLP', NULL, now())"))
        for side, amount in sides:
            entry = {"transaction_id": head["id"], "account_code": "bank:1", "currency": "CLP"}
            connection.execute(insert(ledger_entries).values(entry | {"side": side, "layer": "posted", "amount_minor": amount}))


@pytest.mark.rule("pay", "I1", "pay-design §3")
def test_a_line_added_later_to_an_old_transaction_is_refused(world: World) -> None:
    world.payer(world.create()["payment_id"]).enter()
    with pytest.raises(IntegrityError, match="does not balance"), world.pay.db.begin() as connection:
        code = connection.execute(text("SELECT code FROM ledger_accounts LIMIT 1")).scalar_one()
        transaction = connection.execute(text("SELECT id FROM ledger_transactions LIMIT 1")).scalar_one()
        entry = {"transaction_id": transaction, "account_code": code, "currency": "CLP", "side": "debit", "layer": "posted"}
        connection.execute(insert(ledger_entries).values(entry | {"amount_minor": 1}))


@pytest.mark.rule("pay", "I1", "pay-design §3")
def test_the_same_event_is_posted_once(world: World) -> None:
    now = world.pay.clock.now()
    with world.pay.db.begin() as connection:
        assert post(connection, ledger.authorised(BOOK, "p1", SHARES), now) is True
        assert post(connection, ledger.authorised(BOOK, "p1", SHARES), now) is False
    assert balances(world)["channel_receivable"] == (100, 0)


@pytest.mark.rule("pay", "I1", "pay-design §3")
def test_a_reservation_is_resolved_once(world: World) -> None:
    now = world.pay.clock.now()
    with pytest.raises(IntegrityError, match="resolves"), world.pay.db.begin() as connection:
        post(connection, ledger.authorised(BOOK, "p1", SHARES), now)
        post(connection, ledger.captured(BOOK, "p1", SHARES), now)
        post(connection, ledger.voided(BOOK, "p1", SHARES), now)


@pytest.mark.rule("pay", "I2", "pay-design §3")
def test_more_refunded_than_taken_cannot_be_written(world: World) -> None:
    payment_id = world.paid()
    with pytest.raises(IntegrityError, match="refunded"), world.pay.db.begin() as connection:
        connection.execute(text("UPDATE payments SET refunded_minor = 14501 WHERE id = :id"), {"id": payment_id})


@pytest.mark.rule("pay", "I1", "I2", "pay-design §3")
@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        ("UPDATE ledger_accounts SET posted_minor = posted_minor + 1 WHERE code LIKE 'channel%'", "its entries make"),
        ("UPDATE payments SET state = 'CAPTURED' WHERE state = 'SYSTEM_CANCELLED'", "has the postings"),
        ("UPDATE payments SET state = 'AUTHORISATION_REJECTED' WHERE state = 'CAPTURED'", "has the postings"),
        ("UPDATE payments SET amount_minor = 20000 WHERE state = 'CAPTURED'", "its beneficiaries were credited"),
        ("UPDATE payments SET refunded_minor = 1 WHERE state = 'CAPTURED'", "its refunds make"),
        ("UPDATE refunds SET state = 'REFUND ERROR'", "has the postings"),
        ("UPDATE refunds SET amount_minor = 2", "the channel was credited"),
    ],
)
def test_the_proof_names_what_does_not_agree(world: World, tamper: str, fault: str) -> None:
    payment_id = world.paid()
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 4500})
    world.post(f"/v1/payments/{world.create()['payment_id']}/cancel")
    with world.pay.db.begin() as connection:
        whole = prove(connection)
        assert whole.holds
        assert (whole.accounts, whole.transactions, whole.payments, whole.refunds) == (3, 4, 2, 1)
        assert connection.execute(text(tamper)).rowcount
        assert any(fault in found for found in prove(connection).faults)


@pytest.mark.rule("pay", "I1")
def test_the_command_tells_the_same(world: World) -> None:
    world.paid()
    told = world.app.test_cli_runner().invoke(args=["pay", "prove"])
    assert (told.exit_code, told.output.splitlines()[-1]) == (0, "the books agree")
    with world.pay.db.begin() as connection:
        connection.execute(text("UPDATE ledger_accounts SET posted_minor = 1"))
    told = world.app.test_cli_runner().invoke(args=["pay", "prove"])
    assert told.exit_code == 1
