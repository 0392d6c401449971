"""Only who took a message says what became of it; what another says is answered, noted and changes nothing; notify-api §10, §19."""

import hmac
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from notify.context import Notify
from notify.events import Event
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.receipt_addresses import letter_event_url, receipt_token, receipt_url
from notify.operations.receipt_secrets import end_earlier, give_secret
from notify.operations.suppressions import list_suppressed
from notify.providers.base import HandOver, Letter, ProviderUnavailable, Text
from notify.providers.memory import MemoryPrint, MemorySms
from notify.providers.routing import Breaker, Route, Router
from shared.clock import FixedClock
from tests.conformance.notify.test_section_19_letters import event
from tests.factories.notify import PUBLIC_URL, RECEIPT_SECRET, World, add_notification
from tests.factories.notify_fixtures import RunJobs
from tests.unit.notify.standards.test_mail_reports import ID, arf, dsn

pytestmark = pytest.mark.rule("notify", "§19")
OWN_SECRET = "the-secret-of-sur"
NORTE, SUR = "norte", "sur"
OTHER = {NORTE: SUR, SUR: NORTE}


@pytest.fixture
def two(notify: Notify) -> dict[str, MemorySms]:
    """Two providers of texts, of which one has a secret of its own."""
    made = {name: MemorySms(name) for name in (NORTE, SUR)}
    secrets = {NORTE: "", SUR: OWN_SECRET}
    notify.sms_routes = tuple(Route(name, one, Breaker(notify.clock), receipt_secret=secrets[name]) for name, one in made.items())
    notify.sms = Router[Text](notify.sms_routes)
    return made


@pytest.fixture
def printers(notify: Notify) -> None:
    routes: list[Route[Letter]] = [Route("uno", MemoryPrint("uno"), Breaker(notify.clock))]
    notify.print_routes = (*routes, Route("dos", MemoryPrint("dos"), Breaker(notify.clock), receipt_secret=OWN_SECRET))


def row_of(notify: Notify, made: uuid.UUID) -> Any:
    with notify.reading() as tx:
        return tx.connection.execute(text("select status, provider from notifications where id = :id"), {"id": made}).one()


def refused(notify: Notify) -> list[tuple[str, str]]:
    """Who said what was not theirs to say: (actor, message)."""
    with notify.reading() as tx:
        cores = [json.loads(core) for core in tx.connection.execute(text("select core from audit_entries")).scalars()]
    return [(core["actor"], core["object"]) for core in cores if core["action"] == Event.RECEIPT_REFUSED]


def say(client: FlaskClient, notify: Notify, provider: str, made: uuid.UUID, word: str = "delivered") -> str:
    """What a provider's receipt does, posted to the address that it was given."""
    path = receipt_url(notify, made)(provider).removeprefix(PUBLIC_URL)
    answer = client.post(path, json={"reference": str(made), "status": word})
    assert (answer.status_code, answer.get_json()["result"]) == (200, "success")
    return str(answer.get_json()["applied"])


def send(notify: Notify, made: uuid.UUID) -> None:
    deliver(notify, made, channels.send_sms, billable_units=channels.sms_fragments)


def test_another_provider_settles_nothing_however_often_and_late(
    client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms]
) -> None:
    made = add_notification(world)
    send(notify, made)
    taker = row_of(notify, made).provider
    other = OTHER[taker]
    assert [say(client, notify, other, made, word) for word in ("delivered", "delivered", "permanent-failure", "pending")] == [
        "unknown"
    ] * 4
    assert row_of(notify, made).status == "sending"
    assert [say(client, notify, taker, made, word) for word in ("pending", "delivered", "delivered", "pending")] == [
        *("changed", "changed"),
        *("repeated", "repeated"),
    ]
    assert say(client, notify, other, made, "permanent-failure") == "unknown"
    assert row_of(notify, made).status == "delivered"
    assert refused(notify) == [(f"provider:{other}", str(made))] * 5


def test_an_address_is_one_providers_and_one_messages(client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms]) -> None:
    made, next_one = (add_notification(world, status="sending", provider=NORTE) for _ in range(2))
    body = {"reference": str(made), "status": "delivered"}
    for token in (receipt_token(notify, SUR, made), receipt_token(notify, NORTE, next_one), ""):
        assert client.post(f"/receipts/sms/{NORTE}?token={token}", json=body).status_code == 401
    assert row_of(notify, made).status == "sending"


def old_token(made: uuid.UUID, provider: str = "") -> str:
    """What earlier releases put into addresses: made with the secret that providers share."""
    about = f"receipt:{made}:{provider}" if provider else f"receipt:{made}"
    return hmac.digest(RECEIPT_SECRET.encode(), about.encode(), "sha256").hex()


