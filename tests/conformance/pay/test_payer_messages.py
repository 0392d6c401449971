"""What payers are told by e-mail: through notify, once, in the payment's language.  Spec: PA-7, pay-api.md §23."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from pay.models.notice import notices
from pay.operations.payer_queue import Matter
from pay.providers.messages import Email, MessageAway, NotifyMessages
from shared.http import Reply
from shared.outbox import outbox
from shared.settings import Secret
from tests.conformance.pay.test_notices import issue
from tests.factories.pay import DECLINED_CARD, World


@dataclass
class Post:
    """Keeps what is sent, for tests; may be away."""

    tells = True
    sent: list[Email] = field(default_factory=list)
    is_away: bool = False

    def send(self, email: Email) -> None:
        if self.is_away:
            raise MessageAway("away")
        self.sent.append(email)


@pytest.fixture
def post(world: World) -> Post:
    post = Post()
    world.pay.__dict__["messages"] = post
    return post


@pytest.mark.rule("pay", "PA-7", "§23")
def test_who_paid_gets_the_receipt_with_a_code_that_proves_it(world: World, post: Post) -> None:
    payment_id = world.paid(language="es")
    (email,) = post.sent
    assert (email.to, email.reference) == ("jose@example.cl", f"pay-receipt-{payment_id}")
    assert email.subject == "Recibo: pagó $14.500 a Permisos de circulación"
    assert email.body.startswith("No tiene que hacer nada")
    receipt = world.get(f"/v1/payments/{payment_id}/receipt").get_json()
    assert receipt["url"] in email.body
    assert "PERM-2026-000042" in email.body
    assert receipt["feedback_url"] in email.body
    path = receipt["url"].removeprefix("http://localhost")
    assert world.client().get(path).status_code == 200
    assert world.client().get(path + ".pdf").get_data().startswith(b"%PDF")
    assert world.client().get("/receipt/0000000000000000.pdf").status_code == 404


@pytest.mark.rule("pay", "PA-7", "§23")
def test_who_was_declined_or_turned_back_is_told_nothing(world: World, post: Post) -> None:
    world.paid(DECLINED_CARD)
    payer = world.payer(world.create()["payment_id"])
    payer.enter()
    payer.press("cancel")
    world.run_jobs()
    assert post.sent == []


@pytest.mark.rule("pay", "PA-7")
def test_the_receipt_is_sent_when_the_money_is_taken_and_not_before(world: World, post: Post) -> None:
    payer = world.payer(world.create()["payment_id"])
    payer.enter()
    payer.press("confirm")
    with world.pay.db.begin() as connection:
        waiting = set(connection.execute(select(outbox.c.job)).scalars())
    assert ("capture_payment" in waiting, "tell_payer" in waiting) == (True, False)
    world.run_jobs()
    assert len(post.sent) == 1


@pytest.mark.rule("pay", "§23")
def test_money_that_comes_back_is_told(world: World, post: Post) -> None:
    payment_id = world.paid()
    refund = world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 4500}).get_json()
    world.run_jobs()
    assert [email.subject for email in post.sent] == [
        "Receipt: $14.500 paid to Permisos de circulación",
        "Permisos de circulación gives you back $4.500",
    ]
    assert post.sent[-1].reference == f"pay-refund-{refund['refund_id']}"


@pytest.mark.rule("pay", "§23")
def test_an_account_may_tell_payers_itself(world: World, post: Post) -> None:
    world.change_account(payer_emails=False)
    payment_id = world.paid()
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 4500})
    world.run_jobs()
    assert post.sent == []


@pytest.mark.rule("pay", "PA-7")
def test_while_notify_is_away_the_receipt_waits_and_no_payment_is_held_up(world: World, post: Post) -> None:
    post.is_away = True
    payment_id = world.paid()
    assert world.read(payment_id)["settlement_summary"]["captured_date"]
    post.is_away = False
    world.pay.clock.advance(seconds=3600)  # type: ignore[attr-defined]  # the clock of tests
    world.run_jobs()
    assert len(post.sent) == 1


@pytest.mark.rule("pay", "pay-design §8")
def test_who_owes_is_told_of_a_notice_and_reminded_once_three_days_before(world: World, post: Post) -> None:
    number = issue(world, email="ana@example.cl", language="es", due_date="2026-06-30")["number"]
    world.run_jobs()
    assert [(email.to, email.reference) for email in post.sent] == [("ana@example.cl", f"pay-notice-{number}")]
    assert f"/notice/{number}" in post.sent[0].body
    assert "30 de junio de 2026" in post.sent[0].body
    for days in (18, 1, 1, 1):  # 26, 27 (three days before), 28, 29 June
        world.pay.clock.advance(seconds=days * 86_400)  # type: ignore[attr-defined]  # the clock of tests
        world.sweep()
    assert [email.reference for email in post.sent][1:] == [f"pay-reminder-{number}"]
    assert post.sent[-1].subject.startswith("Pague a Permisos de circulación hasta el 30 de junio de 2026")


@pytest.mark.rule("pay", "pay-design §8")
@pytest.mark.parametrize("due_date", ["2026-06-09", "2026-06-11"])
def test_who_was_told_less_than_three_days_before_is_not_reminded(world: World, post: Post, due_date: str) -> None:
    issue(world, email="ana@example.cl", due_date=due_date)
    world.sweep()
    assert len(post.sent) == 1


@pytest.mark.rule("pay", "pay-design §8")
def test_nobody_is_reminded_of_a_day_that_is_over_and_an_end_ends_it(world: World, post: Post) -> None:
    gone, _ = (issue(world, email="ana@example.cl", due_date="2026-06-30")["number"] for _ in range(2))
    assert world.post(f"/v1/notices/{gone}/cancel").status_code == 200
    with world.pay.db.begin() as connection:
        kept = {row.number: row.remind_on for row in connection.execute(select(notices.c.number, notices.c.remind_on))}
    assert (kept.pop(gone), len(list(filter(None, kept.values())))) == (None, 1)
    world.pay.clock.advance(seconds=24 * 86_400)  # type: ignore[attr-defined]  # the clock of tests: the workers were away
    world.sweep()
    assert {email.reference.split("-")[1] for email in post.sent} == {Matter.NOTICE.value}


@pytest.mark.rule("pay", "pay-design §8")
def test_a_notice_that_was_withdrawn_or_has_no_address_reminds_nobody(world: World, post: Post) -> None:
    number = issue(world, email="ana@example.cl", due_date="2026-06-30")["number"]
    issue(world, due_date="2026-06-30")
    world.run_jobs()
    assert world.post(f"/v1/notices/{number}/cancel").status_code == 200
    world.pay.clock.advance(seconds=20 * 86_400)  # type: ignore[attr-defined]  # the clock of tests
    world.sweep()
    assert [email.reference.split("-")[1] for email in post.sent] == [Matter.NOTICE.value]


@pytest.mark.parametrize("email", ["nobody", "a@b", "a b@example.cl", 7, "x" * 250 + "@a.cl"])
def test_a_notice_takes_no_address_that_is_none(world: World, email: object) -> None:
    body = {"amount": 14500, "reference": "R", "description": "D", "due_date": "2026-06-30", "email": email}
    refused = world.post("/v1/notices", body)
    assert (refused.status_code, refused.get_json()["field"]) == (422, "email")


class Http:
    """Stands for the HTTP client."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.asked: list[tuple[str, Any, dict[str, str]]] = []

    def request(self, _method: str, url: str, *, json: Any, headers: dict[str, str], timeout_seconds: float) -> Reply:
        assert timeout_seconds > 0
        self.asked.append((url, json, headers))
        return Reply(self.status, {}, b"{}")


@pytest.mark.rule("pay", "PA-7")
def test_notify_gets_our_template_and_the_same_key_for_a_repeat(world: World) -> None:
    key = Secret("pay-0190a7c0-0000-7000-8000-000000000001-0190a7c0-0000-7000-8000-000000000002")
    http = Http(201)
    sender = NotifyMessages(http, world.pay.clock, url="http://notify.example", api_key=key, template="t-1")  # type: ignore[arg-type] # it stands for one
    sender.send(Email("a@example.cl", "Recibo", "Gracias", "pay-receipt-1"))
    ((url, document, headers),) = http.asked
    assert url.endswith("/v2/notifications/email")
    assert (document["template_id"], document["personalisation"]) == ("t-1", {"subject": "Recibo", "body": "Gracias"})
    assert headers["Idempotency-Key"] == "pay-receipt-1"
    http.status = 503
    with pytest.raises(MessageAway):
        sender.send(Email("a@example.cl", "Recibo", "Gracias", "pay-receipt-1"))
