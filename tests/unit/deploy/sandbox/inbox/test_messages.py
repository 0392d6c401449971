from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.sandbox.inbox.messages import Arrival, Attachment, Channel, Messages, recipient_key
from shared.clock import FixedClock

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def messages(tmp_path: Path, clock: FixedClock) -> Iterator[Messages]:
    store = Messages(tmp_path / "inbox.sqlite", clock)
    yield store
    store.close()


def test_the_newest_message_comes_first(messages: Messages) -> None:
    first = messages.add(Arrival(channel=Channel.SMS, to="+56911111111", body="uno"))
    second = messages.add(Arrival(channel=Channel.SMS, to="+56911111111", body="dos"))
    assert [message.message_id for message in messages.find()] == [second.message_id, first.message_id]


def test_messages_are_found_by_channel_recipient_and_time(messages: Messages, clock: FixedClock) -> None:
    messages.add(Arrival(channel=Channel.SMS, to="+56 9 1111 1111", body="texto"))
    clock.advance(seconds=60)
    mail = messages.add(Arrival(channel=Channel.EMAIL, to="Camila@Example.CL", body="correo"))
    assert [m.body for m in messages.find(channel=Channel.SMS)] == ["texto"]
    assert [m.body for m in messages.find(to="+56911111111")] == ["texto"]
    assert [m.body for m in messages.find(to="camila@example.cl")] == ["correo"]
    assert [m.body for m in messages.find(since=mail.received_at)] == ["correo"]
    assert messages.find(channel=Channel.PUSH) == []


def test_everything_of_a_message_is_kept_through_a_restart(tmp_path: Path, clock: FixedClock) -> None:
    store = Messages(tmp_path / "inbox.sqlite", clock)
    arrival = Arrival(
        channel=Channel.LETTER,
        to="María Ñancupil",
        sender="Registro",
        subject="Certificado",
        body="Estimada",
        html="<p>Estimada</p>",
        headers={"Reference": "abc"},
        attachments=[Attachment(filename="carta.pdf", content_type="application/pdf", content=b"%PDF-1.7\x00\xff")],
    )
    kept = store.add(arrival)
    store.close()
    again = Messages(tmp_path / "inbox.sqlite", clock)
    found = again.get(kept.message_id)
    assert found is not None
    assert (found.to, found.sender, found.subject, found.body, found.html) == (
        "María Ñancupil", "Registro", "Certificado", "Estimada", "<p>Estimada</p>",
    )  # fmt: skip
    assert found.headers == {"Reference": "abc"}
    file = again.attachment(kept.message_id, 0)
    assert file is not None
    assert (file.filename, file.content) == ("carta.pdf", b"%PDF-1.7\x00\xff")
    assert again.attachment(kept.message_id, 1) is None
    again.close()


def test_clearing_takes_the_attachments_along(messages: Messages) -> None:
    kept = messages.add(
        Arrival(channel=Channel.LETTER, to="x", attachments=[Attachment(filename="a", content_type="application/pdf", content=b"1")])
    )
    assert messages.clear() == 1
    assert messages.get(kept.message_id) is None
    assert messages.attachment(kept.message_id, 0) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("+56 9 1234 5678", "+56912345678"), ("CAMILA@x.cl", " camila@x.cl "), ("/webhooks/Pay", "/webhooks/pay")],
)
def test_two_spellings_of_a_recipient_are_one(one: str, other: str) -> None:
    assert recipient_key(one) == recipient_key(other)


def test_an_address_with_digits_is_not_taken_for_a_number() -> None:
    assert recipient_key("12345678@x.cl") != recipient_key("12345678")
