"""Events to bodies: made when something changed, then pushed, or kept until they are polled.  Spec: wallet contract §11."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shared.http import OutboundError
from shared.tasks import RetryLater
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.models.agreement import find_agreement
from wallet.models.assent import given_by
from wallet.models.consent import LIVE_STATES, Consent, ConsentState, find_consent, last_event
from wallet.models.delegation import DelegationState, find_delegation
from wallet.models.erasure import find_erasure
from wallet.models.stream import PUSH, SecurityEvent, Stream, StreamStatus, streams_about, waiting_events
from wallet.operations.consent_flows import GRANT_ENDED, is_from_flow
from wallet.operations.consent_moves import flows_until
from wallet.operations.keys import signing_key
from wallet.standards import security_event

POLL_EVENTS_MAX = 100
PUSH_SECONDS = 5
PUSH_BYTES_MAX = 64 * 1024
INITIATORS = {"principal": "user", "delegate": "user", "authority": "admin", "provider": "admin", "recipient": "admin", "system": "system"}
SCOPE = "service:wallet:streams"


@dataclass(frozen=True)
class Polled:
    """What a poll answers: signed events by jti."""

    sets: dict[str, str]
    is_more: bool


def announce_consent(wallet: Wallet, consent_id: UUID, verb: str, previous: str | None, current: str) -> None:
    """Put what happened to a consent on the stream of each body it concerns.  Spec: CAEP has no such event, so the URIs are ours."""
    with wallet.transaction() as tx:
        consent = find_consent(tx.session, consent_id)
        if consent is None:
            return
        last = last_event(tx.session, consent_id)
        now = wallet.clock.now()
        name = "consent-granted" if verb == "granted" else "consent-changed"
        members: dict[str, object] = {"consent_version": consent.consent_version, "current_state": current}
        members |= {"event_timestamp": int(now.timestamp()), "initiating_entity": INITIATORS[last.actor_kind] if last else "system"}
        members["seq"] = wallet.ids.uuid7().int >> 80  # milliseconds: grows with each event of one consent
        if previous is not None:
            members["previous_state"] = previous
        if previous is not None and current != ConsentState.ACTIVE:
            members["effective_at"] = int(flows_until(wallet, tx.session, consent, consent.state_since).timestamp())
        if last is not None and last.reason_code:
            members["reason_admin"] = {"en": last.reason_code}
        task = find_erasure(tx.session, consent_id)
        if task is not None and current not in LIVE_STATES:
            members["erase_by"] = int(task.due_at.timestamp())
        put(wallet, tx, str(consent_id), name, members, org_ids={consent.org_id, consent.source_org_id})
        if current not in {*LIVE_STATES, ConsentState.SUPERSEDED} and is_from_flow(tx.session, consent):
            tx.enqueue(GRANT_ENDED, {"client_id": consent.client_id, "grant_id": str(consent.chain_id)})
        if task is not None and current not in LIVE_STATES:
            due = {"erase_by": int(task.due_at.timestamp()), "consent_version": consent.consent_version}
            put(wallet, tx, str(consent_id), "erasure-requested", due, org_ids={consent.org_id})


def announce_agreement(wallet: Wallet, agreement_id: str, version: int) -> None:
    """Put a change of an agreement on the streams of both bodies."""
    with wallet.transaction() as tx:
        row = find_agreement(tx.session, agreement_id, version)
        if row is not None:
            members = {"version": row.version, "current_state": row.state, "event_timestamp": int(row.updated_at.timestamp())}
            put(wallet, tx, agreement_id, "agreement-changed", members, org_ids={row.consumer, row.provider})


def announce_delegation(wallet: Wallet, delegation_id: UUID) -> None:
    """Tell the recipients of consents that a delegate gave that his power ended; what becomes of each consent is told besides."""
    with wallet.transaction() as tx:
        row = find_delegation(tx.session, delegation_id)
        if row is None or row.state != DelegationState.ENDED:
            return
        members = {"reason": str(row.end_reason), "event_timestamp": int(row.state_since.timestamp())}
        for consent in tx.session.scalars(select(Consent).where(given_by(delegation_id))):
            put(wallet, tx, str(consent.consent_id), "delegation-ended", members, org_ids={consent.org_id})


def put(wallet: Wallet, tx: Transaction, identifier: str, name: str, members: Mapping[str, object], *, org_ids: set[str]) -> None:
    """Put an event on every stream of these bodies that wants it, and have it pushed."""
    issuer = wallet.settings.public_url
    event, txn = security_event.event_uri(issuer, name), str(wallet.ids.uuid4())
    for stream in streams_about(tx.session, org_ids):
        if event in stream.events_requested and identifier not in stream.left_out:
            _add(wallet, tx, stream, identifier=identifier, event=event, members=members, txn=txn)


def put_verification(wallet: Wallet, tx: Transaction, stream: Stream, state: str | None) -> None:
    """Put the event by which a receiver sees that its stream works; its own `state` comes back.  Spec: SSF 1.0 §8.1.4."""
    members = {} if state is None else {"state": state}
    _add(
        wallet,
        tx,
        stream,
        identifier=stream.stream_id,
        event=security_event.VERIFICATION,
        members=members,
        txn=str(wallet.ids.uuid4()),
    )


def _add(wallet: Wallet, tx: Transaction, stream: Stream, *, identifier: str, event: str, members: Mapping[str, object], txn: str) -> None:
    now, jti = wallet.clock.now(), wallet.ids.uuid7()
    claims = security_event.about(
        identifier,
        event,
        members,
        issuer=wallet.settings.public_url,
        audience=stream.client_id,
        jti=f"set-{jti}",
        issued_at=int(now.timestamp()),
        txn=txn,
    )
    tx.session.add(SecurityEvent(jti=jti, stream_id=stream.stream_id, claims=claims, state="pending", created_at=now))
    if stream.method == PUSH:
        tx.enqueue("push_event", {"jti": str(jti)})


def push_event(wallet: Wallet, jti: UUID, attempt: int) -> None:
    """Push one event; a receiver that fails for seven days has its stream paused and the event kept.  Raises: RetryLater."""
    with wallet.reading() as tx:
        row = tx.session.get(SecurityEvent, jti)
        stream = tx.session.get(Stream, row.stream_id) if row else None
    if row is None or stream is None or row.state != "pending" or stream.status != StreamStatus.ENABLED or stream.endpoint is None:
        return
    error = _push(wallet, stream, row)
    if error is None:
        _settle(wallet, jti, "delivered", None)
    elif attempt <= len(security_event.RETRY_SECONDS):
        raise RetryLater(security_event.RETRY_SECONDS[attempt - 1], error)
    else:
        _settle(wallet, jti, "dead", error)
        with wallet.transaction() as tx:
            reason = "events could not be delivered"
            tx.connection.execute(
                update(Stream).where(Stream.stream_id == stream.stream_id).values(status=StreamStatus.PAUSED, status_reason=reason)
            )


def _push(wallet: Wallet, stream: Stream, row: SecurityEvent) -> str | None:
    """Return None when the receiver took it, else why not.  Spec: RFC 8935 §2."""
    headers = {"Content-Type": security_event.MEDIA_TYPE, "Accept": "application/json"}
    if stream.authorization is not None:
        headers["Authorization"] = wallet.cipher.decrypt(stream.authorization, scope=SCOPE)
    body = security_event.sign_event(row.claims, key=signing_key(wallet, "event")).encode()
    try:
        reply = wallet.http.request(
            "POST", str(stream.endpoint), body=body, headers=headers, timeout_seconds=PUSH_SECONDS, max_bytes=PUSH_BYTES_MAX
        )
        if reply.status == 202:
            return None
        told = reply.json().get("err") if reply.status == 400 else None
    except (OutboundError, AttributeError) as error:
        return type(error).__name__
    return f"refused: {told}" if told in security_event.PUSH_ERRORS else f"status {reply.status}"


def poll(wallet: Wallet, stream: Stream, *, events_max: int, taken: list[str], failed: Mapping[str, str]) -> Polled:
    """Take what the receiver acknowledges and refuses, and return what waits; unacknowledged events come again.  Spec: RFC 8936 §2."""
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        for jti in taken:
            _mark(tx.session, stream, jti, state="delivered", error=None, now=now)
        for jti, why in failed.items():
            _mark(tx.session, stream, jti, state="dead", error=why, now=now)
        tx.session.flush()
        if stream.status != StreamStatus.ENABLED:
            return Polled({}, False)
        rows = waiting_events(tx.session, stream.stream_id, limit=min(events_max, POLL_EVENTS_MAX) + 1)
    shown = rows[: min(events_max, POLL_EVENTS_MAX)]
    key = signing_key(wallet, "event") if shown else None
    return Polled({f"set-{row.jti}": security_event.sign_event(row.claims, key=key) for row in shown if key}, len(rows) > len(shown))


def forget_events(wallet: Wallet, *, days: int = 30) -> None:
    """Delete events that were delivered or given up long ago."""
    before = wallet.clock.now() - timedelta(days=days)
    with wallet.transaction() as tx:
        tx.forget(delete(SecurityEvent).where(SecurityEvent.state != "pending", SecurityEvent.settled_at < before))


def _settle(wallet: Wallet, jti: UUID, state: str, error: str | None) -> None:
    with wallet.transaction() as tx:
        values = {"state": state, "error": error, "settled_at": wallet.clock.now()}
        tx.connection.execute(update(SecurityEvent).where(SecurityEvent.jti == jti, SecurityEvent.state == "pending").values(values))


def _mark(session: Session, stream: Stream, jti: str, *, state: str, error: str | None, now: datetime) -> None:
    try:
        number = UUID(jti.removeprefix("set-"))
    except ValueError:
        return  # not one of ours: nothing to mark
    statement = update(SecurityEvent).where(
        SecurityEvent.jti == number, SecurityEvent.stream_id == stream.stream_id, SecurityEvent.state == "pending"
    )
    session.execute(statement.values(state=state, error=error[:200] if error else None, settled_at=now))
