"""A card number is typed once and found nowhere afterwards."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from deploy import leaving
from pay.context import Pay
from shared import telemetry
from tests.conformance.pay.test_console import Desk
from tests.conformance.pay.test_telephone import authorise, moto
from tests.conformance.pay.test_webhooks import Receiver
from tests.factories.pay import DECLINED_CARD, GOOD_CARD, World

CVC = "8765"
CONSOLE_FILES = (
    "payments.csv",
    "reports/entries.csv",
    "reports/channels.csv",
    "reports/statement.csv",
    "reports/unexplained.csv",
    "reports/payouts.csv",
)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    telemetry.start("pay", SimpleSpanProcessor(exporter), share=1.0)
    yield exporter
    telemetry.stop()


def full_run(world: World) -> str:
    """Every way on which a card comes in: typed wrong, right, declined, for an agreement, on the telephone; what follows is told."""
    world.change_account(allow_moto=True, allow_moto_api=True, allow_recurring=True)
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter(GOOD_CARD, cvc=CVC, expiryMonth="x")
    assert GOOD_CARD not in payer.html
    assert CVC not in payer.html
    payer.enter(GOOD_CARD, cvc=CVC)
    payer.press("confirm")
    world.run_jobs()
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 100})
    world.payer(world.create()["payment_id"]).enter(DECLINED_CARD, cvc=CVC)
    for card, status in ((GOOD_CARD, 204), (DECLINED_CARD, 402), (GOOD_CARD + "1", 402), (GOOD_CARD + "x", 422)):
        answer = authorise(world, moto(world)[1], card_number=card, cvc=CVC)
        assert answer[0] == status
        assert card not in str(answer)
    agreement = world.post("/v1/agreements", {"reference": "CUOTA-1", "description": "Cuota"}).get_json()["agreement_id"]
    first = world.payer(world.create(set_up_agreement=agreement)["payment_id"])
    first.enter(GOOD_CARD, cvc=CVC)
    first.press("confirm")
    charge = {"amount": 9, "reference": "C", "description": "C", "authorisation_mode": "agreement", "agreement_id": agreement}
    assert world.post("/v1/payments", charge).status_code == 201
    world.run_jobs()
    return str(payment_id)


@pytest.mark.rule("pay", "I8", "pay-design §5", "§13", "§16")
def test_a_full_run_leaves_no_card_number_and_no_security_code_anywhere(
    world: World,
    spans: InMemorySpanExporter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    world.add_webhook()
    receiver = Receiver(world)
    world.pay.__dict__["http"] = receiver
    payment_id = full_run(world)
    desk, base = Desk(world, "ana"), f"/console/accounts/{world.till.account_id}"
    pages = [desk.get(f"{base}/{name}").get_data(as_text=True) for name in CONSOLE_FILES]
    pages += [desk.get(f"/console/payments/{payment_id}").get_data(as_text=True), world.get("/metrics").get_data(as_text=True)]
    assert all(pages)
    told = [body.decode() for _, _, body, _ in receiver.sent]
    assert len(told) > 8
    traced = [span.to_json() for span in spans.get_finished_spans()]
    assert any("/v1/auth" in span for span in traced)
    written = capfd.readouterr()
    places = {
        "API": [world.get(path).get_data(as_text=True) for path in ("/v1/payments", "/v1/refunds", "/v1/agreements")],
        "console and exports": pages,
        "webhooks": told,
        "traces": traced,
        "logs": [written.out, written.err, caplog.text],
        "Valkey": redis_dump(world),
        "database": database_dump(world),
        "export": exported(world, tmp_path, monkeypatch),
    }
    # The code is looked for as a word of its own: four digits stand by chance in every longer hash.
    word = re.compile(rf"(?<![0-9A-Za-z]){CVC}(?![0-9A-Za-z])")
    for place, lines in places.items():
        assert lines, place
        assert not [line for line in lines if word.search(line)], place
        for needle in (GOOD_CARD, DECLINED_CARD, GOOD_CARD[:7], "4242 4242"):
            assert not [line for line in lines if needle in line], (place, needle)


def exported(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `andamio export` writes of the service."""
    monkeypatch.setattr(leaving, "create_context", lambda _service: Pay(settings=world.pay.settings))
    leaving.export("pay", folder, with_keys=False)
    return [line for file in folder.iterdir() for line in file.read_text(encoding="utf-8").splitlines()]


def database_dump(world: World) -> list[str]:
    """Every row of every table as text, sealed values opened."""
    lines = []
    with world.pay.db.begin() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        assert len(tables) > 20
        for table in tables:
            lines += [str(row) for row in connection.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()]
        scope = f"pay:account:{world.till.account_id}"
        for column, table in (("payer_sealed", "payments"), ("body_sealed", "webhook_messages"), ("instrument_sealed", "agreements")):
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
