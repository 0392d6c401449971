"""Page tokens: what `next_url` carries; each opens the payer pages once and then holds the payer's session.

Only hashes are kept.  Spec: pay-api.md §6, §16, §20.
"""

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, ForeignKey, String, Table, bindparam, select, update

from pay.models.account import Account, account_of, gateway_accounts
from pay.models.base import metadata
from pay.models.payment import payment_of, payments
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Payment
from shared.crypto import DataKeys
from shared.db import UtcDateTime

TOKEN_LIFETIME = timedelta(days=7)
SESSION_LIFETIME = timedelta(minutes=90)

page_tokens = Table(
    "page_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, index=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
    Column("session_hash", String(64), unique=True),
    # `page` opens the payer pages, `auth` authorises once by API.
    Column("purpose", String(4), nullable=False, server_default="page"),
)


# Made once: making a statement takes longer than running it.
_USE = (
    update(page_tokens)
    .where(page_tokens.c.payment_id == payments.c.id)
    .where(page_tokens.c.token_hash == bindparam("of_hash"), page_tokens.c.used_at.is_(None), page_tokens.c.expires_at > bindparam("now"))
    .where(page_tokens.c.purpose == "page")
    .values(used_at=bindparam("now"), session_hash=bindparam("to_session"))
    .returning(page_tokens.c.payment_id, payments.c.language)
)
_IN_SESSION = (
    select(payments, gateway_accounts)
    .join(page_tokens, page_tokens.c.payment_id == payments.c.id)
    .join(gateway_accounts, gateway_accounts.c.id == payments.c.account_id)
    .where(
        page_tokens.c.session_hash == bindparam("of_session"),
        page_tokens.c.payment_id == bindparam("of_payment"),
        page_tokens.c.used_at > bindparam("since"),
    )
)


def use_token(connection: Connection, token_hash: str, session_hash: str, now: datetime) -> tuple[PaymentId, str] | None:
    """Use up a token and open a session under it; return its payment and that one's language, None when it is unknown, used or too old."""
    found = connection.execute(_USE, {"of_hash": token_hash, "to_session": session_hash, "now": now}).one_or_none()
    return None if found is None else (PaymentId(found[0]), found[1])


def find_in_session(
    connection: Connection, cipher: DataKeys, payment_id: PaymentId, session_hash: str, now: datetime
) -> tuple[Payment, Account] | None:
    """Return the payment that a session is open for, and its account; None where no such session is."""
    asked = {"of_session": session_hash, "of_payment": payment_id, "since": now - SESSION_LIFETIME}
    row = connection.execute(_IN_SESSION, asked).one_or_none()
    if row is None:
        return None
    size = len(payments.c)
    return payment_of(dict(zip(payments.c.keys(), row[:size], strict=True)), cipher), account_of(row[size:])


def use_auth_token(connection: Connection, token_hash: str, now: datetime) -> tuple[PaymentId, bool] | None:
    """Use up a one-time token of `/v1/auth`; return its payment and whether it was used before.  None when it is unknown or too old."""
    statement = select(page_tokens).where(page_tokens.c.token_hash == token_hash, page_tokens.c.purpose == "auth").with_for_update()
    row = connection.execute(statement).one_or_none()
    if row is None or row.expires_at <= now:
        return None
    if row.used_at is None:
        connection.execute(update(page_tokens).where(page_tokens.c.token_hash == token_hash).values(used_at=now))
    return PaymentId(row.payment_id), row.used_at is not None
