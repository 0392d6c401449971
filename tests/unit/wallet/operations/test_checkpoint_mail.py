"""The log's checkpoint by mail to the authority: who gets it, that it can be checked, and what stops it.  Spec: wallet contract §10.2."""

from dataclasses import replace
from typing import Any

import pytest

from notify.standards.email_markdown import to_plain_text
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.audit.store import find_checkpoint
from shared.http import Reply
from shared.settings import Secret
from shared.tasks import Job
from tests.factories.wallet import LAW_AGREEMENT, PUBLIC_URL, World
from wallet.providers.notices import Letter, MemoryNotices, NoNotices, NoticeAway, NoticeRefused, NoticeSender, NotifyNotices
from wallet.tasks import jobs

AUTHORITY, COURT = "registro@agencia.example", "actas@tribunal.example"
KEY = Secret("wallet-0190a7c0-0000-7000-8000-000000000001-0190a7c0-0000-7000-8000-000000000002")


def signed(world: World) -> str:
    """One exchange, under a checkpoint."""
    world.fetch(world.exchange_body(basis={"kind": "law", "agreement_id": LAW_AGREEMENT}))
    with world.wallet.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, world.wallet.audit_signer, world.clock, every_seconds=0)
        note = find_checkpoint(connection)
    assert note is not None
    return note


def send_to(world: World, *addresses: str, by: NoticeSender) -> None:
    world.wallet.settings = replace(world.wallet.settings, checkpoint_mail_to=addresses)
    world.wallet.__dict__["notices"] = by


def tonight(world: World) -> list[dict[str, Any]]:
    """Begin the mail of one night; return what is to be sent."""
    jobs.definitions["mail_checkpoints"].run(world.wallet, Job({}, 1))
    return [row[0] for row in world.run_sql("select payload from outbox where job = 'mail_checkpoint' order by id")]


def send(world: World, payload: dict[str, Any]) -> None:
    jobs.definitions["mail_checkpoint"].run(world.wallet, Job(payload, 1))


@pytest.mark.rule("wallet", "§10.2")
def test_each_address_gets_the_newest_checkpoint_as_it_was_signed(world: World) -> None:
    notices = MemoryNotices()
    send_to(world, AUTHORITY, COURT, by=notices)
    signed(world)
    note = signed(world)
    waiting = tonight(world)
    assert not any("@" in str(payload) for payload in waiting)
    for payload in waiting:
        send(world, payload)
    assert [address for address, _ in notices.mailed] == [AUTHORITY, COURT]
    (letter, other) = (letter for _, letter in notices.mailed)
    assert letter == other
    size = world.wallet.audit_signer.verifier.open(note).size
    assert letter.reference == f"checkpoint-{size}"
    assert f"hasta la entrada {size}." in letter.body
    assert f"{PUBLIC_URL}/log/v1/checkpoints/{size}" in letter.body
    assert note in to_plain_text(letter.body)  # notify writes it as it is, so that it can be checked
    published = world.app.test_client().get(f"/log/v1/checkpoints/{size}")
    assert published.text == note


@pytest.mark.rule("wallet", "§10.2")
def test_nothing_goes_where_no_address_is_set_or_nothing_was_signed(world: World) -> None:
    send_to(world, AUTHORITY, by=MemoryNotices())
    assert tonight(world) == []
    signed(world)
    send_to(world, by=MemoryNotices())
    assert tonight(world) == []


def test_an_address_that_was_taken_out_meanwhile_gets_nothing(world: World) -> None:
    notices = MemoryNotices()
    send_to(world, AUTHORITY, by=notices)
    signed(world)
    (payload,) = tonight(world)
    send_to(world, by=notices)
    send(world, payload)
    assert notices.mailed == []


def test_while_notify_is_away_it_waits_and_without_a_key_it_is_refused(world: World) -> None:
    away = MemoryNotices()
    away.is_away = True
    send_to(world, AUTHORITY, by=away)
    signed(world)
    (payload,) = tonight(world)
    with pytest.raises(NoticeAway):
        send(world, payload)
    assert NoticeAway in jobs.definitions["mail_checkpoint"].retry_on
    send_to(world, AUTHORITY, by=NoNotices())
    with pytest.raises(NoticeRefused):
        send(world, payload)
    assert NoticeRefused not in jobs.definitions["mail_checkpoint"].retry_on  # a dead job, which the operator is told of


class Answering:
    """Stands for the HTTP client."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.asked: list[tuple[str, Any, str]] = []

    def request(self, _method: str, url: str, *, json: Any, headers: dict[str, str], timeout_seconds: float) -> Reply:
        assert timeout_seconds > 0
        self.asked.append((url, json, headers["Idempotency-Key"]))
        return Reply(self.status, {}, b"{}")


def test_what_is_sent_again_is_one_mail_for_each_address(world: World) -> None:
    http: Any = Answering(201)
    sender = NotifyNotices(http, world.clock, url="https://notify.example", api_key=KEY, template="t", email_template="e")
    for address in (AUTHORITY, AUTHORITY, COURT):
        sender.mail(address, Letter("s", "b", "checkpoint-7"))
    first, again, other = http.asked
    assert first == again
    assert other[2] not in {first[2], ""}
    assert AUTHORITY not in first[2]
    values = {"subject": "s", "body": "b"}
    document = {"email_address": AUTHORITY, "template_id": "e", "personalisation": values, "reference": "checkpoint-7"}
    assert first[:2] == ("https://notify.example/v2/notifications/email", document)


@pytest.mark.parametrize(("status", "error"), [(503, NoticeAway), (403, NoticeAway), (400, NoticeRefused), (422, NoticeRefused)])
def test_what_notify_answers_is_told_apart(world: World, status: int, error: type[Exception]) -> None:
    http: Any = Answering(status)
    sender = NotifyNotices(http, world.clock, url="https://notify.example", api_key=KEY, template="t", email_template="e")
    with pytest.raises(error):
        sender.mail(AUTHORITY, Letter("s", "b", "checkpoint-7"))
