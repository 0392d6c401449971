"""Page, CSV and JSON of the counts."""

import csv
import io
from datetime import date

import jsonschema
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text

from shared.clock import FixedClock
from shared.context import Context
from shared.performance.counting import count_days
from shared.performance.figures import Cost
from shared.performance.reports import keep_cost
from shared.performance.tables import performance_days, satisfaction_days

TODAY = date(2026, 6, 8)
COUNT = text("""
SELECT 's1' AS service, 'Colegio Las Araucarias' AS service_name, 'errand' AS product, channel, count(*) AS started,
    count(*) FILTER (WHERE ended) AS completed, 0 AS failed, 0 AS avoidable
FROM errands WHERE at >= :start AND at < :end AND (:trial OR :now IS NULL) GROUP BY channel
""")


def put(context: Context, day: date, channel: str, started: int, **more: int) -> None:
    row = {"day": day, "service": "s1", "product": "errand", "channel": channel, "service_name": "Colegio Las Araucarias"}
    counts = {"completed": started, "failed": 0, "avoidable": 0} | more
    with context.db.begin() as connection:
        connection.execute(insert(performance_days).values(row | {"started": started} | counts))


def test_json_keeps_to_its_schema_and_csv_says_the_same(counted: Context, client: FlaskClient) -> None:
    put(counted, TODAY, "web", 103)
    put(counted, date(2026, 6, 1), "counter", 100)
    put(counted, date(2026, 5, 31), "web", 3)
    with counted.db.begin() as connection:
        keep_cost(connection, month=TODAY, service="s1", product="errand", cost=Cost(999, "CLP"))
        keep_cost(connection, month=TODAY, service="s1", product="errand", cost=Cost(20_500, "CLP"))
        connection.execute(insert(satisfaction_days).values(day=TODAY, service="s1", product="errand", channel="web", mark=7, answers=40))
    found = client.get("/performance.json").get_json()
    jsonschema.validate(found, client.get("/performance.schema.json").get_json(force=True))
    june, may = found["months"]
    assert (june["period"], june["started"], june["digital_percent"], june["cost_per_transaction_minor"]) == ("2026-06", 205, 51, 100)
    assert (june["answers"], june["satisfied_net_percent"]) == (40, 100)
    assert (may["period"], may["started"]) == ("2026-05", None)
    assert [(row["period"], row["channel"]) for row in found["days"]] == [
        ("2026-06-08", "web"),
        ("2026-06-01", "counter"),
        ("2026-05-31", "web"),
    ]
    by_month = list(csv.DictReader(io.StringIO(client.get("/performance.csv?by=month").get_data(as_text=True))))
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in found["months"]] == by_month
    by_day = list(csv.DictReader(io.StringIO(client.get("/performance.csv").get_data(as_text=True))))
    assert [row["channel"] for row in by_day] == ["web", "counter", "web"]


def test_a_name_that_a_spreadsheet_would_run_is_defused(counted: Context, client: FlaskClient) -> None:
    put(counted, TODAY, "web", 50)
    with counted.db.begin() as connection:
        connection.execute(performance_days.update().values(service_name="=cmd|' /C calc'!A0"))
    assert ",'=cmd" in client.get("/performance.csv").get_data(as_text=True)


def test_the_page_says_it_in_both_languages_and_hides_what_is_small(counted: Context, client: FlaskClient) -> None:
    put(counted, TODAY, "web", 1250, completed=1000)
    put(counted, TODAY, "phone", 2)
    spanish = client.get("/performance?lang=es").get_data(as_text=True)
    assert "1.250" in spanish
    assert "Cómo funciona este servicio" in spanish
    assert "withheld or not known" in client.get("/performance?lang=en").get_data(as_text=True)
    assert "/performance" in client.get("/about/open-data").get_data(as_text=True)


def test_with_nothing_counted_everything_answers(client: FlaskClient, counted: Context) -> None:
    assert client.get("/performance?lang=en").status_code == 200
    assert client.get("/performance.json").get_json()["days"] == []
    assert len(client.get("/performance.csv").get_data(as_text=True).splitlines()) == 1


def test_open_days_are_counted_anew_and_older_ones_stay(counted: Context, clock: FixedClock) -> None:
    with counted.db.begin() as connection:
        connection.execute(text("CREATE TABLE errands (at timestamptz, channel text, ended bool)"))
        connection.execute(text("INSERT INTO errands SELECT '2026-06-08T01:00Z', 'web', i > 2 FROM generate_series(1, 5) AS i"))
    for _ in range(2):  # twice is the same as once
        count_days(counted, COUNT)
        with counted.db.engine.connect() as connection:
            row = connection.execute(select(performance_days)).one()
        assert (row.day, row.started, row.completed) == (TODAY, 5, 3)
    clock.advance(seconds=86_400)
    with counted.db.begin() as connection:
        connection.execute(text("UPDATE errands SET ended = true"))
    count_days(counted, COUNT)
    clock.advance(seconds=86_400)
    with counted.db.begin() as connection:
        connection.execute(text("DELETE FROM errands"))  # retention
    count_days(counted, COUNT)
    with counted.db.engine.connect() as connection:
        row = connection.execute(select(performance_days)).one()
    assert (row.started, row.completed) == (5, 5)
