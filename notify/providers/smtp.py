"""Email over SMTP.  Spec: RFC 5321; 4xx answers pass, 5xx do not."""

import smtplib
import ssl
from collections.abc import Callable

from notify.providers.base import HandOver, ProviderRefused, ProviderUnavailable, RecipientRefused
from notify.standards.mime import Mail, ascii_address, message
from notify.standards.statuses import Status

Sign = Callable[[bytes], bytes]
_RECIPIENT_FAULTS = frozenset({550, 551, 553})


class SmtpEmail:
    """One connection a message, bounded in time; the Message-ID is made of the notification's id."""

    name = "smtp"

    def __init__(
        self,
        host: str,
        port: int,
        *,
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
        self._sign = sign
        self._host = host
        self._port = port
        self._username = username
        self._password = password
        self._starttls = starttls
        self._timeout_seconds = timeout_seconds
        self._accepted_means = accepted_means

    def send(self, mail: Mail) -> HandOver:
        """Hand over one message.  Raises: ProviderUnavailable, RecipientRefused, ProviderRefused."""
        built = message(mail)
        sender, recipient = ascii_address(mail.bounce_address or mail.from_address), ascii_address(mail.to)
        raw = built.as_bytes()
        if self._sign is not None:
            raw = self._sign(raw)
        try:
            self._deliver(raw, sender, recipient)
        except smtplib.SMTPRecipientsRefused as refused:
            code = next(iter(refused.recipients.values()))[0]
            raise _kind(code)(f"recipient refused with {code}") from None
        except smtplib.SMTPResponseException as refused:
            raise _kind(refused.smtp_code, of_recipient=False)(f"relay answered {refused.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as failed:
            began = not isinstance(failed, ConnectionRefusedError | smtplib.SMTPConnectError | smtplib.SMTPNotSupportedError)
            raise ProviderUnavailable(type(failed).__name__, may_have_taken=began) from None
        return HandOver(self.name, str(built["Message-ID"]), self._accepted_means)

    def _deliver(self, raw: bytes, sender: str, recipient: str) -> None:
        with smtplib.SMTP(self._host, self._port, timeout=self._timeout_seconds) as relay:
            if self._starttls:
                relay.starttls(context=ssl.create_default_context())
            if self._username:
                relay.login(self._username, self._password)
            relay.ehlo_or_helo_if_needed()
            reports = self._accepted_means is Status.SENDING and relay.has_extn("dsn")
            options = ["NOTIFY=SUCCESS,FAILURE"] if reports else []
            relay.sendmail(sender, [recipient], raw, rcpt_options=options)


def _kind(code: int, *, of_recipient: bool = True) -> type[Exception]:
    if code < 500:
        return ProviderUnavailable
    return RecipientRefused if of_recipient or code in _RECIPIENT_FAULTS else ProviderRefused
