"""Officers who must act together: each says yes on the same page, and the last one's makes it count.  Spec: wallet contract §6 D2, D6."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories.wallet import CONSUMER, FIELDS, OTHER_RUN, PUBLIC_URL, RUN, World
from tests.unit.wallet.routes.test_delegations import acting_browser, all_cores, consent_of, main_of, post
from wallet.operations.consent_flows import flow_outcome
from wallet.providers.mandates import Mandate
from wallet.providers.memory import MemoryMandates
from wallet.standards.acting import Kind

COMPANY, COMPANY_NAME, THIRD = "65432109-4", "Corporación Colegio Las Araucarias", "20347878-K"
SUBJECT = {"scheme": "cl-rut", "value": COMPANY}
NAMES = {RUN: "Camila Andrea Soto Pérez", OTHER_RUN: "José Ñancupil Huenchumán", THIRD: "Rosa Díaz Lagos"}
WAITS = "Usted dijo que sí. Otros también deben decirlo"


@dataclass
class Board:
    """A company of three officers, of whom `joint` must act together, and one request to it."""

    world: World
    register: MemoryMandates
    request: str = ""
    body: dict[str, Any] = field(default_factory=dict)

    def appoint(self, run: str, *, joint: int = 2, kind: Kind = Kind.COMPANY, principal: str = f"cl-rut:{COMPANY}") -> None:
        mandate = Mandate(kind=kind, principal=principal, name=COMPANY_NAME, reference="fojas 7", joint=joint)
        self.register.by_delegate[run] = [mandate]

    def ask(self, *, item: dict[str, Any] | None = None, **changes: object) -> str:
        self.body = self.world.request_body(self.world.item(**item or {}), **{"subject": SUBJECT, **changes})
        answer = self.world.ask(self.body)
        assert answer.status_code == 201, answer.json
        self.request = str(self.world.run_sql("select id from consent_requests order by created_at desc, id desc limit 1")[0][0])
        return str(answer.json["view_uri"]).removeprefix(PUBLIC_URL)

    def officer(self, run: str) -> FlaskClient:
        return acting_browser(self.world, run, NAMES[run])

    def page(self, run: str) -> TestResponse:
        return self.officer(run).get(f"/requests/{self.request}")

    def say(self, run: str, decision: str = "grant", **more: object) -> TestResponse:
        browser = self.officer(run)
        return self.world.submit(browser, browser.get(f"/requests/{self.request}"), decision, **more)

    def state(self) -> str:
        look = self.world.app.test_client().get(f"/consent-requests/{self.body['id']}", headers=self.world.bearer())
        return str(look.json["items"][0]["state"])

    def consents(self) -> int:
        return int(self.world.run_sql("select count(*) from consents")[0][0])


@pytest.fixture
def board(world: World) -> Board:
    register = MemoryMandates()
    world.wallet.__dict__["mandates"] = register
    world.run_sql("alter table datasets disable trigger frozen")
    world.run_sql("""update datasets set subject_kinds = '["person", "company"]'""")
    world.register.people[COMPANY] = world.register.people[RUN]
    made = Board(world, register)
    for run in NAMES:
        made.appoint(run)
    return made


def entries(world: World, action: str) -> list[dict[str, Any]]:
    return [core for core in all_cores(world) if core.get("action") == action]


@pytest.mark.rule("wallet", "D2")
@pytest.mark.rule("wallet", "D6")
def test_the_last_yes_makes_it_count_and_record_receipt_and_log_name_all(world: World, board: Board) -> None:
    view = board.ask()
    first = board.officer(RUN)
    page = first.get(view, follow_redirects=True)
    assert "Deben decir que sí 2 personas" in main_of(page)
    kept = world.submit(first, page, "grant")
    assert (kept.status_code, kept.location) == (303, f"/requests/{board.request}")
    waiting = main_of(first.get(kept.location))
    assert WAITS in waiting
    assert "Falta el sí de 1 persona" in waiting
    assert "https://colegio.example/vuelta" in first.get(kept.location).text  # the way back to the body
    assert (board.state(), board.consents()) == ("pending", 0)

    second = board.officer(OTHER_RUN)
    assert "Colegio Las Araucarias pide ver" in main_of(second.get("/"))
    page = second.get(f"/requests/{board.request}")
    assert f"{NAMES[RUN]} dijo que sí" in main_of(page)
    done = world.submit(second, page, "grant")
    assert (done.status_code, done.location) == (303, f"/requests/{board.request}")  # the body's page waits for the first one
    assert (board.state(), board.consents()) == ("accepted", 1)
    consent_id = str(consent_of(world, COMPANY, "cl-rut")["consent_id"])
    assert world.fetch(world.exchange_body(consent_id, subject=SUBJECT)).status_code == 200

    both = f"{NAMES[RUN]}, {NAMES[OTHER_RUN]}"
    assert f"{both}, por {COMPANY_NAME}" in main_of(second.get(f"/consents/{consent_id}"))
    event = world.run_sql("select event_id from consent_events")[0][0]
    document = json.loads(first.get(f"/receipts/{event}.jsonld").text)
    status = document["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"][0]
    assert status["andamio:delegate"] == [NAMES[RUN], NAMES[OTHER_RUN]]
    powers = dict(world.run_sql("select delegate_index, delegation_id from delegations"))
    ids = [f"delegation:{powers[world.wallet.subject_index('cl-run:' + run)]}" for run in (RUN, OTHER_RUN)]
    (assented,) = entries(world, "wallet:request:assented")
    assert (assented["on_behalf_of"], assented["data"]["joint"]) == (ids[0], 2)
    for action in ("wallet:request:granted", "wallet:consent:granted"):
        (entry,) = entries(world, action)
        assert (entry["on_behalf_of"], entry["data"]["together"]) == (ids[1], [ids[0]]), action
    assert NAMES[RUN] not in json.dumps(all_cores(world), ensure_ascii=False)


@pytest.mark.rule("wallet", "D6")
def test_one_person_is_one_however_often_she_says_yes(world: World, board: Board) -> None:
    board.ask()
    browser = board.officer(RUN)
    page = browser.get(f"/requests/{board.request}")
    for _ in range(2):
        assert world.submit(browser, page, "grant").status_code == 303  # pressed twice
    again = board.page(RUN)  # in another browser she finds that it waits, and saying it there once more changes nothing
    assert WAITS in main_of(again)
    assert board.say(RUN).status_code == 303
    assert (board.state(), board.consents()) == ("pending", 0)
    assert len(entries(world, "wallet:request:assented")) == 1


@pytest.mark.rule("wallet", "D6")
@pytest.mark.parametrize("who", [RUN, OTHER_RUN], ids=["who said yes", "another"])
def test_one_no_ends_it_for_all(world: World, board: Board, who: str) -> None:
    board.ask()
    late = board.officer(THIRD)
    page = late.get(f"/requests/{board.request}")
    board.say(RUN)
    assert board.say(who, "refuse").status_code == 303
    assert (board.state(), board.consents()) == ("refused", 0)
    assert world.submit(late, page, "grant").status_code == 409
    receipt = world.run_sql("select receipt_id from consent_request_items")[0][0]
    assert f"{NAMES[who]}, por {COMPANY_NAME}" in main_of(late.get(f"/receipts/{receipt}"))


@pytest.mark.rule("wallet", "S1")
@pytest.mark.rule("wallet", "D6")
def test_the_clock_ends_what_waits_for_others(world: World, board: Board) -> None:
    board.ask()
    board.say(RUN)
    shown = BeautifulSoup(board.page(OTHER_RUN).text, "html.parser").select_one("main input[name=shown]")
    assert shown is not None
    world.clock.advance(seconds=world.wallet.settings.request_ttl_days * 86_400)
    late = board.officer(OTHER_RUN)
    assert "Se acabó el tiempo para decidir" in main_of(late.get(f"/requests/{board.request}"))
    answer = post(late, f"/requests/{board.request}", on="/", decision="grant", item="1", shown=str(shown["value"]))
    assert answer.status_code == 409
    assert (board.state(), board.consents()) == ("expired", 0)


@pytest.mark.rule("wallet", "D6")
@pytest.mark.rule("wallet", "U5")
@pytest.mark.parametrize(("first", "second"), [((), ("issued_on",)), (("issued_on",), ()), (("issued_on",), ("issued_on",))])
def test_a_field_of_choice_is_seen_only_if_each_chose_it(
    world: World, board: Board, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    board.ask(item={"fields": FIELDS[:2], "optional_fields": ["issued_on"]})
    assert "solo si cada uno los elige" in main_of(board.page(RUN))
    board.say(RUN, optional=list(first))
    assert board.say(OTHER_RUN, optional=list(second)).status_code == 303
    granted = world.run_sql("select granted_fields from consents")[0][0]
    assert ("issued_on" in granted) is bool(first and second)


@pytest.mark.rule("wallet", "D6")
def test_a_field_that_is_not_offered_is_refused_at_the_first_yes(world: World, board: Board) -> None:
    board.ask()
    assert board.say(RUN, optional=["salary"]).status_code == 400
    assert world.run_sql("select count(*) from assents")[0][0] == 0


@pytest.mark.rule("wallet", "D6")
@pytest.mark.rule("wallet", "U11")
def test_a_yes_to_something_else_than_is_asked_now_does_not_count(world: World, board: Board) -> None:
    board.ask()
    board.say(RUN)
    world.run_sql("alter table purposes disable trigger user")
    world.run_sql("""update purposes set text = '{"es": "Otra cosa", "en": "Something else"}'""")
    assert NAMES[RUN] not in main_of(board.page(OTHER_RUN))
    board.say(OTHER_RUN)
    assert (board.state(), board.consents()) == ("pending", 0)
    page = main_of(board.page(RUN))  # she is asked anew, and told who said yes to it as it is now
    assert "Otra cosa" in page
    assert f"{NAMES[OTHER_RUN]} dijo que sí" in page
    board.say(RUN)
    assert (board.state(), board.consents()) == ("accepted", 1)


@pytest.mark.rule("wallet", "D6")
def test_whom_the_body_named_decides_first_and_with_another(world: World, board: Board) -> None:
    board.ask(required_delegator={"scheme": "cl-run", "value": RUN})
    assert board.page(OTHER_RUN).status_code == 404
    assert "pide ver" not in main_of(board.officer(OTHER_RUN).get("/"))
    board.say(RUN)
    assert "pide ver" in main_of(board.officer(OTHER_RUN).get("/"))
    assert board.say(OTHER_RUN).status_code == 303
    assert (board.state(), board.consents()) == ("accepted", 1)


@pytest.mark.rule("wallet", "D2")
def test_who_decides_alone_needs_nobody_and_stands_alone_in_the_record(world: World, board: Board) -> None:
    board.ask()
    board.say(RUN)
    board.appoint(OTHER_RUN, joint=1)
    assert board.say(OTHER_RUN).status_code == 303
    assert (board.state(), board.consents()) == ("accepted", 1)
    consent_id = consent_of(world, COMPANY, "cl-rut")["consent_id"]
    page = main_of(board.officer(THIRD).get(f"/consents/{consent_id}"))
    assert f"{NAMES[OTHER_RUN]}, por {COMPANY_NAME}" in page
    assert NAMES[RUN] not in page
    assert world.run_sql("select count(*) from assents")[0][0] == 0


@pytest.mark.rule("wallet", "D2")
def test_the_strictest_of_them_says_how_many(world: World, board: Board) -> None:
    board.appoint(OTHER_RUN, joint=3)
    board.ask()
    board.say(RUN)
    board.say(OTHER_RUN)
    assert (board.state(), board.consents()) == ("pending", 0)
    assert "Deben decir que sí 3 personas" in main_of(board.page(THIRD))
    board.say(THIRD)
    assert (board.state(), board.consents()) == ("accepted", 1)


@pytest.mark.rule("wallet", "D6")
def test_two_at_the_same_moment_come_to_one_permission(world: World, board: Board) -> None:
    """Also where each finishes what the other began: nobody waits for somebody who waits for him."""
    browsers = {run: board.officer(run) for run in (RUN, OTHER_RUN)}
    began = {}
    for run in browsers:
        board.ask()
        began[run] = board.request
        board.say(run)
    pages = [(OTHER_RUN, began[RUN]), (RUN, began[OTHER_RUN])]
    forms = [(browsers[run], browsers[run].get(f"/requests/{request}")) for run, request in pages]
    barrier = Barrier(len(forms))

    def press(form: tuple[FlaskClient, TestResponse]) -> int:
        barrier.wait()
        return world.submit(form[0], form[1], "grant").status_code

    with ThreadPoolExecutor(len(forms)) as pool:
        assert list(pool.map(press, forms)) == [303, 303]
    assert board.consents() == 2
    board.ask()  # and nobody began yet
    forms = [(browsers[run], browsers[run].get(f"/requests/{board.request}")) for run in (RUN, OTHER_RUN)]
    with ThreadPoolExecutor(len(forms)) as pool:
        assert list(pool.map(press, forms)) == [303, 303]
    assert (board.state(), board.consents()) == ("accepted", 3)


@pytest.mark.rule("wallet", "§12")
def test_a_sign_in_does_not_wait_for_the_others_who_find_it_on_their_own_page(world: World, board: Board) -> None:
    board.ask(view="hide")
    world.run_sql("update consent_requests set is_flow = true")
    assert flow_outcome(world.wallet, CONSUMER, UUID(board.body["id"])).state == "pending"
    board.say(RUN)
    assert flow_outcome(world.wallet, CONSUMER, UUID(board.body["id"])).state == "deferred"
    second = board.officer(OTHER_RUN)
    assert "pide ver" in main_of(second.get("/"))
    done = world.submit(second, second.get(f"/requests/{board.request}"), "grant")
    assert done.location == f"/requests/{board.request}"  # not into the other's sign-in
    assert flow_outcome(world.wallet, CONSUMER, UUID(board.body["id"])).state == "accepted"


@pytest.mark.rule("wallet", "D2")
def test_the_page_of_powers_says_what_needs_others(world: World, board: Board) -> None:
    page = main_of(world.browser(RUN, name=NAMES[RUN]).get("/acting"))
    assert "Deben actuar 2 en conjunto." in page
    assert post(world.browser(RUN), "/acting", on="/acting", delegation="x").status_code == 400