def test_addresses_that_earlier_releases_gave_stay_good(
    client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms]
) -> None:
    made, letter = add_notification(world, status="sending", provider=NORTE), add_notification(world, "letter", status="sending")
    later = add_notification(world, status="sending", provider=SUR)
    for provider, one, token in (("gateway", made, old_token(made)), (SUR, later, old_token(later, SUR))):
        answer = client.post(f"/receipts/sms/{provider}?token={token}", json={"reference": str(one), "status": "delivered"})
        assert answer.get_json()["applied"] == "changed"
    for token in (old_token(letter), old_token(letter, "print") + ".print"):
        assert client.post(f"/notifications/letter/status?token={token}", json=event(str(letter))).status_code == 200
    assert [row_of(notify, each).status for each in (made, letter, later)] == ["delivered"] * 3


def test_who_knows_the_shared_secret_makes_no_address_of_a_provider_that_has_its_own(
    client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms]
) -> None:
    made = add_notification(world, status="sending", provider=NORTE)
    give_secret(notify, "sms", NORTE, actor="test")
    end_earlier(notify, "sms", NORTE, actor="test")
    for provider, token in ((NORTE, old_token(made, NORTE)), (NORTE, old_token(made)), ("gateway", old_token(made))):
        answer = client.post(f"/receipts/sms/{provider}?token={token}", json={"reference": str(made), "status": "delivered"})
        assert answer.status_code == 401
    assert row_of(notify, made).status == "sending"
    assert say(client, notify, NORTE, made) == "changed"


def test_who_has_a_secret_of_its_own_has_no_other_and_nobody_else_has_it(
    client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms]
) -> None:
    body = {NORTE: add_notification(world, status="sending", provider=NORTE), SUR: add_notification(world, status="sending", provider=SUR)}
    for provider, secret, status in (
        (NORTE, OWN_SECRET, 401),
        (SUR, RECEIPT_SECRET, 401),
        (NORTE, RECEIPT_SECRET, 200),
        (SUR, OWN_SECRET, 200),
    ):
        answer = client.post(
            f"/receipts/sms/{provider}",
            json={"reference": str(body[provider]), "status": "delivered"},
            headers={"X-Receipt-Secret": secret},
        )
        assert answer.status_code == status
        assert row_of(notify, body[provider]).status == ("delivered" if status == 200 else "sending")


def test_receipts_that_come_while_it_is_not_known_who_takes_the_text_wait_until_it_is(
    client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms], run_jobs: RunJobs, clock: FixedClock
) -> None:
    """Who was asked first, and said "not now", says that it was delivered; so does who took it, before its yes is written down."""
    made = add_notification(world)
    assert isinstance(notify.sms, Router)
    first, second = (route.name for route in notify.sms.order(str(made)))
    said: list[str] = []

    class Hasty(MemorySms):
        def send(self, handed: Text) -> HandOver:
            said.extend((say(client, notify, first, made, "permanent-failure"), say(client, notify, second, made, "delivered")))
            return super().send(handed)

    two[first].faults.append(ProviderUnavailable("not now"))
    for route in notify.sms.routes:
        if route.name == second:
            route.provider = Hasty(second)
    send(notify, made)
    assert said == ["waiting", "waiting"]
    assert tuple(row_of(notify, made)) == ("sending", second)
    clock.advance(seconds=10)
    run_jobs()
    assert row_of(notify, made).status == "delivered"
    assert refused(notify) == [(f"provider:{first}", str(made))]


@pytest.mark.parametrize(
    ("channel", "facts"),
    [
        ("email", {"status": "sending", "provider": NORTE}),
        ("letter", {"status": "sending", "provider": NORTE}),
        ("sms", {"status": "created"}),
        ("sms", {"status": "cancelled"}),
        ("sms", {"status": "created", "kind": "test", "attempts": 1}),
    ],
    ids=["e-mail", "letter", "not offered yet", "cancelled", "of a test key"],
)
def test_a_receipt_of_a_text_tells_of_texts_that_left(
    client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms], channel: str, facts: dict[str, Any]
) -> None:
    made = add_notification(world, channel, **facts)
    before = row_of(notify, made).status
    assert say(client, notify, NORTE, made) == "unknown"
    assert row_of(notify, made).status == before
    assert refused(notify) == [(f"provider:{NORTE}", str(made))]


