"""One contract, run over each provider and its in-memory form."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from notify.providers.base import EmailSender, HandOver, ProviderRefused, ProviderUnavailable, RecipientRefused, SmsSender, Text
from notify.providers.http import HttpSms
from notify.providers.memory import MemoryEmail, MemorySms
from notify.providers.smtp import SmtpEmail
from notify.standards.mime import Mail, message
from shared.http import OutboundFailed, OutboundTimeout, Reply

MAIL = Mail(
    reference="0190a7c0-0000-7000-8000-000000000001",
    to="camila@münchen.example",
    from_name='Colegio "Ñuñoa"\r\nBcc: all@example.com',
    from_address="colegio@notify.example.com",
    subject="Recibo — ñandú\r\nX-Evil: 1",
    plain_text="Hola\n.\nfin",
    html="<p>Hola</p>",
    reply_to="oficina@example.com",
    unsubscribe_url="https://example.com/u",
)
TEXT = Text("0190a7c0-0000-7000-8000-000000000002", "56912345678", "COLEGIO", "Hola", "http://localhost/receipts/sms/{}?token=t".format)


@dataclass
class Sink:
    """An SMTP server that keeps what it takes; `answer` is said after the data, `rcpt` to the recipient."""

    answer: str = "250 OK"
    rcpt: str = ""
    taken: list[bytes] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    callers: int = 0
    hang_up: bool = False

    async def handle_EHLO(self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802 - aiosmtpd's name
        self.callers += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.hang_up:
            self.hang_up = False
            server.transport.close()
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(envelope.content)
        self.senders.append(envelope.mail_from)
        return self.answer


@pytest.fixture
def sink() -> Iterator[tuple[Sink, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture(params=["smtp", "memory"])
def email(request: pytest.FixtureRequest, smtp: SmtpEmail) -> EmailSender:
    return smtp if request.param == "smtp" else MemoryEmail()


@pytest.fixture
def smtp(sink: tuple[Sink, int]) -> Iterator[SmtpEmail]:
    with closing(SmtpEmail("127.0.0.1", sink[1], timeout_seconds=5)) as made:
        yield made


class Gateway:
    """Stands for the HTTP client: one answer for all calls."""

    def __init__(self, answer: int | Exception, body: bytes = b'{"id": "g-1"}') -> None:
        self.answer = answer
        self.body = body
        self.calls: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}

    def request(self, method: str, url: str, **call: Any) -> Reply:
        self.calls.append({"method": method, "url": url, **call})
        if isinstance(self.answer, Exception):
            raise self.answer
        return Reply(self.answer, self.headers, self.body)


def http_sms(gateway: Gateway) -> SmsSender:
    return HttpSms(gateway, "http://gateway.example.com/sms", name="gateway", token="t")  # type: ignore[arg-type]  # has the one method used


def test_an_email_is_taken_once_and_again(email: EmailSender) -> None:
    first, second = email.send(MAIL), email.send(MAIL)
    assert isinstance(first, HandOver)
    assert first.provider_reference
    assert first.provider_reference == second.provider_reference


@pytest.mark.parametrize("make", [MemorySms, lambda: http_sms(Gateway(201))], ids=["memory", "http"])
def test_a_text_is_taken_once_and_again(make: Callable[[], SmsSender]) -> None:
    sender = make()
    first, second = sender.send(TEXT), sender.send(TEXT)
    assert isinstance(first, HandOver)
    assert first.provider_reference == second.provider_reference


@pytest.mark.rule("notify", "§14", "§8")
def test_what_arrives_over_smtp(sink: tuple[Sink, int], smtp: SmtpEmail) -> None:
    smtp.send(MAIL)
    (raw,) = sink[0].taken
    arrived = message_from_bytes(raw, policy=default)
    assert isinstance(arrived, EmailMessage)
    assert arrived["From"].addresses[0].addr_spec == "colegio@notify.example.com"
    assert arrived["From"].addresses[0].display_name.startswith('Colegio "Ñuñoa" Bcc')
    assert arrived["To"] == "camila@xn--mnchen-3ya.example"
    assert arrived["Subject"] == "Recibo — ñandú X-Evil: 1"
    assert arrived["Message-ID"] == f"<{MAIL.reference}@notify.example.com>"
    assert (arrived["Reply-To"], arrived["List-Unsubscribe"]) == ("oficina@example.com", "<https://example.com/u>")
    assert arrived["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert arrived["Bcc"] is None
    assert arrived["X-Evil"] is None
    assert arrived.get_content_type() == "multipart/alternative"
    plain, html = list(arrived.iter_parts())
    assert plain.get_content().replace("\r\n", "\n").rstrip() == "Hola\n.\nfin"
    assert html.get_content().strip() == "<p>Hola</p>"


@pytest.mark.rule("notify", "§10")
@pytest.mark.parametrize(
    ("answer", "rcpt", "kind"),
    [
        ("451 later", "", ProviderUnavailable),
        ("250 OK", "450 busy", ProviderUnavailable),
        ("250 OK", "550 nobody", RecipientRefused),
        ("554 no", "", ProviderRefused),
    ],
)
def test_smtp_refusals(sink: tuple[Sink, int], smtp: SmtpEmail, answer: str, rcpt: str, kind: type[Exception]) -> None:
    sink[0].answer, sink[0].rcpt = answer, rcpt
    with pytest.raises(kind):
        smtp.send(MAIL)
    sink[0].answer, sink[0].rcpt = "250 OK", ""
    assert smtp.send(MAIL).provider == "smtp"
    assert sink[0].callers == 1


@pytest.mark.rule("notify", "§19")
@pytest.mark.parametrize(("said", "status"), [("550 5.1.1 nobody", "5.1.1"), ("550 nobody 5.1.1", ""), ("550 4.1.1 x", "")])
def test_why_a_relay_refuses_a_recipient(sink: tuple[Sink, int], smtp: SmtpEmail, said: str, status: str) -> None:
    sink[0].rcpt = said
    with pytest.raises(RecipientRefused) as refused:
        smtp.send(MAIL)
    assert refused.value.status == status


@pytest.mark.rule("notify", "§10")
def test_a_connection_is_used_again_and_a_dead_one_is_no_fault(sink: tuple[Sink, int], smtp: SmtpEmail) -> None:
    smtp.send(MAIL)
    smtp.send(MAIL)
    assert sink[0].callers == 1
    sink[0].answer = "421 going down"
    with pytest.raises(ProviderUnavailable):
        smtp.send(MAIL)
    sink[0].answer = "250 OK"
    sink[0].hang_up = True
    smtp.send(MAIL)
    assert sink[0].callers == 2
    assert len(sink[0].taken) == 4


def test_a_connection_is_not_used_for_ever(sink: tuple[Sink, int], smtp: SmtpEmail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notify.providers.smtp._MAILS_A_CONNECTION", 2)
    for _ in range(5):
        smtp.send(MAIL)
    assert sink[0].callers == 3


def test_no_relay_is_not_now() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ProviderUnavailable):
        SmtpEmail("127.0.0.1", port, timeout_seconds=1).send(MAIL)


def test_a_relay_without_tls_gets_nothing_where_tls_is_wanted(sink: tuple[Sink, int]) -> None:
    with pytest.raises(ProviderUnavailable):
        SmtpEmail("127.0.0.1", sink[1], starttls=True, timeout_seconds=5).send(MAIL)
    assert sink[0].taken == []


def test_what_the_gateway_is_asked() -> None:
    gateway = Gateway(201)
    assert http_sms(gateway).send(TEXT).provider_reference == "g-1"
    (call,) = gateway.calls
    assert call["json"] == {
        "to": "+56912345678",
        "from": "COLEGIO",
        "text": "Hola",
        "reference": TEXT.reference,
        "callback_url": "http://localhost/receipts/sms/gateway?token=t",
    }
    assert call["headers"] == {"Authorization": "Bearer t", "Idempotency-Key": TEXT.reference}


@pytest.mark.rule("notify", "§10")
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        *((status, ProviderUnavailable) for status in (401, 403, 408, 425, 429, 500, 503)),
        (OutboundTimeout("x"), ProviderUnavailable),
        (OutboundFailed("x", sent=True), ProviderUnavailable),
        (422, RecipientRefused),
        *((status, ProviderRefused) for status in (302, 400, 404)),
    ],
)
def test_gateway_refusals(answer: int | Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        http_sms(Gateway(answer)).send(TEXT)


@pytest.mark.rule("notify", "§10")
@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("77", 77.0),
        ("Mon, 08 Jun 2026 16:01:00 GMT", 60.0),
        ("Mon, 08 Jun 2026 15:00:00 GMT", 0.0),
        ("mañana", None),
        ("Mon, 08 Jun 2026 16:01:00", None),
        ("9" * 400, None),
    ],
)
def test_when_a_gateway_says_to_come_again(said: str, seconds: float | None) -> None:
    gateway = Gateway(503)
    gateway.headers = {"retry-after": said, "date": "Mon, 08 Jun 2026 16:00:00 GMT"}
    with pytest.raises(ProviderUnavailable) as later:
        http_sms(gateway).send(TEXT)
    assert later.value.retry_after_seconds == seconds


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}"])
def test_a_yes_without_a_reference_of_theirs_is_a_yes(body: bytes) -> None:
    assert http_sms(Gateway(200, body)).send(TEXT).provider == "gateway"


def test_no_header_can_be_injected() -> None:
    assert b"\nX-Evil" not in message(MAIL).as_bytes()
    assert b"\nBcc" not in message(MAIL).as_bytes()


def test_the_relay_is_told_where_bounces_go_and_gets_what_was_signed(sink: tuple[Sink, int]) -> None:
    with closing(SmtpEmail("127.0.0.1", sink[1], timeout_seconds=5, sign=lambda raw: b"DKIM-Signature: x\r\n" + raw)) as sender:
        done = sender.send(replace(MAIL, bounce_address="bounces@notify.example.com", return_token=lambda relay: f"at-{relay}"))
    (raw,) = sink[0].taken
    assert raw.startswith(b"DKIM-Signature: x\r\n")
    assert b"\r\nX-Notification-Return: at-smtp\r\n" in raw
    assert sink[0].senders == ["bounces+at-smtp@notify.example.com"]
    assert done.provider_reference == f"<{MAIL.reference}@notify.example.com> at-smtp"
