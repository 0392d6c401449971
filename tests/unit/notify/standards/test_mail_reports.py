"""Reports of other mail systems, good and bad.  Spec: RFC 3464, RFC 5965."""

import contextlib
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.standards.mail_reports import BYTES_MAX, Kind, MailReport, NotAReport, read_mail_reports
from notify.standards.return_token import find_token, make_token

ID = uuid.UUID("0190a7c0-0000-7000-8000-000000000001")
TOKEN = make_token(b"k", ID, "uno")


def dsn(
    *, action: str = "failed", status: str = "5.1.1", to: str = "bounces@example.com", returned: str | None = None, more: str = ""
) -> bytes:
    returned = f"Message-ID: <{ID}@notify.example.com>\r\nSubject: Recibo\r\n" if returned is None else returned
    return (
        f"From: MAILER-DAEMON@mx.example.net\r\nTo: {to}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\r\n\r\n'
        "--b1\r\nContent-Type: text/plain\r\n\r\nNo hay tal usuario.\r\n"
        "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n"
        f"Final-Recipient: rfc822; Camila@Example.com\r\nAction: {action}\r\nStatus: {status}\r\n{more}\r\n"
        f"--b1\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n--b1--\r\n"
    ).encode()


def arf(kind: str = "abuse", *, more: str = "", headers: str = "") -> bytes:
    return (
        "From: fbl@mail.example.net\r\nTo: quejas@example.com\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b2"\r\n\r\n'
        "--b2\r\nContent-Type: text/plain\r\n\r\nAn abuse report.\r\n"
        "--b2\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n{more}\r\n"
        "--b2\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: colegio@notify.example.com\r\nX-Notification-Id: {ID}\r\n{headers}\r\nHola\r\n--b2--\r\n"
    ).encode()


@pytest.mark.parametrize(
    "raw",
    [
        dsn(to=f"bounces+{TOKEN}@example.com", returned="Subject: Recibo\r\n"),
        dsn(to=f"<BOUNCES+{TOKEN.upper()}@EXAMPLE.COM>", returned="Subject: Recibo\r\n"),
        dsn(returned=f"Message-ID: <{uuid.UUID(int=1)}@x>\r\nX-Notification-Return: {TOKEN}\r\n"),
        dsn(returned=f"Return-Path: <bounces+{TOKEN}@example.com>\r\n"),
        dsn(returned=f"X-Notification-Return:\r\n {TOKEN}\r\n"),
        arf(headers=f"X-Notification-Return: {TOKEN}\r\n"),
        arf(more=f"Original-Mail-From: <bounces+{TOKEN}@example.com>\r\n"),
    ],
    ids=["to", "to in capitals", "header", "return path", "folded", "complaint's header", "complaint's sender"],
)
def test_a_report_says_by_its_token_which_relay_had_the_message(raw: bytes) -> None:
    (report,) = read_mail_reports(raw)
    assert report.token is not None
    assert (report.notification_id, report.token.relay_among(b"k", ["dos", "uno"])) == (ID, "uno")


@pytest.mark.parametrize(
    ("key", "relays"),
    [(b"other", ["uno"]), (b"k", ["dos", ""]), (b"k", [])],
    ids=["of another installation", "of another relay", "of none"],
)
def test_a_token_proves_one_relay_of_one_installation(key: bytes, relays: list[str]) -> None:
    token = find_token(f"bounces+{TOKEN}@example.com")
    assert token is not None
    assert token.relay_among(key, relays) is None


def test_a_token_with_one_character_changed_proves_nothing() -> None:
    for at, character in enumerate(TOKEN[:-1]):  # the last one has two bits that say nothing
        changed = find_token(TOKEN[:at] + ("a" if character != "a" else "b") + TOKEN[at + 1 :])
        assert changed is not None
        assert changed.relay_among(b"k", ["uno"]) is None


def test_what_is_longer_or_shorter_is_no_token() -> None:
    assert [find_token(text) for text in (TOKEN[:-1], TOKEN + "a", "0" * 42, "", "ñ" * 42)] == [None] * 5


def test_a_failure_names_the_message_the_code_and_the_address() -> None:
    (report,) = read_mail_reports(dsn())
    assert report == MailReport(ID, Kind.FAILED, "5.1.1", "camila@example.com")
    assert report.is_permanent
    assert report.is_about_the_address


@pytest.mark.parametrize(
    ("action", "status", "kind", "permanent", "address"),
    [
        ("failed", "5.7.1", Kind.FAILED, True, False),
        ("failed", "4.2.2", Kind.FAILED, False, False),
        ("failed", "5.2.1", Kind.FAILED, True, True),
        ("failed", "nonsense", Kind.FAILED, True, False),
        ("delivered", "2.0.0", Kind.DELIVERED, False, False),
        ("relayed", "2.1.9", Kind.DELIVERED, False, False),
    ],
)
def test_what_each_action_and_code_means(action: str, status: str, kind: Kind, permanent: bool, address: bool) -> None:
    (report,) = read_mail_reports(dsn(action=action, status=status))
    assert (report.kind, report.is_permanent, report.is_about_the_address) == (kind, permanent, address)


def test_a_delay_says_nothing_yet() -> None:
    assert read_mail_reports(dsn(action="delayed", status="4.4.1")) == []


def test_the_address_it_came_to_names_the_message_when_nothing_is_given_back() -> None:
    (report,) = read_mail_reports(dsn(to=f"bounces+{ID}@example.com", returned="Subject: x\r\n"))
    assert report.notification_id == ID


@pytest.mark.parametrize("kind", ["abuse", "fraud", "opt-out"])
def test_a_complaint_names_the_message(kind: str) -> None:
    assert read_mail_reports(arf(kind)) == [MailReport(ID, Kind.COMPLAINT)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: Fuera de oficina\r\n\r\nVuelvo el lunes.",
        dsn(returned="Subject: about nothing\r\n"),
        dsn().replace(b"message/delivery-status", b"text/plain"),
        arf("not-spam"),
        dsn() + b"x" * BYTES_MAX,
        dsn(more="X: " + "boundary=" * 30),
        dsn(more="".join("\r\nFinal-Recipient: rfc822; a@b.com\r\nAction: failed\r\nStatus: 5.1.1\r\n" for _ in range(60))),
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="\xff"\r\n\r\n--\xff\r\n',
    ],
    ids=["empty", "holiday", "of nobody", "no status", "not spam", "large", "deep", "many", "bytes"],
)
def test_what_is_no_report_is_refused(raw: bytes) -> None:
    with pytest.raises(NotAReport):
        read_mail_reports(raw)


@given(st.binary(max_size=2000), st.integers(0, 1400))
def test_nothing_that_strangers_send_breaks_it(noise: bytes, at: int) -> None:
    for whole in (dsn(), arf()):
        with contextlib.suppress(NotAReport):
            read_mail_reports(whole[:at] + noise + whole[at + random.Random(at).randrange(40) :])
