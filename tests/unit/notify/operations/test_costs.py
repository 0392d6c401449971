"""Costs are in a currency that is a setting, and untold where no price is set.  Spec: requirements NO-9; notify-api §5.1."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, update

from notify.context import Notify
from notify.models import MessageCount, Notification, Service
from notify.operations.prices import list_prices, note_prices
from notify.operations.usage import usage_of_year
from notify.schemas.console_words import written_money, written_price
from notify.settings import Settings
from shared.clock import FixedClock
from tests.factories.notify import World, add_notification, settings
from tests.factories.notify_console import ORG, actions, sign_in, soup

pytestmark = pytest.mark.rule("notify", "NO-9", "§5.1")
PRICES = {"price_sms_fragment": "12.5", "price_letter_sheet": "90", "price_letter_post": "1000"}


def sent(world: World, channel: str, units: int, multiplier: int = 1) -> uuid.UUID:
    made = add_notification(world, channel, status="delivered")
    with world.notify.db.begin() as connection:
        changed = {"billable_units": units, "rate_multiplier": multiplier}
        connection.execute(update(Notification).where(Notification.id == made).values(changed))
    return made


def told(client: FlaskClient, world: World, made: uuid.UUID) -> list[object]:
    body = client.get(f"/v2/notifications/{made}", headers=world.headers()).get_json()
    return [body[name] for name in ("cost", "cost_in_pounds", "is_cost_data_ready")]


def costs_on_page(app: Flask, world: World) -> list[str]:
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    page = soup(sign_in(app, f"{ORG}:auditor").get(f"/services/{world.service_id}"))
    return [row.select("td")[-1].text for row in page.select("tbody tr")]


def test_the_profile_of_the_published_contract_counts_in_pounds(app: Flask, client: FlaskClient, world: World) -> None:
    assert told(client, world, sent(world, "sms", 2, 2)) == [{"amount": "0.0932", "currency": "GBP"}, 0.0932, True]
    assert told(client, world, sent(world, "letter", 3)) == [{"amount": "0.9", "currency": "GBP"}, 0.9, True]
    assert costs_on_page(app, world) == ["GBP0,00", "GBP0,09", "GBP0,90", "GBP0,00"]


def test_pesos_have_no_decimals_and_are_not_called_pounds(app: Flask, client: FlaskClient, world: World, notify: Notify) -> None:
    notify.settings = replace(notify.settings, new_service_country="CL", **PRICES)
    sms, letter = sent(world, "sms", 3), sent(world, "letter", 2)
    assert told(client, world, sms) == [{"amount": "37.5", "currency": "CLP"}, None, True]
    assert told(client, world, letter) == [{"amount": "1180", "currency": "CLP"}, None, True]
    details = client.get(f"/v2/notifications/{sms}", headers=world.headers()).get_json()["cost_details"]
    assert details == {"billable_sms_fragments": 3, "international_rate_multiplier": 1, "sms_rate": None}
    assert costs_on_page(app, world) == ["$0", "$38", "$1.180", "$0"]


def test_where_no_price_is_set_no_cost_is_told(app: Flask, client: FlaskClient, world: World, notify: Notify) -> None:
    notify.settings = replace(notify.settings, currency="CLP", price_letter_sheet="90")
    assert told(client, world, sent(world, "sms", 1)) == [None, None, False]
    assert told(client, world, sent(world, "letter", 1)) == [None, None, False]
    assert told(client, world, add_notification(world, "email", to="a@b.com", status="delivered"))[0] == {"amount": "0", "currency": "CLP"}
    assert costs_on_page(app, world) == ["$0", "No hay precio fijado", "No hay precio fijado", "$0"]


@pytest.mark.parametrize(("chosen", "country", "money"), [("", "GB", "GBP"), ("", "CL", "CLP"), ("USD", "CL", "USD"), ("CLP", "GB", "CLP")])
def test_which_currency(chosen: str, country: str, money: str) -> None:
    assert settings("postgresql://x", "redis://x", currency=chosen, new_service_country=country).money == money


@pytest.mark.parametrize(
    "wrong",
    [{"NOTIFY_CURRENCY": "pesos"}, {"NOTIFY_CURRENCY": "clp"}]
    + [{"NOTIFY_PRICE_SMS_FRAGMENT": text} for text in ("-1", "NaN", "Infinity", "1e9", "0,5", "١", "1" * 400)],
)
def test_a_setting_that_is_no_price_or_currency_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    ((name, text),) = wrong.items()
    check = Settings.__dataclass_fields__[name.removeprefix("NOTIFY_").lower()].metadata["check"]
    assert check(text)


@pytest.mark.parametrize(
    ("amount", "currency", "words"), [("0.5", "CLP", "$1"), ("1234567.4", "CLP", "$1.234.567"), ("2.345", "USD", "US$2,35")]
)
def test_amounts_in_words(app: Flask, amount: str, currency: str, words: str) -> None:
    with app.test_request_context("/?lang=es"):
        assert written_money(Decimal(amount), currency).replace("\xa0", " ") == words


def test_a_year_is_told_month_by_month_and_by_template_deleted_messages_too(app: Flask, world: World, notify: Notify) -> None:
    notify.settings = replace(notify.settings, new_service_country="CL", **PRICES)
    with world.notify.db.begin() as connection:
        connection.execute(
            update(Service).where(Service.id == world.service_id).values(org_id=ORG, created_at=datetime(2025, 3, 1, tzinfo=UTC))
        )
        row = {"service_id": world.service_id, "key_kind": "normal", "status": "delivered", "rate_multiplier": 2, "postage": ""}
        row |= {"channel": "sms", "template_id": world.templates["sms"], "messages": 10, "billable_units": 20}
        kinds = [{"day": date(2026, 1, 31)}, {"day": date(2025, 12, 31)}, {"day": date(2026, 1, 30), "key_kind": "test"}]
        connection.execute(insert(MessageCount), [row | kind for kind in kinds])
    sent(world, "sms", 3)
    sent(world, "letter", 2)
    add_notification(world, "sms", kind="test", status="delivered", billable_units=9)
    auditor, path = sign_in(app, f"{ORG}:auditor"), f"/services/{world.service_id}/usage"

    def tables(address: str) -> dict[str, list[list[str]]]:
        found = soup(auditor.get(address)).select("main table")
        return {table.caption.text: [[cell.text for cell in row.select("th, td")] for row in table.select("tbody tr")] for table in found}  # type: ignore[union-attr]

    told = tables(path)
    assert list(told) == ["Junio", "Enero", "Por plantilla"]
    assert told["Junio"] == [
        ["Mensaje de texto", "1", "1", "0", "3", "$38"],
        ["Carta", "1", "1", "0", "2", "$1.180"],
    ]
    assert told["Enero"] == [["Mensaje de texto", "10", "10", "0", "40", "$500"]]
    assert told["Por plantilla"] == [["Recibo por mensaje", "Mensaje de texto", "11"], ["Recibo por carta", "Carta", "1"]]
    assert "$1.718" in soup(auditor.get(path)).main.text  # type: ignore[union-attr]
    assert list(tables(path + "?year=2025")) == ["Diciembre", "Por plantilla"]
    for wrong in ("2024", "2027", "x", "", "-1", "0000", "20260", "٢٠٢٦"):
        assert auditor.get(f"{path}?year={wrong}").status_code == 404


def prices(notify: Notify, **changes: str) -> int:
    """Set prices in pesos and let the job look at them; give how many it noted."""
    notify.settings = replace(notify.settings, new_service_country="CL", **changes)
    return note_prices(notify)


def months(notify: Notify, world: World) -> dict[int, Decimal | None]:
    found = usage_of_year(notify, world.service_id, notify.clock.now().year)
    return {month.number: sum((line.cost for line in month.lines if line.cost is not None), Decimal(0)) for month in found.months}


def test_what_a_month_cost_stays_when_prices_change(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(retention_days=90))
    assert prices(notify, **PRICES) == 3
    sms, letter = sent(world, "sms", 2), sent(world, "letter", 1)
    with notify.db.begin() as connection:  # a month that was deleted, and counted
        row = {"service_id": world.service_id, "key_kind": "normal", "status": "delivered", "rate_multiplier": 1, "postage": ""}
        row |= {"channel": "sms", "template_id": world.templates["sms"], "messages": 4, "billable_units": 4, "day": date(2026, 5, 31)}
        connection.execute(insert(MessageCount), row)
    clock.advance(seconds=timedelta(days=32).total_seconds())
    assert prices(notify, price_sms_fragment="20", price_letter_post="2000") == 2
    later = sent(world, "sms", 2)
    assert months(notify, world) == {5: Decimal(50), 6: Decimal(25 + 1090), 7: Decimal(40)}
    assert [told(client, world, each)[0] for each in (sms, letter, later)] == [
        {"amount": amount, "currency": "CLP"} for amount in ("25", "1090", "40")
    ]
    listed = client.get("/v2/notifications", headers=world.headers()).get_json()["notifications"]
    assert {each["id"]: each["cost"]["amount"] for each in listed} == {str(sms): "25", str(letter): "1090", str(later): "40"}


def test_one_month_with_two_prices_is_counted_by_the_days_of_each(world: World, notify: Notify, clock: FixedClock) -> None:
    prices(notify, price_sms_fragment="10")
    sent(world, "sms", 3)
    clock.advance(seconds=timedelta(days=2).total_seconds())
    prices(notify, price_sms_fragment="11")
    sent(world, "sms", 1)
    assert months(notify, world) == {6: Decimal(41)}


def test_a_price_is_noted_once_and_put_right_on_its_own_day(world: World, notify: Notify, clock: FixedClock) -> None:
    assert [prices(notify, price_sms_fragment="10"), prices(notify, price_sms_fragment="10.0")] == [1, 0]
    clock.advance(seconds=timedelta(days=1).total_seconds())
    assert [prices(notify, price_sms_fragment=text) for text in ("110", "11")] == [1, 1]
    sent(world, "sms", 1)
    assert months(notify, world) == {6: Decimal(11)}
    assert [(line.amount, line.since, line.is_present) for line in list_prices(notify)][:2] == [
        (Decimal(11), clock.now().date(), True),
        (Decimal(10), None, False),
    ]
    assert sum("notify:price:noted" in core for core in actions(notify)) == 3


def test_a_price_that_is_taken_away_ends_and_one_that_was_never_set_is_not_noted(
    client: FlaskClient, world: World, notify: Notify, clock: FixedClock
) -> None:
    assert prices(notify) == 0
    assert prices(notify, price_sms_fragment="10") == 1  # the first that is known holds for what was before
    before = sent(world, "sms", 1)
    clock.advance(seconds=timedelta(days=1).total_seconds())
    assert prices(notify, price_sms_fragment="") == 1
    after = sent(world, "sms", 1)
    assert [told(client, world, each)[0] for each in (before, after)] == [{"amount": "10", "currency": "CLP"}, None]


def test_prices_of_another_currency_are_their_own(client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
    prices(notify, price_sms_fragment="10")
    made = sent(world, "sms", 1)
    prices(notify, currency="USD", price_sms_fragment="0.01")
    assert told(client, world, made)[0] == {"amount": "0.01", "currency": "USD"}
    prices(notify, currency="CLP", price_sms_fragment="10")
    assert told(client, world, made)[0] == {"amount": "10", "currency": "CLP"}


def test_the_operator_sees_since_when_each_price_holds(app: Flask, notify: Notify, clock: FixedClock) -> None:
    prices(notify, price_sms_fragment="12.5")
    clock.advance(seconds=timedelta(days=1).total_seconds())
    prices(notify, price_sms_fragment="13")
    assert sign_in(app, f"{ORG}:owner").get("/prices").status_code == 403
    operator = sign_in(app, "operator")
    assert soup(operator.get("/")).select_one("a[href='/prices']") is not None
    rows = [[cell.text for cell in row.select("th, td")] for row in soup(operator.get("/prices")).select("tbody tr")]
    assert rows == [
        ["Una parte de un mensaje de texto", "9 de junio de 2026", "13 CLP"],
        ["Una parte de un mensaje de texto Anterior", "el comienzo", "12,5 CLP"],
        ["Una hoja de una carta", "el comienzo", "No hay precio fijado"],
        ["El franqueo de una carta", "el comienzo", "No hay precio fijado"],
    ]
    with app.test_request_context("/?lang=en"):
        assert written_price(Decimal("1234.0233"), "GBP") == "1,234.0233 GBP"
