"""Streams: a receiver makes, changes and ends its own, or the operator sets where its events go.

Spec: Shared Signals Framework 1.0 §8.1; wallet contract §11.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.errors import InvalidExchange, StreamExists, StreamNotFound
from wallet.events import Event
from wallet.models.stream import POLL, PUSH, Stream, StreamStatus, find_stream, streams_of, waiting_events
from wallet.operations.callers import find_body
from wallet.operations.signals import SCOPE, put_verification
from wallet.standards.security_event import supported

STREAM_ID_BYTES = 12
WAITING_REPUSH_MAX = 1000

Wish = Mapping[str, Any]  # a loaded StreamSchema


def poll_uri(issuer: str, stream_id: str) -> str:
    """Return where a stream is polled."""
    return f"{issuer}/ssf/poll/{stream_id}"


def create_stream(wallet: Wallet, client_id: str, wish: Wish) -> Stream:
    """Make a client's stream; each has one.  Raises: ClientNotRegistered, StreamExists, InvalidExchange."""
    with wallet.transaction() as tx:
        if streams_of(tx.session, client_id):
            raise StreamExists("Change the stream that is there, or delete it first.")
        stream = _begin(wallet, tx, client_id, wish)
        _record(tx, stream, "created")
        return stream


def push_to(wallet: Wallet, client_id: str, url: str, *, actor: str) -> None:
    """Have a client's events pushed to an address that the operator sets, for one that does not manage a stream: the same events,
    posted in the same way.  A stream that is there is turned to it.  Raises: ClientNotRegistered, InvalidExchange.
    """
    wish = {"delivery": {"method": PUSH, "endpoint_url": url}}
    with wallet.transaction() as tx:
        there = next(iter(streams_of(tx.session, client_id)), None)
        if there is not None:
            _apply(wallet, there, wish)
        stream = there or _begin(wallet, tx, client_id, wish)
        _record(tx, stream, "changed" if there else "created", actor=actor)


def _begin(wallet: Wallet, tx: Transaction, client_id: str, wish: Wish) -> Stream:
    body, now = find_body(tx.session, client_id), wallet.clock.now()
    stream = Stream(stream_id=wallet.ids.token(STREAM_ID_BYTES), client_id=client_id, org_id=body.organisation.org_id, created_at=now)
    stream.status, stream.left_out = StreamStatus.ENABLED, []
    _apply(wallet, stream, {"delivery": {"method": POLL}, "events_requested": supported(wallet.settings.public_url), **wish})
    tx.session.add(stream)
    return stream


def change_stream(wallet: Wallet, client_id: str, stream_id: str, wish: Wish, *, replaces: bool) -> Stream:
    """Change the named members of a stream, or with `replaces` all of them.  Raises: StreamNotFound, InvalidExchange."""
    fresh = {"delivery": {"method": POLL}, "events_requested": supported(wallet.settings.public_url), "description": None}
    with wallet.transaction() as tx:
        stream = _own(tx, client_id, stream_id)
        _apply(wallet, stream, {**fresh, **wish} if replaces else wish)
        _record(tx, stream, "changed")
        return stream


def list_streams(wallet: Wallet, client_id: str) -> list[Stream]:
    """Return a client's streams."""
    with wallet.reading() as tx:
        return streams_of(tx.session, client_id)


def get_stream(wallet: Wallet, client_id: str, stream_id: str) -> Stream:
    """Return a client's own stream.  Raises: StreamNotFound."""
    with wallet.reading() as tx:
        return _own(tx, client_id, stream_id)


def delete_stream(wallet: Wallet, client_id: str, stream_id: str) -> None:
    """End a stream with all that waits on it.  Raises: StreamNotFound."""
    with wallet.transaction() as tx:
        stream = _own(tx, client_id, stream_id)
        _record(tx, stream, "deleted")
        tx.session.delete(stream)


def set_status(wallet: Wallet, client_id: str, stream_id: str, status: str, reason: str | None) -> Stream:
    """Pause, go on with, or stop a stream; what waited on a paused one is pushed then.  Raises: StreamNotFound."""
    with wallet.transaction() as tx:
        stream = _own(tx, client_id, stream_id)
        stream.status, stream.status_reason = status, reason
        if status == StreamStatus.ENABLED and stream.method == PUSH:
            for row in waiting_events(tx.session, stream_id, limit=WAITING_REPUSH_MAX):
                tx.enqueue("push_event", {"jti": str(row.jti)})
        _record(tx, stream, status)
        return stream


def set_subject(wallet: Wallet, client_id: str, stream_id: str, subject: Wish, *, wanted: bool) -> None:
    """Hear of a consent again, or not any more; a stream begins with all.  Raises: StreamNotFound, InvalidExchange."""
    identifier = subject.get("id")
    if subject.get("format") != "opaque" or not isinstance(identifier, str) or len(identifier) > 100:
        raise InvalidExchange('A subject here is {"format": "opaque", "id": "<consent_id>"}.')
    with wallet.transaction() as tx:
        stream = _own(tx, client_id, stream_id)
        others = [one for one in stream.left_out if one != identifier]
        stream.left_out = others if wanted else [*others, identifier]


def ask_verification(wallet: Wallet, client_id: str, stream_id: str, state: str | None) -> None:
    """Put a verification event on a stream.  Raises: StreamNotFound."""
    with wallet.transaction() as tx:
        put_verification(wallet, tx, _own(tx, client_id, stream_id), state)


def _apply(wallet: Wallet, stream: Stream, wish: Wish) -> None:
    if "events_requested" in wish:
        stream.events_requested = [str(event) for event in wish["events_requested"]]
    if "description" in wish:
        stream.description = wish["description"]
    delivery = wish.get("delivery")
    if delivery is None:
        return
    stream.method, stream.endpoint, stream.authorization = delivery["method"], None, None
    if stream.method == PUSH:
        stream.endpoint = _checked(wallet, delivery.get("endpoint_url"))
        header = delivery.get("authorization_header")
        stream.authorization = wallet.cipher.encrypt(header, scope=SCOPE) if header else None


def _checked(wallet: Wallet, url: str | None) -> str:
    """Refuse what will never be called; where a name leads is checked again at each push (shared.http)."""
    parts = urlsplit(url or "")
    is_sandbox = wallet.settings.environment == "sandbox" and parts.netloc in wallet.settings.outbound_private_hosts
    if not parts.hostname or parts.username or parts.fragment or (parts.scheme != "https" and not is_sandbox):
        raise InvalidExchange("Events are pushed to an https address.", errors={"delivery": {"endpoint_url": ["Not an https address."]}})
    return url or ""


def _own(tx: Transaction, client_id: str, stream_id: str) -> Stream:
    stream = find_stream(tx.session, client_id, stream_id)
    if stream is None:
        raise StreamNotFound("You have no stream of this id.")
    return stream


def _record(tx: Transaction, stream: Stream, what: str, *, actor: str = "") -> None:
    data: dict[str, str | int | bool | list[str]] = {"what": what, "method": stream.method}
    tx.record(Event.STREAM_CHANGED, actor=actor or f"client:{stream.client_id}", object_id=stream.stream_id, data=data)
