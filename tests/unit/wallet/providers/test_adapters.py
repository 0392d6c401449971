"""Registers of every make answer the gate alike: REST, SOAP, a file, a query.  Spec: WA-11; wallet contract §8.1, §8.2."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.clock import FixedClock
from shared.http import Outbound, OutboundFailed, OutboundTimeout, Reply
from tests.factories.wallet import FIELDS, LAW, LAW_AGREEMENT, RUN, World
from wallet.providers.base import Order, RegisterFailed, RegisterMalformed, RegisterTimeout
from wallet.providers.soap import SoapRegister, read_endpoint
from wallet.providers.table import CsvRegister, SqlRegister

KINDS = {"full_name": "string", "has_record": "boolean", "issued_on": "date"}
SOAP = "soap+https://old.example/ws?action=urn:police#{urn:police:v1}ReadRecord"
ANSWER = """<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<p:ReadRecordResponse xmlns:p="urn:police:v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<p:full_name>Camila Soto &amp; Pérez</p:full_name><p:has_record>false</p:has_record><p:issued_on xsi:nil="true"/><p:salary>9</p:salary>
</p:ReadRecordResponse></soap:Body></soap:Envelope>"""
FAULT = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>{}</faultcode></s:Fault></s:Body></s:Envelope>'
BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
THIEF = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><full_name>&a;</full_name>'


class Net(Outbound):
    """A server that answers what the test wants."""

    def __init__(self, answer: Callable[[], Reply]) -> None:
        self.answer = answer
        self.seen: list[Mapping[str, Any]] = []

    def request(self, method: str, url: str, **options: Any) -> Reply:  # as the real one
        self.seen.append({"method": method, "url": url, **options})
        return self.answer()


def order(endpoint: str, run: str = RUN) -> Order:
    return Order(endpoint=endpoint, token="t", proof="p", run=run, fields=tuple(FIELDS), txn="x")


def soap(answer: Callable[[], Reply], clock: FixedClock) -> tuple[SoapRegister, Net]:
    net = Net(answer)
    return SoapRegister(net, clock, timeout_seconds=1, bytes_max=1000), net


@pytest.mark.rule("wallet", "WA-11")
def test_soap_becomes_fields_of_the_declared_kinds(clock: FixedClock) -> None:
    register, net = soap(lambda: Reply(200, {}, ANSWER.encode()), clock)
    record = register.fetch(order(SOAP), KINDS)
    assert record.values == {"full_name": "Camila Soto & Pérez", "has_record": False, "issued_on": None}
    sent = net.seen[0]
    assert (sent["url"], sent["headers"]["SOAPAction"]) == ("https://old.example/ws", '"urn:police"')
    assert b'<r:ReadRecord xmlns:r="urn:police:v1"><run>11111111-1</run>' in sent["body"]
    assert read_endpoint(SOAP)[2] == "{urn:police:v1}ReadRecord"


def test_nothing_in_a_request_is_markup(clock: FixedClock) -> None:
    register, net = soap(lambda: Reply(200, {}, ANSWER.encode()), clock)
    register.fetch(order(SOAP, run="<x/>&"), KINDS)
    assert b"<run>&lt;x/&gt;&amp;</run>" in net.seen[0]["body"]


@pytest.mark.rule("wallet", "WA-11", "§8.2")
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, FAULT.format("s:Server"), RegisterFailed),
        (503, "", RegisterFailed),
        (200, "<html>", RegisterMalformed),
        (200, BOMB, RegisterMalformed),
        (200, THIEF, RegisterMalformed),
        (200, ANSWER.replace("false", "maybe"), RegisterMalformed),
    ],
)
def test_a_bad_answer_releases_nothing(clock: FixedClock, status: int, body: str, error: type[RegisterFailed]) -> None:
    register, _ = soap(lambda: Reply(status, {}, body.encode()), clock)
    with pytest.raises(error):
        register.fetch(order(SOAP), KINDS)


def test_a_person_it_does_not_know_and_no_answer(clock: FixedClock) -> None:
    register, net = soap(lambda: Reply(500, {}, FAULT.format("s:Client.person_not_found").encode()), clock)
    assert register.fetch(order(SOAP), KINDS).values is None

    def fail(error: Exception) -> Reply:
        raise error

    net.answer = lambda: fail(OutboundTimeout())
    with pytest.raises(RegisterTimeout):
        register.fetch(order(SOAP), KINDS)
    net.answer = lambda: fail(OutboundFailed("x", sent=False))
    with pytest.raises(RegisterFailed):
        register.fetch(order(SOAP), KINDS)


@pytest.mark.rule("wallet", "WA-11")
def test_a_file_is_a_register_and_read_anew_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "record.csv"
    path.write_text("run,full_name,has_record,issued_on\n11.111.111-1,Camila,no,\nnonsense,X,no,\n", encoding="utf-8-sig")
    register = CsvRegister(str(tmp_path))
    record = register.fetch(order("csv:record.csv"), KINDS)
    assert record.values == {"full_name": "Camila", "has_record": False, "issued_on": None}
    assert register.fetch(order("csv:record.csv", "22222222-2"), KINDS).values is None
    path.write_text("run,full_name,has_record,issued_on\n11111111-1,Camila,quizás,\n", encoding="utf-8")
    import os

    os.utime(path, (1, 1))
    with pytest.raises(RegisterMalformed):
        register.fetch(order("csv:record.csv"), KINDS)
    for name in ("csv:none.csv", "csv:../../etc/passwd", "csv:/etc/passwd"):
        with pytest.raises(RegisterFailed):
            register.fetch(order(name), KINDS)
    with pytest.raises(RegisterFailed):
        CsvRegister("").fetch(order("csv:record.csv"), KINDS)


@pytest.mark.rule("wallet", "WA-11")
def test_a_query_is_a_register_that_changes_nothing(world: World, clock: FixedClock) -> None:
    world.run_sql("create table people (run text primary key, full_name text, has_record boolean, issued_on date)")
    world.run_sql("insert into people values ('11111111-1', 'Camila', false, '2026-06-08')")
    url = world.wallet.settings.database_url.reveal()
    queries = f"police={url}|select * from people where run = :run\nbad={url}|delete from people where run = :run returning *"
    register = SqlRegister(queries, clock)
    record = register.fetch(order("sql:police"), KINDS)
    assert record.values == {"full_name": "Camila", "has_record": False, "issued_on": "2026-06-08"}
    assert register.fetch(order("sql:police", "22222222-2"), KINDS).values is None
    for name in ("sql:bad", "sql:none"):
        with pytest.raises(RegisterFailed):
            register.fetch(order(name), KINDS)
    assert world.run_sql("select count(*) from people") == [(1,)]
    register.close()


def test_the_gate_chooses_by_the_endpoint(world: World, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("run,full_name,has_record,issued_on\n11111111-1,Camila,no,2026-06-08\n", encoding="utf-8")
    object.__setattr__(world.wallet.settings, "csv_folder", str(tmp_path))
    del world.wallet.__dict__["register"]
    world.run_sql("alter table datasets disable trigger user")
    world.run_sql("update datasets set endpoint = 'csv:r.csv'")
    law = {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}
    answer = world.fetch(world.exchange_body(basis=law))
    assert answer.json["data"] == {"full_name": "Camila", "has_record": False, "issued_on": "2026-06-08"}