@pytest.mark.parametrize(("taker", "status"), [(NORTE, "sending"), ("mmg", "delivered")])
def test_a_network_in_its_own_form_tells_of_its_own_texts(
    client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms], taker: str, status: str
) -> None:
    made = add_notification(world, status="sending", provider=taker)
    answer = client.post("/notifications/sms/mmg", json={"CID": str(made), "status": "3"}, auth=("notify", RECEIPT_SECRET))
    assert (answer.status_code, answer.get_json()) == (200, {"result": "success"})
    assert row_of(notify, made).status == status


def test_a_printer_tells_of_its_own_letters(client: FlaskClient, notify: Notify, world: World, printers: None) -> None:
    made = add_notification(world, "letter", to="Camila", status="sending", provider="uno")
    of_uno, of_dos = (letter_event_url(notify, made)(name).removeprefix(PUBLIC_URL) for name in ("uno", "dos"))
    assert client.post(of_dos, json=event(str(made))).get_json() == {"result": "success"}
    assert client.post(of_dos.replace(".dos", ".uno"), json=event(str(made))).status_code == 401
    assert (row_of(notify, made).status, refused(notify)) == ("sending", [("provider:dos", str(made))])
    assert client.post(of_uno, json=event(str(made))).get_json() == {"result": "success"}
    assert row_of(notify, made).status == "delivered"
    with notify.reading() as tx:
        (core,) = tx.connection.execute(text("select core from audit_entries where core like '%notification:delivered%'")).scalars()
    assert json.loads(core)["actor"] == "provider:uno"


def test_letters_that_came_back_are_told_of_by_their_own_printer_which_the_log_names(
    client: FlaskClient, notify: Notify, world: World, printers: None
) -> None:
    made = {name: add_notification(world, "letter", to="Camila", status="delivered", provider=name) for name in ("uno", "dos")}
    body = {"references": [str(each) for each in made.values()]}

    def noted(secret: str) -> Any:
        return client.post("/receipts/letters/returned", json=body, headers={"X-Receipt-Secret": secret}).get_json().get("noted")

    assert noted("wrong") is None
    assert noted(OWN_SECRET) == 1
    assert [row_of(notify, each).status for each in made.values()] == ["delivered", "returned-letter"]
    assert refused(notify) == [("printer", str(made["uno"]))]
    assert noted(RECEIPT_SECRET) == 1
    with notify.reading() as tx:
        cores = tx.connection.execute(text("select core from audit_entries where core like '%notification:returned%'")).scalars()
        assert sorted(json.loads(core)["actor"] for core in cores) == ["provider:dos", "provider:uno"]


@pytest.mark.parametrize("raw", [dsn(), dsn(action="delivered", status="2.0.0"), arf()], ids=["bounce", "delivery", "complaint"])
@pytest.mark.parametrize(
    ("channel", "facts"),
    [
        ("sms", {"status": "sending"}),
        ("letter", {"status": "sending"}),
        ("email", {"status": "created"}),
        ("email", {"status": "delivered", "kind": "test", "provider": "simulator"}),
    ],
    ids=["text", "letter", "not offered yet", "of a test key"],
)
def test_a_report_of_mail_tells_of_mails_that_left(
    client: FlaskClient, notify: Notify, world: World, raw: bytes, channel: str, facts: dict[str, Any]
) -> None:
    made = add_notification(world, channel, to="camila@example.com", **facts)
    headers = {"X-Receipt-Secret": RECEIPT_SECRET, "Content-Type": "message/rfc822"}
    answer = client.post("/receipts/email", data=raw.replace(str(ID).encode(), str(made).encode()), headers=headers)
    assert (answer.status_code, answer.get_json()["applied"]) == (200, ["unknown"])
    assert row_of(notify, made).status == facts["status"]
    assert list_suppressed(notify, world.service_id) == []
    assert refused(notify) == [("provider:mail-report", str(made))]


def test_what_waits_is_looked_at_again_as_long_as_nobody_has_taken_the_text(
    client: FlaskClient, notify: Notify, world: World, two: dict[str, MemorySms], run_jobs: RunJobs, clock: FixedClock
) -> None:
    made = add_notification(world, attempts=1, claimed_until=clock.now() + timedelta(seconds=60))
    assert say(client, notify, NORTE, made) == "waiting"
    for _ in range(3):
        clock.advance(seconds=10)
        assert run_jobs() == 1
        assert row_of(notify, made).status == "created"
    with notify.db.begin() as connection:
        connection.execute(
            text("update notifications set provider = :name, status = 'sending' where id = :id"), {"name": NORTE, "id": made}
        )
    clock.advance(seconds=10)
    assert run_jobs() == 1
    assert row_of(notify, made).status == "delivered"
    assert run_jobs() == 0
