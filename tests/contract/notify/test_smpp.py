"""Texts over SMPP 3.4 against a small SMSC of our own: what arrives, how refusals are read, receipts."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import text as sql

from notify.context import Notify
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.sms_parts import keep_parts, read_sms_receipts, take_part_receipt
from notify.providers.base import ProviderRefused, ProviderUnavailable, RecipientRefused, Text
from notify.providers.memory import MemorySms
from notify.providers.routing import Breaker, Route, Router
from notify.providers.smpp import Account, SmppSms
from notify.standards.statuses import Status
from tests.factories.notify import World, add_notification, add_template
from tests.factories.smsc import TEMPORARY, Smsc, running

REFERENCE = "0190a7c0-0000-7000-8000-000000000001"


MADE: list[SmppSms] = []


@pytest.fixture
def smsc() -> Iterator[Smsc]:
    with running() as made:
        yield made
        while MADE:
            MADE.pop().close()


def provider(smsc: Smsc, *, password: str = "secret", seconds: float = 5) -> SmppSms:
    MADE.append(SmppSms(Account("127.0.0.1", smsc.port, "andamio", password), name="smpp", timeout_seconds=seconds))
    return MADE[-1]


def a_text(body: str, sender: str = "COLEGIO") -> Text:
    return Text(REFERENCE, "56912345678", sender, body)


@pytest.mark.rule("notify", "§15")
def test_a_short_text_arrives_as_one_part_with_its_sender(smsc: Smsc) -> None:
    sender = provider(smsc)
    done = sender.send(a_text("Hola ñandú [x] €5".replace("ú", "u")))
    (arrived,) = smsc.taken
    assert (arrived.source, arrived.source_ton, arrived.to, arrived.coding) == ("COLEGIO", 5, "56912345678", 0)
    assert arrived.body == b"Hola \x7dandu \x1b<x\x1b> \x1be5"
    assert arrived.wants_receipt
    assert arrived.esm_class & 0x40 == 0
    assert done.provider_reference == "m-1"
    assert done.parts == ("m-1",)
    sender.send(a_text("otra", sender="56900000001"))
    assert smsc.taken[1].source_ton == 1
    assert smsc.binds == [2]  # one connection for both


@pytest.mark.rule("notify", "§15")
def test_a_long_text_arrives_in_joined_parts(smsc: Smsc) -> None:
    done = provider(smsc).send(a_text("a" * 200 + "á" + "b" * 10))
    bodies = [part.body for part in smsc.taken]
    assert [body[:3] + body[4:6] for body in bodies] == [bytes([5, 0, 3, 4, number]) for number in (1, 2, 3, 4)]
    assert len({body[3] for body in bodies}) == 1
    assert b"".join(body[6:] for body in bodies).decode("utf-16-be") == "a" * 200 + "á" + "b" * 10
    assert all(part.esm_class & 0x40 and part.coding == 8 for part in smsc.taken)
    assert len(done.parts) == 4


@pytest.mark.rule("notify", "§10")
@pytest.mark.parametrize(
    ("status", "kind"), [(0x58, ProviderUnavailable), (0x14, ProviderUnavailable), (0x0B, RecipientRefused), (0x45, ProviderRefused)]
)
def test_how_refusals_are_read(smsc: Smsc, status: int, kind: type[Exception]) -> None:
    smsc.statuses = [status]
    with pytest.raises(kind) as refused:
        provider(smsc).send(a_text("Hola"))
    if isinstance(refused.value, ProviderUnavailable):
        assert not refused.value.may_have_taken


def test_an_answer_that_never_comes_may_have_been_a_yes(smsc: Smsc) -> None:
    smsc.silent = True
    with pytest.raises(ProviderUnavailable) as lost:
        provider(smsc, seconds=0.3).send(a_text("Hola"))
    assert lost.value.may_have_taken


@pytest.mark.rule("notify", "§10")
def test_a_text_of_which_a_part_was_taken_goes_to_nobody_else(smsc: Smsc, notify: Notify) -> None:
    other, mine = MemorySms("otro"), provider(smsc)
    routes: list[Route[Text]] = [Route("smpp", mine, Breaker(notify.clock)), Route("otro", other, Breaker(notify.clock))]
    router = Router(routes)
    number = next(n for n in range(50) if router.order(str(uuid.UUID(int=n)))[0].name == "smpp")
    smsc.statuses = [0, 0x58]  # the second part is too much just now
    with pytest.raises(ProviderUnavailable):
        router.send(Text(str(uuid.UUID(int=number)), "56912345678", "COLEGIO", "a" * 200))
    assert (len(smsc.taken), other.calls) == (1, 0)


def test_nobody_there_and_a_wrong_password_are_not_now(smsc: Smsc) -> None:
    with pytest.raises(ProviderUnavailable) as refused:
        provider(smsc, password="wrong").send(a_text("Hola"))
    assert not refused.value.may_have_taken
    nobody = SmppSms(Account("127.0.0.1", 1, "andamio", "x"), name="smpp", timeout_seconds=1)
    with pytest.raises(ProviderUnavailable):
        nobody.send(a_text("Hola"))


def test_a_connection_that_broke_is_not_used_again(smsc: Smsc) -> None:
    sender = provider(smsc, seconds=0.3)
    smsc.silent = True
    with pytest.raises(ProviderUnavailable):
        sender.send(a_text("Hola"))
    smsc.silent = False
    sender.send(a_text("Hola"))
    assert smsc.binds == [2, 2]


def status_of(notify: Notify, made: uuid.UUID) -> str:
    with notify.reading() as tx:
        return str(tx.connection.execute(sql("select status from notifications where id = :id"), {"id": made}).scalar_one())


def receipt(message_id: str, word: str) -> bytes:
    return f"id:{message_id} sub:001 dlvrd:001 submit date:2606081600 done date:2606081601 stat:{word} err:000 text:Hola".encode()


@pytest.mark.rule("notify", "§10", "§19")
def test_a_text_is_delivered_when_all_its_parts_are(smsc: Smsc, notify: Notify, world: World) -> None:
    route: Route[Text] = Route("smpp", provider(smsc), Breaker(notify.clock))
    notify.sms, notify.sms_routes = route.provider, (route,)  # type: ignore[assignment]  # one way out instead of the router
    world.templates["sms"] = add_template(world, "sms", body="x" * 200)
    made = add_notification(world, "sms", to="07700900001")
    deliver(notify, made, channels.send_sms, billable_units=channels.sms_fragments)
    assert status_of(notify, made) == "sending"
    smsc.receipts = [receipt("m-1", "DELIVRD"), receipt("m-unknown", "DELIVRD"), b"Hola, soy un mensaje"]
    assert read_sms_receipts(notify) == 1
    assert smsc.answers == [0, TEMPORARY, 0]  # what we do not know is offered again; what is no receipt is not
    assert status_of(notify, made) == "sending"
    smsc.receipts = [receipt("m-1", "DELIVRD"), receipt("m-2", "DELIVRD")]
    assert read_sms_receipts(notify) == 2
    assert status_of(notify, made) == "delivered"


@pytest.mark.rule("notify", "§10", "§19")
def test_another_smsc_settles_no_text_that_this_one_took(smsc: Smsc, notify: Notify, world: World) -> None:
    """Neither by an id that the other gave, nor by its own of a text that it lost to the other."""
    mine = provider(smsc)
    notify.sms_routes = (Route("otro", MemorySms("otro"), Breaker(notify.clock)), Route("smpp", mine, Breaker(notify.clock)))
    made = add_notification(world, status="sending", provider="otro")
    keep_parts(notify, "otro", ["o-1"], made)
    smsc.receipts = [receipt("o-1", "UNDELIV")]
    assert read_sms_receipts(notify) == 0
    keep_parts(notify, "smpp", ["m-9"], made)
    smsc.receipts = [receipt("m-9", "UNDELIV")]
    assert read_sms_receipts(notify) == 1  # it is heard, so that it is not offered again, and changes nothing
    assert status_of(notify, made) == "sending"
    assert take_part_receipt(notify, "otro", "o-1", Status.DELIVERED)
    assert status_of(notify, made) == "delivered"


@pytest.mark.rule("notify", "§10")
def test_a_text_has_failed_when_one_of_its_parts_has(smsc: Smsc, notify: Notify, world: World) -> None:
    route: Route[Text] = Route("smpp", provider(smsc), Breaker(notify.clock))
    notify.sms, notify.sms_routes = route.provider, (route,)  # type: ignore[assignment]  # one way out instead of the router
    world.templates["sms"] = add_template(world, "sms", body="x" * 200)
    made = add_notification(world, "sms", to="07700900001")
    deliver(notify, made, channels.send_sms, billable_units=channels.sms_fragments)
    smsc.receipts = [receipt("m-2", "UNDELIV")]
    read_sms_receipts(notify)
    assert status_of(notify, made) == "permanent-failure"


@pytest.mark.rule("notify", "§19")
def test_one_provider_that_is_away_keeps_no_receipts_from_the_others(smsc: Smsc, notify: Notify, world: World) -> None:
    away = SmppSms(Account("127.0.0.1", 1, "andamio", "x"), name="lejos", timeout_seconds=1)
    notify.sms_routes = (Route("lejos", away, Breaker(notify.clock)), Route("smpp", provider(smsc), Breaker(notify.clock)))
    made = add_notification(world, status="sending", provider="smpp")
    keep_parts(notify, "smpp", ["m-1"], made)
    smsc.receipts = [receipt("m-1", "DELIVRD")]
    with pytest.raises(ProviderUnavailable):
        read_sms_receipts(notify)
    assert status_of(notify, made) == "delivered"
