"""Email over SMTP.  Spec: RFC 5321; 4xx answers pass, 5xx do not."""

import contextlib
import re
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.trace import SpanKind

from notify.providers.base import HandOver, ProviderRefused, ProviderUnavailable, RecipientRefused
from notify.standards.mime import Mail, ascii_address, message
from notify.standards.return_token import with_token
from notify.standards.statuses import Status
from shared import telemetry

Sign = Callable[[bytes], bytes]
_RECIPIENT_FAULTS = frozenset({550, 551, 553})
_ENHANCED = re.compile(rb"5\.[0-9]{1,3}\.[0-9]{1,3}")
_IDLE_SECONDS = 20.0
_MAILS_A_CONNECTION = 100
_TAKEN = frozenset({250, 251})
REFERENCE_MAX = 200


@dataclass
class _Line:
    """An open connection to the relay."""

    relay: smtplib.SMTP
    mails: int = 0
    used_at: float = 0.0

    @property
    def fresh(self) -> bool:
        """True where the relay can be expected to listen still, and to take one more mail."""
        return self.mails < _MAILS_A_CONNECTION and time.monotonic() - self.used_at < _IDLE_SECONDS

    def close(self) -> None:
        """Say goodbye where somebody listens."""
        with contextlib.suppress(OSError, smtplib.SMTPException):
            self.relay.quit()


class SmtpEmail:
    """Connections that are kept open for the next message, bounded in time; the Message-ID is made of the notification's id.

    The reference of a message that was taken is its Message-ID and, where reports are expected, the token that they prove themselves by.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        name: str = "smtp",
        username: str = "",
        password: str = "",
        starttls: bool = False,
        timeout_seconds: float = 15,
        accepted_means: Status = Status.SENDING,
        sign: Sign | None = None,
    ) -> None:
        """`accepted_means`: the status of a message that the relay took; `sign` gives the message its DKIM signature.

        Where acceptance is no delivery, the relay is asked to report both success and failure (RFC 3461).
        """
        self.name = name
        self._sign = sign
        self._host = host
        self._port = port
        self._username = username
        self._password = password
        self._starttls = starttls
        self._timeout_seconds = timeout_seconds
        self._accepted_means = accepted_means
        self._idle: list[_Line] = []
        self._lock = threading.Lock()

    def send(self, mail: Mail) -> HandOver:
        """Hand over one message.  Raises: ProviderUnavailable, RecipientRefused, ProviderRefused."""
        token = mail.return_token(self.name)
        built = message(mail, token)
        sender = ascii_address(with_token(mail.bounce_address, token) or mail.from_address)
        recipient = ascii_address(mail.to)
        raw = built.as_bytes()
        if self._sign is not None:
            raw = self._sign(raw)
        try:
            with telemetry.span(f"mail {self.name}", kind=SpanKind.CLIENT):
                self._deliver(raw, sender, recipient)
        except smtplib.SMTPRecipientsRefused as refused:
            code, answer = next(iter(refused.recipients.values()))
            if code < 500:
                raise ProviderUnavailable(f"recipient refused with {code}") from None
            raise RecipientRefused(f"recipient refused with {code}", status=_enhanced(answer)) from None
        except smtplib.SMTPResponseException as refused:
            raise _kind(refused.smtp_code)(f"relay answered {refused.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as failed:
            raise ProviderUnavailable(type(failed).__name__, may_have_taken=True) from None
        return HandOver(self.name, f"{built['Message-ID']} {token}".strip()[:REFERENCE_MAX], self._accepted_means)

    def greet(self) -> None:
        """Come to the relay as for a message, with TLS and password where they are set, and leave again.  Raises: ProviderUnavailable."""
        try:
            _Line(self._connect()).close()
        except smtplib.SMTPResponseException as refused:
            raise ProviderUnavailable(f"it answers {refused.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as failed:
            raise ProviderUnavailable(type(failed).__name__) from None

    def close(self) -> None:
        """Close the connections that were kept open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _deliver(self, raw: bytes, sender: str, recipient: str) -> None:
        line = self._begin(sender, len(raw))
        try:
            reports = self._accepted_means is Status.SENDING and line.relay.has_extn("dsn")
            code, answer = line.relay.rcpt(recipient, ["NOTIFY=SUCCESS,FAILURE"] if reports else [])
            if code not in _TAKEN:
                raise smtplib.SMTPRecipientsRefused({recipient: (code, answer)})
            code, answer = line.relay.data(raw)
            if code not in _TAKEN:
                raise smtplib.SMTPDataError(code, answer)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException):
            self._keep(line, reset=True)
            raise
        except BaseException:
            line.relay.close()
            raise
        line.mails += 1
        self._keep(line)

    def _begin(self, sender: str, size: int) -> _Line:
        """Give a connection on which the message has begun.  One that was kept may be dead; nothing was said on it: another is tried."""
        while (line := self._take()) is not None:
            try:
                code, _ = line.relay.mail(sender, _options(line.relay, size))
            except (OSError, smtplib.SMTPServerDisconnected):
                line.relay.close()
                continue
            if code in _TAKEN:
                return line
            line.close()
        line = _Line(self._connect())
        code, answer = line.relay.mail(sender, _options(line.relay, size))
        if code not in _TAKEN:
            line.close()
            raise smtplib.SMTPSenderRefused(code, answer, sender)
        return line

    def _connect(self) -> smtplib.SMTP:
        """Raises: ProviderUnavailable, also for a no: it is to us, and nothing was said of the message yet."""
        try:
            relay = smtplib.SMTP(self._host, self._port, timeout=self._timeout_seconds)
            try:
                if self._starttls:
                    relay.starttls(context=ssl.create_default_context())
                if self._username:
                    relay.login(self._username, self._password)
                relay.ehlo_or_helo_if_needed()
            except BaseException:
                relay.close()
                raise
        except (OSError, smtplib.SMTPException) as failed:
            raise ProviderUnavailable(type(failed).__name__) from None
        return relay

    def _take(self) -> _Line | None:
        with self._lock:
            while self._idle:
                line = self._idle.pop()
                if line.fresh:
                    return line
                line.relay.close()
        return None

    def _keep(self, line: _Line, *, reset: bool = False) -> None:
        try:
            if reset:
                line.relay.rset()
        except (OSError, smtplib.SMTPException):
            line.relay.close()
            return
        line.used_at = time.monotonic()
        with self._lock:
            self._idle.append(line)


def _options(relay: smtplib.SMTP, size: int) -> list[str]:
    return [f"size={size}"] if relay.has_extn("size") else []


def _kind(code: int) -> type[Exception]:
    if code < 500:
        return ProviderUnavailable
    return RecipientRefused if code in _RECIPIENT_FAULTS else ProviderRefused


def _enhanced(answer: bytes | str) -> str:
    found = _ENHANCED.match(answer if isinstance(answer, bytes) else answer.encode())
    return found[0].decode() if found else ""
