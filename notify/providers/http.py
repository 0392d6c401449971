"""Providers that are spoken to over HTTP: SMS gateway, print, mailbox.

Every call is a POST that carries our reference; 2xx is a yes, 401, 403, 408, 425, 429 and 5xx are "not now", another 4xx is a no.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from notify.providers.base import HandOver, Letter, MailboxItem, ProviderRefused, ProviderUnavailable, RecipientRefused, Text
from shared.http import Outbound, OutboundError, OutboundFailed, OutboundTimeout, Reply

_NOT_NOW = frozenset({401, 403, 408, 425, 429})  # the first two are about us, whose token has ended, and not about the message
_BAD_RECIPIENT = 422


class HttpProvider:
    """What the three have in common: where to post, how long to wait, what an answer means."""

    def __init__(self, http: Outbound, url: str, *, name: str, token: str = "", timeout_seconds: float = 15) -> None:
        self._http = http
        self._url = url
        self._name = name
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout_seconds = timeout_seconds

    def _post(
        self,
        reference: str,
        *,
        json: object = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> HandOver:
        # The reference is the idempotency key too: one that knows such keys drops a repeat without knowing our field.
        headers = self._headers | {"Idempotency-Key": reference}
        try:
            reply = self._http.request(
                "POST", self._url, json=json, data=data, files=files, headers=headers, timeout_seconds=self._timeout_seconds
            )
        except OutboundError as error:
            unknown = isinstance(error, OutboundTimeout) or (isinstance(error, OutboundFailed) and error.sent)
            raise ProviderUnavailable(type(error).__name__, may_have_taken=unknown) from None
        return HandOver(self._name, _their_reference(reply) or reference)


def _retry_after(reply: Reply) -> float | None:
    """Read the seconds of a Retry-After, or how far its date lies from that of the answer.  Spec: RFC 9110 §10.2.3."""
    text = reply.headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 8 else None
    try:
        end, now = parsedate_to_datetime(text), parsedate_to_datetime(reply.headers.get("date", ""))
        return max(0.0, (end - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _their_reference(reply: Reply) -> str:
    if reply.status in _NOT_NOW or reply.status >= 500:
        raise ProviderUnavailable(f"answered {reply.status}", retry_after_seconds=_retry_after(reply))
    if reply.status == _BAD_RECIPIENT:
        raise RecipientRefused(f"answered {reply.status}")
    if not 200 <= reply.status < 300:
        raise ProviderRefused(f"answered {reply.status}")
    try:
        answer = reply.json()
    except OutboundFailed:
        return ""  # a yes without a reference of theirs is a yes
    return str(answer.get("id", ""))[:200] if isinstance(answer, dict) else ""


class HttpSms(HttpProvider):
    """SMS gateway: JSON {to, from, text, reference, callback_url} → {id}; the receipt comes later to the callback URL."""

    def send(self, text: Text) -> HandOver:
        """Hand over one text.  Raises: ProviderError."""
        body = {
            "to": f"+{text.to}",
            "from": text.sender,
            "text": text.body,
            "reference": text.reference,
            "callback_url": text.callback_url(self._name),
        }
        return self._post(text.reference, json=body)


class HttpPrint(HttpProvider):
    """Print: a multipart form with the PDF as `file`; what became of the letter comes later to the callback URL."""

    def send(self, letter: Letter) -> HandOver:
        """Hand over one letter.  Raises: ProviderError."""
        data = {"to": letter.recipient, "subject": letter.subject, "reference": letter.reference, "postage": letter.postage}
        data |= {"callback_url": letter.callback_url(self._name)}
        return self._post(letter.reference, data=data, files={"file": (f"{letter.reference}.pdf", letter.pdf, "application/pdf")})


class HttpMailbox(HttpProvider):
    """Mailbox reader outside notify: JSON {to, from, subject, body, reference}."""

    def send(self, item: MailboxItem) -> HandOver:
        """Hand over one message.  Raises: ProviderError."""
        body = {"to": item.to, "from": item.sender, "subject": item.subject, "body": item.body, "reference": item.reference}
        return self._post(item.reference, json=body)
