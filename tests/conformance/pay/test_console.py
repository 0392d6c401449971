"""The console: who may see what, refunds of two persons, keys, webhooks, reports.  Spec: pay-api.md §2, §15, §23; PA-1, PA-3."""

import csv
import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from pay.models.ledger import ledger_accounts
from pay.models.webhook import MessageState, webhook_messages
from pay.operations.proofs import prove
from pay.standards.csv_text import csv_text
from pay.standards.staff_powers import Power, StaffMember
from tests.conformance.pay.test_counters import Counter
from tests.conformance.pay.test_notices import issue
from tests.factories.pay import World

ORG = "org-municipalidad-quilpalin"
PEOPLE = {"ana": "owner", "beto": "owner", "dora": "developer", "eva": "auditor", "iris": "agent"}


class Desk:
    """Somebody who signed in with two factors and sits at the console."""

    def __init__(self, world: World, sub: str, *roles: str, level: int = 2) -> None:
        self.client: FlaskClient = world.client()
        person = {
            "sub": sub,
            "name": sub.title(),
            "run": None,
            "acr": f"urn:andamio:acr:{level}",
            "amr": ["pwd", "otp"],
            "auth_time": int(world.pay.clock.now().timestamp()),
            "roles": list(roles or (f"{ORG}:{PEOPLE[sub]}",)),
            "represents": None,
        }
        with self.client.session_transaction() as session:
            session["person"] = person

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def page(self, path: str) -> BeautifulSoup:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return BeautifulSoup(answer.get_data(as_text=True), "html.parser")

    def send(self, path: str, page: str, **values: Any) -> TestResponse:
        mark = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(page).get_data(as_text=True))
        return self.client.post(path, data={**values, "csrf_token": mark.group(1) if mark else ""})


@pytest.fixture
def base(world: World) -> str:
    return f"/console/accounts/{world.till.account_id}"


def ask_refund(world: World, who: Desk, payment_id: str, amount: str, reason: str = "pagó dos veces") -> TestResponse:
    path = f"/console/payments/{payment_id}/refund"
    return who.send(path, path, amount=amount, reason=reason)


def refunded(world: World, payment_id: str) -> int:
    world.run_jobs()
    submitted: int = world.read(payment_id)["refund_summary"]["amount_submitted"]
    return submitted


def test_who_is_not_signed_in_is_sent_to_sign_in(world: World, base: str) -> None:
    for path in ("/console", base, base + "/payments", base + "/keys", base + "/reports/entries.csv"):
        answer = world.client().get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/login?")


@pytest.mark.rule("pay", "§23", "I9")
def test_people_of_another_office_find_nothing(world: World, base: str) -> None:
    payment_id = world.paid()
    stranger = Desk(world, "zoe", "org-otra:owner")
    assert world.till.account_id not in stranger.get("/console").get_data(as_text=True)
    for path in ("", "/payments", "/payments.csv", "/links", "/reports", "/reports/entries.csv", "/keys", "/webhooks", "/refund-requests"):
        assert stranger.get(base + path).status_code == 404, path
    for path in (f"/console/payments/{payment_id}", f"/console/payments/{payment_id}/refund"):
        assert stranger.get(path).status_code == 404
    assert Desk(world, "nemo", "org-otra:supplier").get("/console").status_code == 403


@pytest.mark.rule("pay", "§23")
@pytest.mark.parametrize(
    ("who", "refused"),
    [
        ("eva", {"/keys", "/webhooks", "/limit", "/refund-requests"}),
        ("dora", {"/limit", "/refund-requests"}),
        ("iris", {"/keys", "/webhooks", "/limit", "/refund-requests"}),
        ("ana", set()),
    ],
)
def test_each_role_may_do_its_own(world: World, base: str, who: str, refused: set[str]) -> None:
    desk = Desk(world, who)
    for path in ("", "/payments", "/links", "/reports", "/keys", "/webhooks", "/limit", "/refund-requests"):
        assert desk.get(base + path).status_code == (403 if path in refused else 200), path


def test_an_operator_sees_every_account(world: World, base: str) -> None:
    other = world.add_account(organisation_id="org-otra", service_name="Otra oficina")
    page = Desk(world, "olga", "operator").page("/console")
    assert {world.till.account_id, other.account_id} <= {str(a["href"]).rpartition("/")[2] for a in page.select("main a")}
    assert StaffMember("x", "x", ("org-1:owner", "org-1:nonsense")).powers_in("org-1") == frozenset(Power)
    assert StaffMember("x", "x", ("org-1:owner",)).powers_in("org-10") == frozenset()


