"""Tell the clients of a session that it is over: durable, retried, each try written down (LO-7…LO-10)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, update

from identity.context import Identity
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.finders import subject_of
from identity.models.grant import Grant
from identity.models.logout_notice import NOTICE_STATES, LogoutAttempt, LogoutNotice, NoticeState
from identity.standards import jose, logout_tokens
from shared.clock import rfc3339
from shared.http import OutboundError, OutboundRefused, OutboundTimeout
from shared.tasks import RetryLater
from shared.transaction import Transaction

GRANTS, CLIENTS = table_of(Grant), table_of(Client)
NOTICES, ATTEMPTS = table_of(LogoutNotice), table_of(LogoutAttempt)
JOB = "send_logout_token"
ATTEMPTS_MAX = 3
RETRY_SECONDS = (5.0, 60.0)
TIMEOUT_SECONDS = 5.0
TAKEN = frozenset({200, 204})
LOG_SIZE = 100


def announce_end(identity: Identity, tx: Transaction, session_id: UUID) -> None:
    """Leave a notice for each client of a session that is ending, and revoke what the session carried (LO-8, LO-10)."""
    _announce(identity, tx, GRANTS.c.session_id == session_id)
    carried = (GRANTS.c.session_id == session_id, GRANTS.c.revoked_at.is_(None), GRANTS.c.offline.is_(False))
    tx.connection.execute(update(GRANTS).where(*carried).values(revoked_at=identity.clock.now()))


def announce_loss(identity: Identity, tx: Transaction, mandate_ids: Sequence[UUID]) -> None:
    """End what rests on mandates that do not count any more, and tell the clients that use it (RP-5)."""
    _end(identity, tx, GRANTS.c.mandate_id.in_(mandate_ids), GRANTS.c.revoked_at.is_(None))


def announce_help_over(identity: Identity, tx: Transaction, assisted_id: UUID) -> None:
    """End what was granted in an assisted session, and tell its client (AS-4)."""
    _end(identity, tx, GRANTS.c.assisted_id == assisted_id, GRANTS.c.revoked_at.is_(None))


def announce_revoked(identity: Identity, tx: Transaction, *which: ColumnElement[bool]) -> int:
    """End some grants that are alive, tell their clients, and return how many ended."""
    return _end(identity, tx, *which, GRANTS.c.revoked_at.is_(None))


def _end(identity: Identity, tx: Transaction, *which: ColumnElement[bool]) -> int:
    _announce(identity, tx, *which)
    return int(tx.connection.execute(update(GRANTS).where(*which).values(revoked_at=identity.clock.now())).rowcount)


def _announce(identity: Identity, tx: Transaction, *which: ColumnElement[bool]) -> None:
    """Leave a notice for each client, session and subject of some grants, where the client wants to hear."""
    sector = func.coalesce(GRANTS.c.subject_sector, CLIENTS.c.sector).label("sector")
    columns = (CLIENTS.c.id, CLIENTS.c.client_id, GRANTS.c.session_id, GRANTS.c.person_id, sector)
    query = select(*columns).join_from(GRANTS, CLIENTS, GRANTS.c.client_id == CLIENTS.c.id).distinct()
    told = query.where(*which, CLIENTS.c.state == "active", CLIENTS.c.backchannel_logout_uri.is_not(None))
    for row in tx.connection.execute(told.order_by(CLIENTS.c.client_id)).all():
        sub = subject_of(tx.connection, identity.pairwise_key, row.person_id, row.sector)
        notice_id, sid = identity.ids.uuid7(), logout_tokens.sid_of(identity.pairwise_key, row.session_id, row.sector)
        notice = {"id": notice_id, "client_id": row.id, "sub": sub, "sid": sid, "state": NoticeState.WAITING}
        tx.connection.execute(NOTICES.insert().values(notice | {"created_at": identity.clock.now()}))
        tx.enqueue(JOB, {"notice_id": str(notice_id)})


def clients_of(connection: Connection, session_id: UUID) -> Sequence[Client]:
    """Return the active clients that a session was used for, once for each sector of the subjects they know (RP-8)."""
    sector = func.coalesce(GRANTS.c.subject_sector, CLIENTS.c.sector).label("sector")
    columns = (CLIENTS.c.id, CLIENTS.c.client_id, sector, CLIENTS.c.backchannel_logout_uri, CLIENTS.c.frontchannel_logout_uri)
    query = select(*columns).join_from(GRANTS, CLIENTS, GRANTS.c.client_id == CLIENTS.c.id).distinct()
    query = query.where(GRANTS.c.session_id == session_id, CLIENTS.c.state == "active").order_by(CLIENTS.c.client_id)
    return connection.execute(query).all()  # type: ignore[return-value]  # rows with the members of a Client that are used here


def send_logout_token(identity: Identity, notice_id: UUID, attempt: int) -> None:
    """Make one try, and write down how it went.  Raises: RetryLater while tries are left."""
    with identity.reading() as tx:
        joined = NOTICES.join(CLIENTS, NOTICES.c.client_id == CLIENTS.c.id)
        columns = (CLIENTS.c.client_id, CLIENTS.c.backchannel_logout_uri, CLIENTS.c.id_token_alg)
        query = select(NOTICES.c.state, NOTICES.c.sub, NOTICES.c.sid, *columns).select_from(joined).where(NOTICES.c.id == notice_id)
        row = tx.connection.execute(query).one_or_none()
    if row is None or row.state != NoticeState.WAITING:
        return
    token = _logout_token(identity, row.client_id, row.sub, row.sid, row.id_token_alg)
    outcome = _post(identity, row.backchannel_logout_uri, token)
    is_taken = outcome in {str(status) for status in TAKEN}
    target = NoticeState.DELIVERED if is_taken else NoticeState.FAILED if attempt >= ATTEMPTS_MAX else None
    with identity.transaction() as tx:
        tried = {"notice_id": notice_id, "number": _next_number(tx.connection, notice_id), "outcome": outcome}
        tx.connection.execute(ATTEMPTS.insert().values(tried | {"tried_at": identity.clock.now()}))
        if target is not None:
            action = NOTICE_STATES.check(NoticeState.WAITING, target)
            settled = {"state": target, "settled_at": identity.clock.now()}
            tx.connection.execute(update(NOTICES).where(NOTICES.c.id == notice_id).values(settled))
            tx.record(action, actor="identity", object_id=row.client_id, channel="system", data={"outcome": outcome, "attempts": attempt})
    if target is None:
        raise RetryLater(RETRY_SECONDS[attempt - 1], outcome)


def _logout_token(identity: Identity, client_id: str, sub: str, sid: str, alg: str) -> str:
    signer, now = identity.keys.signer(alg), int(identity.clock.now().timestamp())
    claims = logout_tokens.logout_token_claims(
        issuer=identity.settings.issuer, client_id=client_id, subject=sub, sid=sid, jti=identity.ids.token(16), issued_at=now
    )
    return jose.sign(claims, key=signer.key, alg=signer.alg, kid=signer.kid, typ=logout_tokens.TYP)


def _post(identity: Identity, uri: str | None, token: str) -> str:
    """Return the status of the answer, or a word for what kept it from coming."""
    if uri is None:
        return "no address any more"
    try:
        reply = identity.http.request("POST", uri, data={"logout_token": token}, timeout_seconds=TIMEOUT_SECONDS, max_bytes=64 * 1024)
    except OutboundRefused:
        return "address not allowed"
    except OutboundTimeout:
        return "no answer in time"
    except OutboundError:
        return "no connection"
    return str(reply.status)


def _next_number(connection: Connection, notice_id: UUID) -> int:
    return len(connection.execute(select(ATTEMPTS.c.number).where(ATTEMPTS.c.notice_id == notice_id)).all()) + 1


def list_notices(identity: Identity, client_id: str) -> list[dict[str, object]]:
    """Return the newest notices to a client with every try, for its team; no person is named in it (LO-8)."""
    with identity.reading() as tx:
        mine = select(NOTICES.c.id, NOTICES.c.state, NOTICES.c.created_at).join(CLIENTS, NOTICES.c.client_id == CLIENTS.c.id)
        mine = mine.where(CLIENTS.c.client_id == client_id).order_by(NOTICES.c.created_at.desc()).limit(LOG_SIZE)
        notices = tx.connection.execute(mine).all()
        tries = select(ATTEMPTS).where(ATTEMPTS.c.notice_id.in_([row.id for row in notices])).order_by(ATTEMPTS.c.number)
        attempts = tx.connection.execute(tries).all()
    return [
        {
            "id": str(notice.id),
            "state": notice.state,
            "created_at": rfc3339(notice.created_at),
            "attempts": [
                {"number": one.number, "outcome": one.outcome, "tried_at": rfc3339(one.tried_at)}
                for one in attempts
                if one.notice_id == notice.id
            ],
        }
        for notice in notices
    ]
