"""The gate when something is broken: the log, or the provider.  Spec: wallet contract §8.1, §8.2, S3, L5."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.clock import FixedClock, SystemClock
from shared.ids import SeededIds, SystemIds
from tests.factories.wallet import LAW, LAW_AGREEMENT, MARKER, RECORD, World
from tests.factories.wallet_fixtures import make_world
from wallet.operations.consents import withdraw
from wallet.providers.base import Order, RegisterFailed, RegisterMalformed, RegisterTimeout
from wallet.providers.rest import RestRegister

BY_LAW = {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}


@pytest.fixture
def world(database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[World]:
    made = make_world(database("wallet"), redis_url, clock, ids)
    yield made
    made.wallet.close()


def code(answer: Any) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


def refuse_log_rows(world: World, condition: str = "true") -> None:
    """From here on the log takes no row for which the condition holds."""
    world.run_sql("create or replace function no_log() returns trigger language plpgsql as $$ begin raise exception 'disk full'; end $$")
    world.run_sql(f"create trigger no_log before insert on audit_entries for each row when ({condition}) execute function no_log()")


# --- the log --------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§8.1")
@pytest.mark.parametrize("road", ["consent", "law"])
def test_a_log_that_cannot_be_written_stops_everything_before_the_provider(world: World, road: str) -> None:
    body = world.exchange_body(basis=BY_LAW) if road == "law" else world.exchange_body(world.granted())
    refuse_log_rows(world)
    answer = world.fetch(body)
    assert (answer.status_code, code(answer)) == (503, "log_unavailable")
    assert not world.register.orders
    assert world.run_sql("select count(*) from exchanges") == [(0,)]


@pytest.mark.rule("wallet", "§8.1")
def test_a_log_that_breaks_during_the_fetch_releases_nothing(world: World) -> None:
    body = world.exchange_body(world.granted())
    refuse_log_rows(world, 'new.core like \'%"outcome":"released"%\'')
    answer = world.fetch(body)
    assert (answer.status_code, code(answer)) == (503, "log_unavailable")
    assert MARKER not in answer.text
    assert world.run_sql("select uses from consents") == [(0,)]
    world.run_sql("drop trigger no_log on audit_entries")
    assert world.fetch(body).status_code == 200


def test_a_refusal_that_cannot_be_logged_is_no_answer_about_the_person(world: World) -> None:
    refuse_log_rows(world)
    assert code(world.fetch(world.exchange_body(uuid.uuid4()))) == "log_unavailable"


# --- the provider ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (RegisterFailed("x"), 502, "provider_error"),
        (RegisterTimeout("x"), 504, "provider_timeout"),
        (RegisterMalformed("x"), 502, "provider_schema"),
    ],
)
def test_a_provider_that_fails_is_told_and_logged(world: World, error: RegisterFailed, status: int, slug: str) -> None:
    consent_id = world.granted(fetch="once")

    def fail(_order: Order) -> None:
        raise error

    world.register.before = fail
    body = world.exchange_body(consent_id)
    answer = world.fetch(body)
    assert (answer.status_code, code(answer)) == (status, slug)
    assert [(core["outcome"], core.get("reason")) for core in world.log()] == [("attempt", None), ("failed", slug)]
    world.register.before = lambda _order: None
    assert world.fetch(body).status_code == 200, "a failure spends no use"


@pytest.mark.rule("wallet", "§8.1")
@pytest.mark.parametrize(
    "lie",
    [
        {"has_record": "no"},
        {"has_record": 0},
        {"issued_on": "yesterday"},
        {"issued_on": 20260608},
        {"full_name": ["Camila"]},
        {"full_name": {"first": "Camila"}},
        {"full_name": "x" * 5000},
    ],
)
def test_an_answer_that_is_not_as_declared_is_not_passed_on(world: World, lie: dict[str, object]) -> None:
    world.register.people["11111111-1"] = {**RECORD, **lie}
    answer = world.fetch(world.exchange_body(world.granted()))
    assert (answer.status_code, code(answer)) == (502, "provider_schema")
    assert MARKER not in answer.text


def test_a_missing_field_is_not_as_declared(world: World) -> None:
    del world.register.people["11111111-1"]["issued_on"]
    assert code(world.fetch(world.exchange_body(world.granted()))) == "provider_schema"


@pytest.mark.rule("wallet", "§8.1")
def test_fields_that_were_not_asked_are_dropped(world: World) -> None:
    world.register.people["11111111-1"] |= {"salary": 1, "crimes": ["none"]}
    answer = world.fetch(world.exchange_body(world.granted()))
    assert answer.json["data"].keys() == RECORD.keys()


# --- the provider over HTTP -----------------------------------------------------------------------------------------------


class Provider(BaseHTTPRequestHandler):
    """Answers what the test has set."""

    reply: tuple[int, bytes] = (200, b"")
    stall: threading.Event | None = None

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.stall is not None:
            self.stall.wait(10)
        status, body = self.reply
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def provider(world: World) -> Iterator[type[Provider]]:
    from shared.http import Outbound

    kind = type("Kind", (Provider,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = f"127.0.0.1:{server.server_port}"
    http = Outbound(private_hosts=[place])
    world.wallet.__dict__["register"] = RestRegister(http, timeout_seconds=0.5, bytes_max=2_000)
    world.run_sql("alter table datasets disable trigger frozen")
    world.run_sql("update datasets set endpoint = :endpoint", endpoint=f"http://{place}/v1/police-record")
    yield kind
    if kind.stall is not None:
        kind.stall.set()
    server.shutdown()
    server.server_close()
    http.close()


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    ("reply", "slug"),
    [
        ((500, b"boom"), "provider_error"),
        ((401, b"{}"), "provider_error"),
        ((302, b""), "provider_error"),
        ((200, b"x" * 5_000), "provider_error"),
        ((200, b"<html>"), "provider_schema"),
        ((200, b"[]"), "provider_schema"),
        ((200, b'{"fields": {}}'), "provider_schema"),
        ((200, b'{"as_of": "now", "fields": {}}'), "provider_schema"),
        ((200, b'{"as_of": "2026-06-08T12:00:00", "fields": {}}'), "provider_schema"),
        ((200, b'{"as_of": "2026-06-08T12:00:00Z", "fields": []}'), "provider_schema"),
        ((200, b'{"as_of": "2026-06-08T12:00:00Z", "fields": {}, "more": 1}'), "provider_schema"),
        ((200, b'{"as_of": "2026-06-08T12:00:00Z", "fields": {"full_name": NaN}}'), "provider_schema"),
    ],
)
def test_what_a_provider_may_answer_over_http(world: World, provider: type[Provider], reply: tuple[int, bytes], slug: str) -> None:
    provider.reply = reply
    answer = world.fetch(world.exchange_body(basis=BY_LAW))
    assert (answer.status_code, code(answer)) == (502, slug)


@pytest.mark.rule("wallet", "§8.2")
def test_a_provider_that_does_not_answer_is_left_after_the_time_limit(world: World, provider: type[Provider]) -> None:
    provider.stall = threading.Event()
    answer = world.fetch(world.exchange_body(basis=BY_LAW))
    assert (answer.status_code, code(answer)) == (504, "provider_timeout")


def test_a_provider_that_knows_nobody_has_no_record(world: World, provider: type[Provider]) -> None:
    provider.reply = (404, b"{}")
    assert world.fetch(world.exchange_body(basis=BY_LAW)).json["data"] is None


# --- races ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(database: Callable[[str], str], redis_url: str) -> Iterator[World]:
    """A world whose clock runs and whose ids may be asked for by many threads."""
    made = make_world(database("wallet"), redis_url, SystemClock(), SystemIds())  # type: ignore[arg-type]  # a clock that nobody moves
    yield made
    made.wallet.close()


@pytest.mark.rule("wallet", "S3")
def test_nothing_is_released_after_the_answer_to_a_withdrawal(busy: World) -> None:
    consent_id = uuid.UUID(busy.granted())
    started, withdrawn = threading.Semaphore(0), threading.Event()
    late: list[int] = []

    def wait(_order: Order) -> None:
        started.release()
        withdrawn.wait(20)  # uses are with the provider while the person ends it

    busy.register.before = wait

    def use(_number: int) -> int:
        return busy.fetch(busy.exchange_body(consent_id)).status_code

    with ThreadPoolExecutor(50) as pool:
        racing = [pool.submit(use, number) for number in range(50)]
        for _ in range(3):
            started.acquire(timeout=20)
        withdraw(busy.wallet, busy.presence(), consent_id)
        late = [use(0)]
        withdrawn.set()
        statuses = [one.result() for one in racing]
    assert late == [403]
    assert set(statuses) == {403}
    assert "released" not in {core["outcome"] for core in busy.log()}
    assert busy.run_sql("select uses from consents") == [(0,)]


@pytest.mark.rule("wallet", "S3")
def test_every_release_stands_in_the_log_before_the_withdrawal(busy: World) -> None:
    consent_id = uuid.UUID(busy.granted())
    go = threading.Barrier(51)

    def use(_number: int) -> int:
        go.wait(20)
        return busy.fetch(busy.exchange_body(consent_id)).status_code

    def end() -> None:
        go.wait(20)
        withdraw(busy.wallet, busy.presence(), consent_id)

    with ThreadPoolExecutor(51) as pool:
        racing = [pool.submit(use, number) for number in range(50)]
        pool.submit(end).result()
        statuses = [one.result() for one in racing]
    assert set(statuses) <= {200, 403}
    events = [row[0] for row in busy.run_sql("select type from consent_events order by event_id")]
    assert events.count("used") == statuses.count(200)
    assert events[-1] == "withdrawn"
    assert [core["outcome"] for core in busy.log()].count("released") == statuses.count(200)


@pytest.mark.rule("wallet", "§3")
def test_fifty_parallel_uses_of_a_consent_for_once_release_once(busy: World) -> None:
    consent_id = busy.granted(fetch="once")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _number: busy.fetch(busy.exchange_body(consent_id)), range(50)))
    assert sorted({one.status_code for one in answers}) in ([200, 403], [200, 403, 429], [200, 429])
    assert [one.status_code for one in answers].count(200) == 1
    assert busy.run_sql("select uses, state from consents") == [(1, "expired")]


@pytest.mark.rule("wallet", "X7")
def test_the_same_request_at_the_same_time_counts_one_use(busy: World) -> None:
    body = busy.exchange_body(busy.granted())
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _number: busy.fetch(body), range(10)))
    assert {one.status_code for one in answers} == {200}
    assert len({one.json["txn"] for one in answers}) == 1
    assert busy.run_sql("select uses from consents") == [(1,)]