@pytest.mark.rule("pay", "§23")
def test_money_and_secrets_need_two_factors_that_are_fresh(world: World, base: str) -> None:
    payment_id = world.paid()
    one_factor, stale = Desk(world, "ana", level=1), Desk(world, "ana")
    world.pay.clock.advance(seconds=16 * 60)  # type: ignore[attr-defined]  # the tests' clock
    one_factor_again = Desk(world, "ana", level=1)
    for desk in (one_factor, stale, one_factor_again):
        for path in (f"/console/payments/{payment_id}/refund", base + "/keys", base + "/webhooks", base + "/limit"):
            answer = desk.get(path)
            assert answer.status_code == 303, path
            assert "level=2" in answer.headers["Location"]
    assert stale.get(base + "/payments").status_code == 200
    lists = [one_factor.get(path).headers["Location"] for path in ("/console", base + "/payments", base + "/reports/entries.csv")]
    assert [place.count("level=2") for place in lists] == [1, 1, 1], "what belongs to payers is not shown after a password alone"


@pytest.mark.rule("pay", "§23", "I2")
def test_a_small_refund_is_made_at_once(world: World) -> None:
    payment_id = world.paid()
    assert ask_refund(world, Desk(world, "ana"), payment_id, "4.500").status_code == 303
    assert refunded(world, payment_id) == 4500


@pytest.mark.rule("pay", "§23", "I2")
def test_over_the_limit_a_second_person_decides_and_never_the_first(world: World, base: str) -> None:
    ana, beto = Desk(world, "ana"), Desk(world, "beto")
    assert ana.send(base + "/limit", base + "/limit", limit="1.000").status_code == 303
    payment_id = world.paid()
    ask_refund(world, ana, payment_id, "4500")
    assert refunded(world, payment_id) == 0
    form = beto.page(base + "/refund-requests").select_one("form[action*=refund-requests]")
    assert form is not None
    path = str(form["action"])
    assert ana.page(base + "/refund-requests").select_one(f"form[action='{path}']") is None
    assert ana.send(path, base, decision="approve").status_code == 403
    assert Desk(world, "dora").send(path, base, decision="approve").status_code == 403
    assert refunded(world, payment_id) == 0
    assert beto.send(path, base + "/refund-requests", decision="approve").status_code == 303
    assert refunded(world, payment_id) == 4500
    assert beto.send(path, base + "/refund-requests", decision="approve").status_code == 409
    assert refunded(world, payment_id) == 4500
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


@pytest.mark.rule("pay", "§23")
def test_a_rejected_request_moves_nothing_and_stays(world: World, base: str) -> None:
    ana, beto = Desk(world, "ana"), Desk(world, "beto")
    ana.send(base + "/limit", base + "/limit", limit="0")
    payment_id = world.paid()
    ask_refund(world, ana, payment_id, "1")
    path = str(beto.page(base + "/refund-requests").select_one("form[action*=refund-requests]")["action"])  # type: ignore[index]  # it is there
    assert beto.send(path, base + "/refund-requests", decision="maybe").status_code == 404
    assert beto.send(path, base + "/refund-requests", decision="reject").status_code == 303
    assert beto.send(path, base + "/refund-requests", decision="approve").status_code == 409
    assert refunded(world, payment_id) == 0


@pytest.mark.rule("pay", "§23", "I2")
def test_many_approvals_at_once_refund_once(world: World, base: str) -> None:
    Desk(world, "ana").send(base + "/limit", base + "/limit", limit="0")
    payment_id = world.paid()
    ask_refund(world, Desk(world, "ana"), payment_id, "10000")
    desks = [Desk(world, "beto") for _ in range(6)]
    path = str(desks[0].page(base + "/refund-requests").select_one("form[action*=refund-requests]")["action"])  # type: ignore[index]  # it is there
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(lambda desk: desk.send(path, base + "/refund-requests", decision="approve").status_code, desks))
    assert statuses == [303, 409, 409, 409, 409, 409]
    assert refunded(world, payment_id) == 10000


