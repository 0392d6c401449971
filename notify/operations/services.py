"""Services, their keys, senders, guests and callbacks.  Spec: notify-api §12, §18, §20."""

import base64
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.errors import MessageRefused
from notify.events import Event
from notify.models.base import scope_of
from notify.models.callback import ServiceCallback
from notify.models.service import DEFAULT_PERMISSIONS, ApiKey, GuestListEntry, Sender, Service
from notify.operations.callbacks import DELIVERY_STATUS
from notify.standards.email_address import local_part, matched_form
from notify.standards.local_rules import COUNTRIES, UNITED_KINGDOM, LocalRules
from notify.standards.mailbox_address import InvalidMailboxAddress, mailbox_address
from notify.standards.phone_number import InvalidPhoneNumber, phone_number
from notify.standards.webhook_signature import PREFIX
from shared.web import gettext_noop

BEARER_CHARACTERS_MIN, BEARER_CHARACTERS_MAX = 10, 1_000
URL_CHARACTERS_MAX = 1_000


@dataclass(frozen=True)
class NewKey:
    """A key as it is shown once: `{name}-{service}-{secret}`."""

    id: uuid.UUID
    text: str = field(repr=False)


def register_service(
    notify: Notify, service_id: uuid.UUID, *, name: str, restricted: bool, actor: str, org_id: str | None = None, channel: str = "api"
) -> None:
    """Make a service, or leave the one there is; `org_id` names the organisation whose people work on it."""
    row = {
        "id": service_id,
        "name": name,
        "org_id": org_id,
        "active": True,
        "restricted": restricted,
        "permissions": list(DEFAULT_PERMISSIONS),
        "email_local_part": local_part(name),
        **asdict(COUNTRIES[notify.settings.new_service_country]),
        "created_at": notify.clock.now(),
    }
    with notify.transaction() as tx:
        if tx.connection.execute(insert(Service).values(row).on_conflict_do_nothing()).rowcount:
            data: dict[str, str | int | bool | list[str]] = {"restricted": restricted}
            tx.record(Event.SERVICE_REGISTERED, actor=actor, object_id=str(service_id), channel=channel, data=data)


def create_api_key(
    notify: Notify,
    service_id: uuid.UUID,
    *,
    name: str,
    kind: str,
    actor: str,
    secret: uuid.UUID | None = None,
    key_id: uuid.UUID | None = None,
) -> NewKey:
    """Make a key, or leave the one of the same id.  Raises: MessageRefused for a live key on trial."""
    secret, key_id = secret or notify.ids.uuid4(), key_id or notify.ids.uuid4()
    row = {
        "id": key_id,
        "service_id": service_id,
        "name": name,
        "kind": kind,
        "secret_sealed": notify.cipher.encrypt(str(secret), scope=scope_of(service_id)),
        "created_by": actor,
        "created_at": notify.clock.now(),
    }
    with notify.transaction() as tx:
        restricted = tx.connection.execute(select(Service.restricted).where(Service.id == service_id)).scalar_one()
        if restricted and kind == "normal":
            raise MessageRefused("A service in trial mode has no live keys")
        if tx.connection.execute(insert(ApiKey).values(row).on_conflict_do_nothing()).rowcount:
            tx.record(Event.API_KEY_CREATED, actor=actor, object_id=str(key_id), data={"service": str(service_id), "kind": kind})
    return NewKey(key_id, f"{name}-{service_id}-{secret}")


def add_sender(notify: Notify, service_id: uuid.UUID, sender_id: uuid.UUID, *, channel: str, value: str, is_default: bool) -> None:
    """Add a sender, or leave the one of the same id."""
    row = {
        "id": sender_id,
        "service_id": service_id,
        "channel": channel,
        "value": value,
        "is_default": is_default,
        "created_at": notify.clock.now(),
    }
    with notify.transaction() as tx:
        tx.connection.execute(insert(Sender).values(row).on_conflict_do_nothing())


