"""HTML in every text that a body can enter, on every page that shows one: it is text there.  Spec: wallet contract U15."""

import json
import re
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from shared.run import check_digit
from tests.factories.wallet import DATASET, FIELDS, LAW_AGREEMENT, PURPOSE, REGISTRY, RUN, SCHOOL, World
from tests.unit.wallet.routes.test_console import staff
from wallet.models.enquiry import AnswerKind
from wallet.operations.enquiries import answer_enquiry
from wallet.providers.memory import MemoryDealings

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>{{ 7*7 }}"
TEXTS = json.dumps({"es": EVIL, "en": EVIL})
BOTH = "cast(:t as jsonb)"
LINK = re.compile(r"^/[a-z]")
LEFT_OUT = re.compile(r"^/(login|logout|static|about|bulk-transfers|once-only|me/|my-data)|\.(jwt|jsonld)$|[?&]lang=")
"""What signs in or out, what is no page, and the same page in the other language."""


@pytest.fixture
def hostile(world: World) -> str:
    """A world in which every text of every body is hostile, with a consent, accesses and an answered question; the consent's id."""
    for table in ("datasets", "agreements", "purposes", "notices"):
        world.run_sql(f"alter table {table} disable trigger user")
    fields = [{**row, "title": {"es": EVIL, "en": EVIL}} for row in world.run_sql("select fields from datasets")[0][0]]
    world.run_sql(f"update datasets set title = {BOTH}, description = {BOTH}, fields = cast(:f as jsonb)", t=TEXTS, f=json.dumps(fields))
    contact = json.dumps({"email": EVIL})
    world.run_sql("update organisations set name = :e, address = :e, dpo_contact = cast(:c as jsonb)", e=EVIL, c=contact)
    world.run_sql("update clients set display_name = :e, handled_by = :e", e=EVIL)
    world.run_sql(f"update purposes set text = {BOTH}", t=TEXTS)
    world.run_sql(f"update procedures set title = {BOTH}, instead = {BOTH}, law_reference = :e", t=TEXTS, e=EVIL)
    world.run_sql("update notices set title = :e, body = :e", e=EVIL)
    onward = {"o": json.dumps([EVIL]), "l": json.dumps({"bulk": True})}
    world.run_sql("update agreements set onward = cast(:o as jsonb), reason = :e, limits = limits || cast(:l as jsonb)", e=EVIL, **onward)
    world.run_sql("update agreements set law_reference = :e where law_reference is not null", e=EVIL)
    world.wallet.__dict__["dealings"] = MemoryDealings()
    consent_id = world.granted()
    world.ask(world.request_body(message={"es": EVIL}, state=EVIL))
    assert world.fetch(world.exchange_body(consent_id, official={"id": EVIL, "unit": EVIL})).status_code == 200
    law = {"kind": "law", "agreement_id": LAW_AGREEMENT}
    assert world.fetch(world.exchange_body(basis=law)).status_code == 200
    assert world.fetch(world.exchange_body(basis=law, preview=True)).status_code == 202
    people = [RUN, *(f"{number}-{check_digit(number)}" for number in range(10_000_000, 10_000_100))]
    many = {"request_id": "bulk-0001", "persons": [{"subject": {"scheme": "cl-run", "value": run}} for run in people], "basis": law}
    many |= {"dataset_id": DATASET, "fields": FIELDS, "purpose_id": PURPOSE, "criteria": {"es": EVIL, "en": EVIL}}
    assert world.app.test_client().post("/exchange/v1/batches", json=many, headers=world.bearer()).status_code == 200
    _answered_question(world)
    return consent_id


def _answered_question(world: World) -> None:
    browser = world.browser()
    txn = browser.get("/me/access-log?limit=1").json["lines"][0]["txn"]
    form = BeautifulSoup(browser.get(f"/access-log/{txn}/ask").text, "html.parser").select_one("main form")
    assert form is not None
    mark = form.select_one("input[name=csrf_token]")
    assert mark is not None
    asked = browser.post(str(form["action"]), data={"csrf_token": str(mark["value"]), "kind": "why", "question": EVIL})
    assert asked.status_code == 303, asked.text
    enquiry_id = world.run_sql("select enquiry_id from enquiries")[0][0]
    answer_enquiry(world.wallet, [SCHOOL], enquiry_id, kind=AnswerKind.LAWFUL, law=EVIL, text=EVIL, actor="test")


def crawl(browser: FlaskClient, starts: list[str]) -> dict[str, str]:
    """Every page that can be reached by links, by its address."""
    found: dict[str, str] = {}
    waiting = list(starts)
    while waiting:
        address = waiting.pop()
        if address in found or LEFT_OUT.search(address):
            continue
        answer = browser.get(address)
        assert answer.status_code < 500, address
        found[address] = answer.text if answer.mimetype == "text/html" else ""
        links = BeautifulSoup(found[address], "html.parser").select("main a[href]")
        waiting += [str(link["href"]) for link in links if LINK.match(str(link["href"]))]
    return found


def assert_is_text(pages: dict[str, str]) -> None:
    for address, page in pages.items():
        for sign in ("<script>alert", "<img src=x", "<b>{{", "<b>49"):
            assert sign not in page, (address, sign)


@pytest.mark.rule("wallet", "U15")
@pytest.mark.parametrize("language", ["es", "en"])
def test_on_every_page_of_a_person_it_is_text(world: World, hostile: str, language: str) -> None:
    browser = world.browser()
    browser.get(f"/?lang={language}")
    request_id = world.run_sql("select id from consent_requests order by created_at desc limit 1")[0][0]
    starts = ["/", "/permissions", "/access-log", "/history", "/documents", "/acting", "/notices", "/enquiries", f"/requests/{request_id}"]
    pages = crawl(browser, [*starts, f"/consents/{hostile}/withdraw", "/open", "/open/bulk", "/directory"])
    assert_is_text(pages)
    shown = [address for address, page in pages.items() if "alert(1)" in page]
    kinds = ["/$", "/requests/", "/consents/", "/receipts/", "/access-log", "/enquiries/", "/previews/"]
    for kind in [*kinds, "/open$", "/open/bulk", "/directory"]:
        assert any(re.match(kind, address) for address in shown), kind  # the words were there to be looked at


@pytest.mark.rule("wallet", "U15")
def test_in_the_consoles_it_is_text(world: World, hostile: str) -> None:
    world.clock.advance(seconds=timedelta(days=1).total_seconds())
    for org_id in (SCHOOL, REGISTRY):
        pages = crawl(staff(world, f"{org_id}:owner"), ["/console/", "/console/agreements/new", "/console/datasets/new"])
        assert_is_text(pages)
        assert sum("alert(1)" in page for page in pages.values()) >= 3
    assert_is_text(crawl(staff(world, f"{SCHOOL}:auditor"), ["/auditor/", "/auditor/entries"]))