@pytest.mark.rule("pay", "§23")
@pytest.mark.parametrize(
    ("amount", "reason"), [("", "x"), ("0", "x"), ("14501", "x"), ("-5", "x"), ("1,5", "x"), ("abc", "x"), ("100", "")]
)
def test_a_wrong_refund_form_says_what_to_do(world: World, amount: str, reason: str) -> None:
    payment_id = world.paid()
    answer = ask_refund(world, Desk(world, "ana"), payment_id, amount, reason)
    assert answer.status_code == 422
    assert "govuk-error-summary" in answer.get_data(as_text=True)
    assert refunded(world, payment_id) == 0


@pytest.mark.rule("pay", "A1", "§2")
def test_a_key_is_shown_once_works_and_ends_at_once(world: World, base: str) -> None:
    dora = Desk(world, "dora")
    answer = dora.send(base + "/keys", base + "/keys", description="Sistema de patentes")
    assert answer.status_code == 201
    key = BeautifulSoup(answer.get_data(as_text=True), "html.parser").select_one("#new-key").get_text()  # type: ignore[union-attr]  # it is there
    headers = {"Authorization": f"Bearer {key}"}
    assert world.client().get("/v1/payments", headers=headers).status_code == 200
    page = dora.page(base + "/keys")
    assert key not in page.get_text()
    section = next(part for part in page.select("section") if "Sistema de patentes" in part.get_text())
    path = str(section.select_one("form")["action"])  # type: ignore[index]  # it is there
    for _ in range(2):
        assert dora.send(path, base + "/keys").status_code == 303
    assert world.client().get("/v1/payments", headers=headers).status_code == 401
    assert dora.send(base + "/keys", base + "/keys", description=" ").status_code == 422


@pytest.mark.rule("pay", "§15")
def test_a_webhook_is_added_switched_and_its_messages_sent_again(world: World, base: str) -> None:
    dora = Desk(world, "dora")
    values = {"url": "https://oficina.example/pagos", "events": ["card_payment_captured"]}
    answer = dora.send(base + "/webhooks", base + "/webhooks", **values)
    assert answer.status_code == 201
    assert "webhook_test_" in answer.get_data(as_text=True)
    hook = next(str(a["href"]) for a in dora.page(base + "/webhooks").select("section a"))
    world.paid()
    with world.pay.db.begin() as connection:
        connection.execute(update(webhook_messages).values(state=MessageState.FAILED.value, attempts=6))
    replay = str(dora.page(hook).select_one("form[action*=replay]")["action"])  # type: ignore[index]  # it is there
    for _ in range(2):
        assert dora.send(replay, base + "/webhooks").status_code == 303
    with world.pay.db.engine.connect() as connection:
        assert connection.execute(webhook_messages.select()).one().state == MessageState.PENDING.value
    assert dora.send(hook + "/switch", base + "/webhooks", on="no").status_code == 303
    assert "Apagado" in dora.page(base + "/webhooks").get_text()
    for wrong in ({"url": "ftp://x", "events": ["card_payment_captured"]}, {"url": "https://x.example"}):
        assert dora.send(base + "/webhooks", base + "/webhooks", **wrong).status_code == 422
    assert dora.send(f"{base}/webhooks/{'0' * 26}/switch", base + "/webhooks", on="no").status_code == 404


@pytest.mark.rule("pay", "§10", "A12")
def test_a_search_stands_in_the_address_and_comes_as_a_table(world: World, base: str) -> None:
    for reference in ("A-1", "A-2", "=cmd()"):
        world.paid(reference=reference)
    world.create(reference="A-3")
    eva = Desk(world, "eva")
    page = eva.page(f"{base}/payments?reference=a-1&state=success&from=2026-06-08&to=2026-06-08")
    assert [row.get_text() for row in page.select("tbody th")] == ["A-1"]
    assert eva.page(f"{base}/payments?from=2026-06-09").select("tbody") == []
    assert "govuk-error-summary" in str(eva.page(f"{base}/payments?from=ayer"))
    rows = list(csv.DictReader(io.StringIO(eva.get(base + "/payments.csv?state=success").get_data(as_text=True).lstrip("\ufeff"))))
    assert sorted(row["Reference"] for row in rows) == ["'=cmd()", "A-1", "A-2"]
    assert {row["Amount"] for row in rows} == {"14500"}
    assert "4242424242424242" not in str(rows)