def set_guest_list(notify: Notify, service_id: uuid.UUID, recipients: Iterable[str], *, actor: str) -> None:
    """Replace whom team keys and a service on trial may write to: email addresses, phone numbers, RUNs."""
    region = rules_of(notify, service_id).number_region
    wanted = {matched_recipient(recipient, region): recipient for recipient in recipients}
    rows = [
        {
            "id": notify.ids.uuid4(),
            "service_id": service_id,
            "recipient_sealed": notify.cipher.encrypt(given, scope=scope_of(service_id)),
            "recipient_index": notify.catalogue.index(matched),
            "created_at": notify.clock.now(),
        }
        for matched, given in wanted.items()
    ]
    with notify.transaction() as tx:
        tx.connection.execute(delete(GuestListEntry).where(GuestListEntry.service_id == service_id, GuestListEntry.is_team.is_(False)))
        if rows:
            tx.connection.execute(insert(GuestListEntry).values(rows).on_conflict_do_nothing())
        tx.record(Event.GUEST_LIST_CHANGED, actor=actor, object_id=str(service_id), data={"entries": len(rows)})


def set_contact_link(notify: Notify, service_id: uuid.UUID, link: str, *, actor: str) -> None:
    """Say where people who were sent a file can ask; with it a service may send files by email.  Raises: MessageRefused."""
    if not link.strip() or len(link) > 500:
        raise MessageRefused(gettext_noop("A contact is an address, a telephone number or a link of at most 500 characters"))
    changed = (Service.id == service_id) & Service.contact_link.is_distinct_from(link)
    with notify.transaction() as tx:
        if tx.connection.execute(update(Service).where(changed).values(contact_link=link)).rowcount:
            tx.record(Event.CONTACT_SET, actor=actor, object_id=str(service_id))
    notify.catalogue.forget()


def set_callback(
    notify: Notify, service_id: uuid.UUID, *, url: str, bearer: str, actor: str, kind: str = DELIVERY_STATUS, channel: str = "api"
) -> str:
    """Say where a service wants to be told of a kind of news; give the secret that calls are signed with, which stays.

    Raises: MessageRefused.
    """
    _check_callback(notify, url, bearer)
    scope, random = scope_of(service_id), notify.ids.token(32)
    secret = PREFIX + base64.b64encode(base64.urlsafe_b64decode(random + "=" * (-len(random) % 4))).decode()
    changes = {"url": url, "bearer_sealed": notify.cipher.encrypt(bearer, scope=scope)}
    sealed = notify.cipher.encrypt(secret, scope=scope)
    row = {"service_id": service_id, "kind": kind, **changes, "secret_sealed": sealed, "created_at": notify.clock.now()}
    kept = func.coalesce(ServiceCallback.secret_sealed, sealed)
    with notify.transaction() as tx:
        statement = insert(ServiceCallback).values(row)
        statement = statement.on_conflict_do_update(index_elements=["service_id", "kind"], set_={**changes, "secret_sealed": kept})
        standing = tx.connection.execute(statement.returning(ServiceCallback.secret_sealed)).scalar_one()
        tx.record(Event.CALLBACK_SET, actor=actor, object_id=str(service_id), channel=channel, data={"kind": kind})
    notify.catalogue.forget()
    return notify.cipher.decrypt(standing or sealed, scope=scope)


def _check_callback(notify: Notify, url: str, bearer: str) -> None:
    """Raises: MessageRefused for what no call could be made with."""
    if not url.startswith("https://") and not notify.settings.is_sandbox:
        raise MessageRefused("A callback address must be https")
    if len(url) > URL_CHARACTERS_MAX or not _is_address(url):
        raise MessageRefused("A callback address is one that can be called, of at most 1000 characters")
    if len(bearer) < BEARER_CHARACTERS_MIN:
        raise MessageRefused(f"A bearer token has at least {BEARER_CHARACTERS_MIN} characters")
    if len(bearer) > BEARER_CHARACTERS_MAX or not (bearer.isascii() and bearer.isprintable()):
        raise MessageRefused("A bearer token has only letters without accents, digits and signs")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        found = bool(parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0))
    except ValueError:
        return False
    return found and url.isascii() and url.isprintable() and " " not in url


def rules_of(notify: Notify, service_id: uuid.UUID) -> LocalRules:
    """Give the rules by which a service's numbers and addresses are read."""
    service = notify.catalogue.find_service(service_id)
    return service.rules if service else UNITED_KINGDOM


def matched_recipient(recipient: str, region: str = "GB") -> str:
    """Give the form recipients are compared in, whatever the channel."""
    if "@" in recipient:
        return matched_form(recipient)
    try:
        return mailbox_address(recipient)
    except InvalidMailboxAddress:
        pass
    try:
        return phone_number(recipient, region).e164
    except InvalidPhoneNumber:
        raise MessageRefused("A guest is an email address, a phone number or a RUN") from None
