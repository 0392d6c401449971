"""What the other services know of a person: sign-ins, payments, messages.  Spec: requirements CH-14.

They are asked with the wallet's own access tokens; whom it is about stands in the body or a header, never in an address.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import quote
from uuid import UUID

from shared.auth import CannotGetToken, TokenSource
from shared.http import Outbound, OutboundError, Reply

TIMEOUT_SECONDS = 3
MESSAGES_MAX = 250
FILE_BYTES_MAX = 3 * 1024 * 1024
PDF = "application/pdf"
PERSON_HEADER = "Andamio-Person"
SCOPES = {"identity": "identity:history", "notify": "notify:portal", "pay": "pay:people"}


class ServiceAway(Exception):
    """A service does not answer now: that is told, and is never the same as nothing to tell."""


class NoSuchMessage(Exception):
    """The person has no such message, or no such file in it."""


class NoSuchReceipt(Exception):
    """The person has no such payment, or none that is paid."""


@dataclass(frozen=True)
class SignIns:
    """What happened with the account, newest first, as (moment, words, service); and the confirmed e-mail address."""

    events: list[tuple[datetime, str, str]]
    email: str | None = field(repr=False)


@dataclass(frozen=True)
class Paid:
    """One payment; the amount in the smallest unit."""

    at: datetime
    service: str
    description: str
    amount_minor: int
    currency: str
    status: str
    payment_id: str = ""


@dataclass(frozen=True)
class Message:
    """One message of the mailbox; `html` is made by notify to be placed into a page as it is, `files` are names in their order."""

    message_id: UUID
    sender: str = field(repr=False)
    subject: str = field(repr=False)
    html: str = field(repr=False)
    at: datetime
    read_at: datetime | None
    files: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Messages:
    """A page of messages, newest first; `next_older_than` is the one that the next page starts after, None where there are no more."""

    messages: list[Message]
    next_older_than: UUID | None


@dataclass(frozen=True)
class File:
    """One file of a message."""

    name: str = field(repr=False)
    mimetype: str
    content: bytes = field(repr=False)


class Dealings(Protocol):
    """What the other services know."""

    def sign_ins(self, run: str, *, lang: str) -> SignIns:
        """Return what happened with a person's account.  Raises: ServiceAway."""
        ...

    def payments(self, email: str) -> list[Paid]:
        """Return payments whose receipt went to an address.  Raises: ServiceAway."""
        ...

    def receipt(self, email: str, payment_id: str) -> File:
        """Return the receipt of a payment whose receipt went to an address.  Raises: ServiceAway, NoSuchReceipt."""
        ...

    def messages(self, run: str, *, older_than: UUID | None = None, limit: int = MESSAGES_MAX) -> Messages:
        """Return a page of a person's messages, newest first.  Raises: ServiceAway; NoSuchMessage for a start that is none."""
        ...

    def message(self, run: str, message_id: UUID) -> Message:
        """Return one of a person's messages.  Raises: ServiceAway, NoSuchMessage."""
        ...

    def open_message(self, run: str, message_id: UUID) -> None:
        """Note that the person opened a message.  Raises: ServiceAway, NoSuchMessage."""
        ...

    def file(self, run: str, message_id: UUID, position: int) -> File:
        """Return a file of an opened message.  Raises: ServiceAway, NoSuchMessage."""
        ...


