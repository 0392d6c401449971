"""A card number is typed once and found nowhere afterwards."""

import re

import pytest
from sqlalchemy import text

from tests.factories.pay import DECLINED_CARD, GOOD_CARD, World

CVC = "8765"


@pytest.mark.rule("pay", "I8", "pay-design §5", "§16")
def test_no_card_number_and_no_security_code_in_database_redis_or_logs(
    world: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    world.add_webhook()
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter(GOOD_CARD, cvc=CVC, expiryMonth="x")
    assert GOOD_CARD not in payer.html
    assert CVC not in payer.html
    payer.enter(GOOD_CARD, cvc=CVC)
    payer.press("confirm")
    world.run_jobs()
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 100})
    declined = world.payer(world.create()["payment_id"])
    declined.enter(DECLINED_CARD, cvc=CVC)
    haystack = [world.get("/v1/payments").get_data(as_text=True), *database_dump(world), *redis_dump(world)]
    written = capfd.readouterr()
    haystack += [written.out, written.err, caplog.text]
    # The code is looked for as a word of its own: four digits stand by chance in every longer hash.
    word = re.compile(rf"(?<![0-9A-Za-z]){CVC}(?![0-9A-Za-z])")
    assert not [line for line in haystack if word.search(line)]
    for needle in (GOOD_CARD, DECLINED_CARD, GOOD_CARD[:7], "4242 4242"):
        assert not [line for line in haystack if needle in line], needle


def database_dump(world: World) -> list[str]:
    """Every row of every table as text, sealed values opened."""
    lines = []
    with world.pay.db.begin() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        assert len(tables) > 20
        for table in tables:
            lines += [str(row) for row in connection.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()]
        scope = f"pay:account:{world.till.account_id}"
        for column, table in (("payer_sealed", "payments"), ("body_sealed", "webhook_messages")):
            sealed = connection.execute(text(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")).scalars().all()
            assert sealed
            lines += [world.pay.cipher.decrypt(value, scope=scope) for value in sealed]
    return lines


def redis_dump(world: World) -> list[str]:
    client = world.pay.redis
    return [str(client.dump(key)) for key in client.scan_iter()]


@pytest.mark.rule("pay", "I8")
def test_what_holds_a_card_prints_no_digit_of_it() -> None:
    from pay.providers.base import CardDetails, CardNumber

    card = CardDetails(CardNumber(GOOD_CARD), CVC, 11, 2029, "José Ñancupil")
    for text_of_it in (repr(card), str(card), f"{card}", repr(card.number)):
        assert GOOD_CARD not in text_of_it
        assert CVC not in text_of_it
        assert "Ñancupil" not in text_of_it
