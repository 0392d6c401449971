"""Status lists of consents: an entry for each, drawn at random, and the signed list when it is fetched.  Spec: wallet contract §13."""

import base64
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.orm import Session

from wallet.context import Wallet
from wallet.errors import StatusListNotFound
from wallet.models.consent import Consent, ConsentState
from wallet.models.status_list import StatusList, newest_list
from wallet.operations.keys import signing_key
from wallet.standards import status_list
from wallet.standards.status_list import Status

SIZE = 1 << 17
BITS = 2
FILL_MAX = 0.5
"""How full a list gets before the next one is begun: below it a random draw is free in two tries."""
LOCK = 0x73746174  # "stat": one maker of lists at a time
DRAWS_MAX = 64


def draw_entry(wallet: Wallet, session: Session) -> tuple[int, int]:
    """Return list and index of a new consent: random among the free, never given twice (TS3).  The list is locked until the commit."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    row = newest_list(session)
    if row is None or row.used >= row.size * FILL_MAX:
        row = StatusList(number=row.number + 1 if row else 1, size=SIZE, used=0, is_stale=True)
        session.add(row)
    for _ in range(DRAWS_MAX):
        index = int.from_bytes(_random(wallet, 4), "big") % row.size
        taken = select(func.count()).select_from(Consent).where(Consent.status_list == row.number, Consent.status_idx == index)
        if not session.scalar(taken):
            row.used, row.is_stale = row.used + 1, True
            session.flush()
            return row.number, index
    raise RuntimeError("no free entry was found in a list that is at most half full")


def list_uri(wallet: Wallet, number: int) -> str:
    """Return the address of a list."""
    return f"{wallet.settings.public_url}/status/consents/{number}"


def aggregation_uri(wallet: Wallet) -> str:
    """Return the address of the list of lists (TS6)."""
    return f"{wallet.settings.public_url}/status/consents"


def list_numbers(wallet: Wallet) -> list[int]:
    """Return the numbers of all lists."""
    with wallet.reading() as tx:
        return list(tx.session.scalars(select(StatusList.number).order_by(StatusList.number)))


def signed_list(wallet: Wallet, number: int) -> tuple[str, datetime]:
    """Return the newest token of a list and when it was signed.

    Made anew at once when a state changed, and from time to time because consents end by the clock.  Raises: StatusListNotFound.
    """
    now = wallet.clock.now()
    with wallet.reading() as tx:
        row = tx.session.get(StatusList, number)
    if row is None:
        raise StatusListNotFound("No list has this number.")
    if _serves(wallet, row, now) and row.token and row.signed_at:
        return row.token, row.signed_at
    key = signing_key(wallet, "status-list")
    with wallet.transaction() as tx:
        row = tx.session.get(StatusList, number, with_for_update=True)
        if row is None:
            raise StatusListNotFound("No list has this number.")
        if not _serves(wallet, row, now) or row.token is None or row.signed_at is None:
            signed_at = max(now, row.signed_at + timedelta(seconds=1)) if row.signed_at and row.is_stale else now  # `iat` grows (TS8)
            row.token = status_list.sign_list(
                status_list.pack(_statuses(tx.session, number, now), size=row.size, bits=BITS),
                bits=BITS,
                uri=list_uri(wallet, number),
                signed_at=signed_at,
                ttl_seconds=wallet.settings.status_list_ttl_seconds,
                aggregation_uri=aggregation_uri(wallet),
                key=key,
            )
            row.signed_at, row.is_stale = signed_at, False
        return row.token, row.signed_at


def _serves(wallet: Wallet, row: StatusList, now: datetime) -> bool:
    if row.is_stale or row.signed_at is None:
        return False
    return now < row.signed_at + timedelta(seconds=wallet.settings.status_list_ttl_seconds / 2)


def _statuses(session: Session, number: int, now: datetime) -> dict[int, int]:
    """Return the entries that are not VALID, judged against the clock."""
    ended = or_(Consent.state.not_in((ConsentState.ACTIVE, ConsentState.SUSPENDED)), Consent.valid_until <= now)
    paused = and_(Consent.state == ConsentState.SUSPENDED, Consent.valid_until > now)
    here = Consent.status_list == number
    rows = session.execute(select(Consent.status_idx, ended).where(here, or_(ended, paused)))
    return {index: Status.INVALID if is_over else Status.SUSPENDED for index, is_over in rows if index is not None}


def _random(wallet: Wallet, count: int) -> bytes:
    return base64.urlsafe_b64decode(wallet.ids.token(count) + "==")[:count]