class HttpDealings:
    """The services over HTTP; one without an address is taken for away."""

    def __init__(self, http: Outbound, tokens: TokenSource, urls: Mapping[str, str]) -> None:
        self._http, self._tokens, self._urls = http, tokens, urls

    def sign_ins(self, run: str, *, lang: str) -> SignIns:
        """Return what happened with a person's account.  Raises: ServiceAway."""
        answer = _json(
            _good("identity", self._call("identity", "POST", "/people/history", json={"run": run}, headers={"Accept-Language": lang}))
        )
        email = answer.get("email")
        with _reading():
            events = [(_moment(one["at"]), str(one["words"]), str(one["service"])) for one in _rows(answer, "events")]
        return SignIns(events, email if isinstance(email, str) else None)

    def payments(self, email: str) -> list[Paid]:
        """Return payments whose receipt went to an address.  Raises: ServiceAway."""
        answer = _json(_good("pay", self._call("pay", "POST", "/people/payments", json={"email": email})))
        with _reading():
            return [_paid(one) for one in _rows(answer, "payments")]

    def receipt(self, email: str, payment_id: str) -> File:
        """Return the receipt of a payment whose receipt went to an address.  Raises: ServiceAway, NoSuchReceipt."""
        reply = self._call("pay", "POST", "/people/receipt", json={"email": email, "payment_id": payment_id}, headers={"Accept": PDF})
        if reply.status == 404 and str(_json(reply).get("type", "")).endswith(":receipt-not-found"):
            raise NoSuchReceipt
        content = _good("pay", reply)
        if content.headers.get("content-type", "") != PDF:
            raise ServiceAway("form")
        return File(f"{payment_id}.pdf", PDF, content.body)

    def messages(self, run: str, *, older_than: UUID | None = None, limit: int = MESSAGES_MAX) -> Messages:
        """Return a page of a person's messages, newest first.  Raises: ServiceAway; NoSuchMessage for a start that is none."""
        after = f"&older_than={older_than}" if older_than else ""
        answer = _json(self._mailbox("GET", f"?limit={limit}{after}", run, may_be_missing=older_than is not None))
        with _reading():
            follows = answer.get("next_older_than")
            return Messages([_message(one) for one in _rows(answer, "messages")], None if follows is None else UUID(str(follows)))

    def message(self, run: str, message_id: UUID) -> Message:
        """Return one of a person's messages.  Raises: ServiceAway, NoSuchMessage."""
        answer = _json(self._mailbox("GET", f"/{message_id}", run, may_be_missing=True))
        with _reading():
            return _message(answer)

    def open_message(self, run: str, message_id: UUID) -> None:
        """Note that the person opened a message.  Raises: ServiceAway, NoSuchMessage."""
        self._mailbox("POST", f"/{message_id}/read", run, may_be_missing=True)

    def file(self, run: str, message_id: UUID, position: int) -> File:
        """Return a file of an opened message.  Raises: ServiceAway, NoSuchMessage."""
        names = self.message(run, message_id).files
        if position >= len(names):
            raise NoSuchMessage
        reply = self._mailbox("GET", f"/{message_id}/attachments/{position}", run, may_be_missing=True)
        return File(names[position], reply.headers.get("content-type", "application/octet-stream"), reply.body)

    def _mailbox(self, method: str, path: str, run: str, *, may_be_missing: bool = False) -> Reply:
        """Raises: ServiceAway; NoSuchMessage where one message is asked for, and may be missing."""
        reply = self._call("notify", method, "/v1/mailbox/messages" + path, headers={PERSON_HEADER: quote(run)})
        if may_be_missing and reply.status == 404:
            raise NoSuchMessage
        return _good("notify", reply)

    def _call(self, service: str, method: str, path: str, *, json: object = None, headers: Mapping[str, str] | None = None) -> Reply:
        url = self._urls[service]
        if not url:
            raise ServiceAway(service)
        try:
            proof = {"Authorization": "Bearer " + self._tokens.token(url, SCOPES[service]), "Accept": "application/json"}
            sent = {**proof, **(headers or {})}
            return self._http.request(
                method, url + path, json=json, headers=sent, timeout_seconds=TIMEOUT_SECONDS, max_bytes=FILE_BYTES_MAX
            )
        except (OutboundError, CannotGetToken):
            raise ServiceAway(service) from None


def _good(service: str, reply: Reply) -> Reply:
    """Return a reply that is one: a service of an older release, without the route, is away for this."""
    if reply.status != 200:
        raise ServiceAway(service)
    return reply


@contextmanager
def _reading() -> Iterator[None]:
    """Take an answer of another form for a service that is away.  Raises: ServiceAway."""
    try:
        yield
    except (KeyError, TypeError, ValueError):
        raise ServiceAway("form") from None


def _json(reply: Reply) -> Mapping[str, object]:
    try:
        answer = reply.json()
    except OutboundError:
        raise ServiceAway("form") from None
    if not isinstance(answer, dict):
        raise ServiceAway("form")
    return answer


def _rows(answer: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ServiceAway("form")
    return found


def _moment(text: object) -> datetime:
    """Read a moment.  Raises: ValueError, also for one without a zone, which no other can be compared with."""
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError("a moment without a zone")
    return found


def _paid(one: Mapping[str, object]) -> Paid:
    amount, at, payment_id = int(str(one["amount_minor"])), _moment(one["at"]), str(one.get("payment_id", ""))
    return Paid(at, str(one["service"]), str(one["description"]), amount, str(one["currency"]), str(one["status"]), payment_id)


def _message(one: Mapping[str, object]) -> Message:
    read_at, files = one.get("read_at"), one.get("attachments")
    return Message(
        UUID(str(one["id"])),
        str(one["from"]),
        str(one["subject"]),
        str(one["html"]),
        _moment(one["created_at"]),
        None if read_at is None else _moment(read_at),
        tuple(str(file["filename"]) for file in files) if isinstance(files, list) else (),
    )
