import smtplib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from deploy.sandbox.inbox.mail import MailServer, parse_mail
from deploy.sandbox.inbox.messages import Channel, Messages
from shared.clock import FixedClock


def mail(*, html: bool = True) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Colegio Las Araucarias <aviso@colegio.example>"
    message["To"] = "camila@example.cl"
    message["Subject"] = "Recibo de postulación ✓"
    message["Reference"] = "ref-9"
    message.set_content("Señora Camila:\nsu pago llegó.\n")
    if html:
        message.add_alternative("<p>Señora Camila: su pago <b>llegó</b>.</p>", subtype="html")
    message.add_attachment(b"%PDF-1.7 recibo", maintype="application", subtype="pdf", filename="recibo ñ.pdf")
    return message


def test_a_mail_is_taken_apart() -> None:
    arrival = parse_mail(mail().as_bytes(), to="camila@example.cl", sender="bounces@colegio.example")
    assert arrival.channel is Channel.EMAIL
    assert arrival.sender == "Colegio Las Araucarias <aviso@colegio.example>"
    assert arrival.subject == "Recibo de postulación ✓"
    assert arrival.body == "Señora Camila:\nsu pago llegó.\n"
    assert "<b>llegó</b>" in arrival.html
    assert arrival.headers["Reference"] == "ref-9"
    [attachment] = arrival.attachments
    assert (attachment.filename, attachment.content_type, attachment.content) == ("recibo ñ.pdf", "application/pdf", b"%PDF-1.7 recibo")


def test_a_mail_of_html_alone_can_be_read_as_text() -> None:
    message = EmailMessage()
    message.set_content("<p>Hola &amp; adi&oacute;s</p>", subtype="html")
    assert parse_mail(message.as_bytes(), to="a@b.cl", sender="").body.split() == ["Hola", "&", "adiós"]


def test_a_mail_without_headers_is_kept_with_the_envelope_sender() -> None:
    arrival = parse_mail(b"\r\nsolo texto\r\n", to="a@b.cl", sender="x@y.cl")
    assert (arrival.sender, arrival.subject, arrival.body.strip()) == ("x@y.cl", "", "solo texto")


@pytest.fixture
def messages(tmp_path: Path) -> Iterator[Messages]:
    store = Messages(tmp_path / "inbox.sqlite", FixedClock(datetime(2026, 11, 21, tzinfo=UTC)))
    yield store
    store.close()


@pytest.fixture
def smtp(messages: Messages) -> Iterator[smtplib.SMTP]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = MailServer(messages, host="127.0.0.1", port=port)
    server.start()
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        yield client
    server.stop()


def test_a_mail_sent_by_smtp_is_kept_once_for_each_recipient(smtp: smtplib.SMTP, messages: Messages) -> None:
    smtp.sendmail("aviso@colegio.example", ["camila@example.cl", "kevin@example.cl"], mail().as_bytes())
    assert {message.to for message in messages.find()} == {"camila@example.cl", "kevin@example.cl"}
    [for_camila] = messages.find(to="camila@example.cl")
    assert for_camila.subject == "Recibo de postulación ✓"


def test_a_mail_that_comes_again_is_kept_once(smtp: smtplib.SMTP, messages: Messages) -> None:
    """The same Message-ID to the same recipient; to another recipient, or without one, it is another mail."""
    message = mail()
    message["Message-ID"] = "<n-1@notify.example>"
    for to in ("camila@example.cl", "Camila@example.cl", "jose@example.cl"):
        smtp.send_message(message, from_addr="aviso@colegio.example", to_addrs=[to])
    assert sorted(one.to for one in messages.find(channel=Channel.EMAIL)) == ["camila@example.cl", "jose@example.cl"]
    for _ in range(2):
        smtp.send_message(mail(), from_addr="aviso@colegio.example", to_addrs=["camila@example.cl"])
    assert len(messages.find(channel=Channel.EMAIL)) == 4


@pytest.mark.parametrize(("address", "code"), [("bounce@x.cl", 550), ("bounce+7@x.cl", 550), ("full@x.cl", 452), ("later@x.cl", 451)])
def test_an_unlucky_address_refuses_as_a_mail_box_would(smtp: smtplib.SMTP, messages: Messages, address: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        smtp.sendmail("a@b.cl", [address], "Subject: x\r\n\r\nx")
    assert refused.value.recipients[address][0] == code
    assert messages.find() == []


def test_a_greylisted_address_takes_the_second_try(smtp: smtplib.SMTP, messages: Messages) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        smtp.sendmail("a@b.cl", ["greylist@x.cl"], "Subject: x\r\n\r\nx")
    smtp.sendmail("a@b.cl", ["greylist@x.cl"], "Subject: x\r\n\r\nx")
    assert [message.to for message in messages.find()] == ["greylist@x.cl"]
