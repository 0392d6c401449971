"""Each provider has a secret of its own by which it proves its receipts: made here, shown once, changed with an overlap.

Where a provider was given none, what the settings say counts: its own in the list of providers, else the one that all such share, with
which each of them could speak for every other.  Spec: notify-api §19.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, insert, select, text, update

from notify.context import Notify
from notify.events import Event
from notify.models.receipt_secret import PURPOSE, ReceiptSecret
from notify.operations.mail_reports import PROVIDER as MAIL_SYSTEM
from notify.operations.receipt_addresses import agreed_secret
from notify.standards.statuses import Channel
from shared.problems import NotFound
from shared.web import gettext_noop

OVERLAP = timedelta(days=7)
"""For so long the secret before counts too: time enough to set the new one at the provider's."""
NETWORKS = ("mmg", "firetext")
"""Who may hand us texts of people without sending any for us."""


class Source(StrEnum):
    """Where a provider's secret comes from."""

    OWN = "own"
    SETTINGS = "settings"
    SHARED = "shared"
    NONE = "none"


@dataclass(frozen=True)
class Teller:
    """Who tells of messages and how it proves itself: since when by its newest secret, until when an earlier one counts too."""

    channel: Channel
    provider: str
    source: Source
    since: datetime | None = None
    earlier_until: datetime | None = None


def list_tellers(notify: Notify) -> list[Teller]:
    """Give all that may tell of messages over HTTP, those without a secret too; one that was taken away, while its secret is kept."""
    now = notify.clock.now()
    with notify.reading() as tx:
        rows = tx.connection.execute(select(ReceiptSecret.__table__)).all()
    kept = {(Channel(row.channel), row.provider): row.created_at for row in rows if row.ends_at is None}
    ends = {(Channel(row.channel), row.provider): row.ends_at for row in rows if row.ends_at is not None and row.ends_at > now}
    named = dict.fromkeys([*_set_up(notify), *sorted(kept)])
    return [Teller(*key, Source.OWN if key in kept else _source(notify, *key), kept.get(key), ends.get(key)) for key in named]


def give_secret(notify: Notify, channel: str, provider: str, *, actor: str, secret: str | None = None, via: str = "console") -> str:
    """Give a provider a new secret, to be shown now and never again; what it had counts until the overlap ends.  Raises: NotFound."""
    known = _named(notify, channel, provider)
    made, now = secret or notify.ids.token(), notify.clock.now()
    with notify.transaction() as tx:
        tx.connection.execute(text("LOCK TABLE receipt_secrets IN SHARE ROW EXCLUSIVE MODE"))  # two at once would both be the newest
        own = (ReceiptSecret.channel == known) & (ReceiptSecret.provider == provider)
        tx.connection.execute(delete(ReceiptSecret).where(own, ReceiptSecret.ends_at <= now))
        rows = [_row(notify, known, provider, made, actor)]
        before = tx.connection.execute(update(ReceiptSecret).where(own, ReceiptSecret.ends_at.is_(None)).values(ends_at=now + OVERLAP))
        if not before.rowcount and (agreed := agreed_secret(notify, known, provider)):
            rows.append(_row(notify, known, provider, agreed, actor) | {"ends_at": now + OVERLAP})
        tx.connection.execute(insert(ReceiptSecret), rows)
        tx.record(Event.RECEIPT_SECRET_GIVEN, actor=actor, object_id=provider, channel=via, data={"channel": known.value})
    notify.catalogue.forget()
    return made


def end_earlier(notify: Notify, channel: str, provider: str, *, actor: str, via: str = "console") -> None:
    """Let nothing but the newest secret of a provider count from now on: an earlier one is known to whom it should not.

    Raises: NotFound where it has none of its own.
    """
    known, now = _named(notify, channel, provider), notify.clock.now()
    own = (ReceiptSecret.channel == known) & (ReceiptSecret.provider == provider)
    with notify.transaction() as tx:
        if tx.connection.execute(select(ReceiptSecret.id).where(own, ReceiptSecret.ends_at.is_(None))).one_or_none() is None:
            raise NotFound(gettext_noop("This provider has no secret of its own yet. Give it one first."))
        if tx.connection.execute(delete(ReceiptSecret).where(own, ReceiptSecret.ends_at > now)).rowcount:
            tx.record(Event.RECEIPT_SECRET_ENDED, actor=actor, object_id=provider, channel=via, data={"channel": known.value})
    notify.catalogue.forget()


def _set_up(notify: Notify) -> list[tuple[Channel, str]]:
    """Name who may tell of messages by itself; who is asked, over a connection of ours, proves nothing."""
    texts = [(Channel.SMS, route.name) for route in notify.sms_routes if not route.is_asked]
    letters = [(Channel.LETTER, route.name) for route in notify.print_routes if not route.is_asked]
    return [(Channel.EMAIL, MAIL_SYSTEM), *texts, *letters]


def _named(notify: Notify, channel: str, provider: str) -> Channel:
    """Raises: NotFound."""
    allowed = [*_set_up(notify), *((Channel.SMS, network) for network in NETWORKS)]
    found = next((key for key in allowed if key == (channel, provider)), None)
    if found is None:
        raise NotFound(gettext_noop("There is no such provider."))
    return found[0]


def _source(notify: Notify, channel: Channel, provider: str) -> Source:
    agreed = agreed_secret(notify, channel, provider)
    if not agreed:
        return Source.NONE
    return Source.SHARED if agreed == notify.settings.receipt_secret.reveal() else Source.SETTINGS


def _row(notify: Notify, channel: Channel, provider: str, secret: str, actor: str) -> dict[str, object]:
    return {
        "id": notify.ids.uuid4(),
        "channel": channel.value,
        "provider": provider,
        "digest": notify.cipher.blind_index(secret, purpose=PURPOSE),
        "created_by": actor,
        "created_at": notify.clock.now(),
        "ends_at": None,
    }
