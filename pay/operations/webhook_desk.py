"""Webhooks from the console: add, switch off, see each attempt, send again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from pay.context import Pay
from pay.events import OnboardingAction, WebhookAction, WebhookEvent
from pay.models.account import Account
from pay.models.webhook import MessageState, webhook_attempts, webhook_messages, webhooks
from pay.operations.announcements import JOB
from pay.operations.onboarding import NewWebhook, add_webhook
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.staff_powers import StaffMember
from shared.problems import NotFound

SHOWN_MAX = 100


@dataclass(frozen=True)
class KnownWebhook:
    """A webhook without its key."""

    id: str
    callback_url: str
    subscriptions: tuple[str, ...]
    status: str
    created_at: datetime


@dataclass(frozen=True)
class Message:
    """A message with how its last attempt went."""

    id: str
    event_type: str
    payment_id: str | None
    state: str
    attempts: int
    created_at: datetime
    last_status: int | None
    last_error: str | None
    last_at: datetime | None


def list_webhooks(pay: Pay, account: Account) -> list[KnownWebhook]:
    """Return the webhooks of an account, oldest first."""
    c = webhooks.c
    statement = select(c.id, c.callback_url, c.subscriptions, c.status, c.created_at).where(c.account_id == account.id)
    with pay.reading() as tx:
        rows = tx.connection.execute(statement.order_by(c.created_at, c.id)).all()
    return [KnownWebhook(row.id, row.callback_url, tuple(row.subscriptions), row.status, row.created_at) for row in rows]


def add_account_webhook(pay: Pay, staff: StaffMember, account: Account, url: str, events: tuple[WebhookEvent, ...]) -> str:
    """Have an account's messages sent to an address; returns the signing key, which is shown once.  Raises: ValueError."""
    signing_key = f"webhook_{'live' if account.is_live else 'test'}_{pay.ids.pick(ALPHABET, LENGTH)}"
    webhook = NewWebhook(id=pay.ids.pick(ALPHABET, LENGTH), callback_url=url, signing_key=signing_key, events=events)
    add_webhook(pay, account.id, webhook, actor=staff.actor)
    return signing_key


def switch_webhook(pay: Pay, staff: StaffMember, account: Account, webhook_id: str, *, on: bool) -> None:
    """Switch a webhook on or off.  Raises: NotFound."""
    status = "ACTIVE" if on else "INACTIVE"
    with pay.transaction() as tx:
        statement = update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.account_id == account.id).values(status=status)
        if not tx.connection.execute(statement).rowcount:
            raise NotFound
        tx.record(OnboardingAction.WEBHOOK_SWITCHED, actor=staff.actor, object_id=webhook_id, channel="console", data={"status": status})


def list_messages(pay: Pay, account: Account, webhook_id: str) -> list[Message]:
    """Return the last messages of a webhook, newest first, each with its last attempt."""
    m, a = webhook_messages.c, webhook_attempts.c
    last = select(a.message_id, func.max(a.number).label("number")).group_by(a.message_id).subquery()
    statement = (
        select(m.id, m.event_type, m.payment_id, m.state, m.attempts, m.created_at, a.response_status, a.error, a.created_at.label("tried"))
        .join(webhooks, webhooks.c.id == m.webhook_id)
        .outerjoin(last, last.c.message_id == m.id)
        .outerjoin(webhook_attempts, (a.message_id == m.id) & (a.number == last.c.number))
        .where(m.webhook_id == webhook_id, webhooks.c.account_id == account.id)
        .order_by(m.created_at.desc(), m.id)
        .limit(SHOWN_MAX)
    )
    with pay.reading() as tx:
        return [Message(*row) for row in tx.connection.execute(statement)]


def replay_message(pay: Pay, staff: StaffMember, account: Account, message_id: str) -> None:
    """Send a message again that was given up or not sent; others are left alone.  Raises: NotFound."""
    m = webhook_messages.c
    statement = (
        select(m.state, m.attempts)
        .join(webhooks, webhooks.c.id == m.webhook_id)
        .where(m.id == message_id, webhooks.c.account_id == account.id)
        .with_for_update(of=webhook_messages)
    )
    with pay.transaction() as tx:
        found = tx.connection.execute(statement).one_or_none()
        if found is None:
            raise NotFound
        if found.state == MessageState.PENDING.value:
            return
        tx.connection.execute(update(webhook_messages).where(m.id == message_id).values(state=MessageState.PENDING.value))
        tx.record(WebhookAction.REPLAYED, actor=staff.actor, object_id=message_id, channel="console")
        tx.enqueue(JOB, {"message_id": message_id, "number": found.attempts + 1})