@pytest.fixture
def month(world: World) -> str:
    """A month with three payments, a refund, and one from the month before."""
    world.pay.clock.advance(seconds=-20 * 24 * 3600)  # type: ignore[attr-defined]  # the tests' clock
    world.paid(amount=1000)
    world.pay.clock.advance(seconds=20 * 24 * 3600)  # type: ignore[attr-defined]  # the tests' clock
    for amount in (10_000, 20_000):
        world.paid(amount=amount)
    world.pay.clock.advance(seconds=24 * 3600)  # type: ignore[attr-defined]  # the tests' clock
    payment_id = world.paid(amount=5000)
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 2000})
    world.run_jobs()
    return "2026-06"


@pytest.mark.rule("pay", "PA-1", "PA-3", "I1")
def test_the_month_closes_and_agrees_with_the_books(world: World, base: str, month: str) -> None:
    eva = Desk(world, "eva")

    def table(name: str) -> list[dict[str, str]]:
        text = eva.get(f"{base}/reports/{name}.csv?month={month}").get_data(as_text=True)
        return list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))

    channels = [(row["day"], row["channel"], row["count"], row["taken"], row["given_back"], row["net"]) for row in table("channels")]
    assert channels == [("2026-06-08", "sandbox", "2", "30000", "0", "30000"), ("2026-06-09", "sandbox", "1", "5000", "2000", "3000")]
    statement = [(row["credit"], row["debit"], row["owed"]) for row in table("statement")]
    assert statement == [("0", "0", "1000"), ("30000", "0", "31000"), ("5000", "2000", "34000")]
    entries = table("entries")
    assert sum(int(row["debit"]) for row in entries) == sum(int(row["credit"]) for row in entries) > 0
    with world.pay.db.engine.connect() as connection:
        owed = connection.execute(ledger_accounts.select().where(ledger_accounts.c.code == f"beneficiary_payable:{ORG}")).one()
    assert -owed.posted_minor == 34000
    assert "$34.000" in eva.page(f"{base}/reports?month={month}").get_text()
    assert eva.get(f"{base}/reports/secrets.csv").status_code == 404
    assert "2026-06" in eva.page(f"{base}/reports?month=nonsense").h1.get_text()  # type: ignore[union-attr]  # it is there


@pytest.mark.rule("pay", "PA-3")
def test_a_report_of_one_account_holds_nothing_of_another(world: World, base: str, month: str) -> None:
    other = world.add_account(organisation_id="org-otra")
    zoe = Desk(world, "zoe", "org-otra:auditor")
    for name in ("channels", "entries"):
        text = zoe.get(f"/console/accounts/{other.account_id}/reports/{name}.csv?month={month}").get_data(as_text=True)
        assert len(text.splitlines()) == 1


def test_a_cell_never_runs_as_a_formula() -> None:
    text = csv_text(("a",), [("=1+1",), ("+56",), ("-1",), ("@x",), (-5,), (None,), ('x",y',)])
    assert text == '\ufeffa\r\n\'=1+1\r\n\'+56\r\n\'-1\r\n\'@x\r\n-5\r\n""\r\n"x"",y"\r\n'


@pytest.mark.rule("pay", "I3", "PA-1")
def test_unexplained_money_is_decided_by_who_may(world: World, base: str) -> None:
    notices = [issue(world) for _ in range(2)]
    till = Counter(world)
    for number, notice in enumerate(notices):
        till.confirm(notice["number"], f"A-{number}")
    till.confirm(notices[0]["number"], "B-0")
    till.confirm(notices[1]["number"], "B-1", 100)
    ana, eva, zoe = Desk(world, "ana"), Desk(world, "eva"), Desk(world, "zoe", "org-otra:owner")
    assert eva.page(base + "/suspense").select("main tbody a") == []
    links = [str(a["href"]) for a in ana.page(base + "/suspense").select("main tbody a")]
    assert len(links) == 2
    for link in links:
        assert eva.get(link).status_code == 403
        assert zoe.get(link).status_code == 404
        assert zoe.send(link + "/keep", "/receipt").status_code == 404
    assert ana.send(links[0] + "/refunded", links[0]).status_code == 303
    assert ana.send(links[0] + "/refunded", links[1]).status_code == 404
    assert ana.send(links[1] + "/keep", links[1]).status_code == 303
    assert ana.page(base + "/suspense").select("main tbody a") == []
    assert ana.send(f"{base}/suspense/{'0' * 26}/keep", base + "/limit").status_code == 404
    assert ana.page(base + "/disputes").h1 is not None
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()
