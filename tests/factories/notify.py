"""Rows of notify, valid by default; these call no operation of notify."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from notify.context import Notify
from notify.models import ApiKey, BulkJob, GuestListEntry, Notification, Sender, Service, ServiceCallback, Template, TemplateVersion
from notify.models.base import RECIPIENT_INDEX, scope_of
from notify.models.service import DEFAULT_PERMISSIONS
from notify.settings import Settings
from notify.standards.service_jwt import sign
from shared.settings import Secret
from tests.factories.settings import common

PUBLIC_URL = "http://localhost"
RECEIPT_SECRET = "receipt-secret-of-tests"
NAMES = {"email": "Recibo por correo", "sms": "Recibo por mensaje", "letter": "Recibo por carta", "mailbox": "Recibo en la casilla"}
BODIES = {
    "email": "# Hola ((name))\r\n\r\nRecibimos su pago de ((amount)).",
    "sms": "Hola ((name)): recibimos su pago de ((amount)).",
    "letter": "Hola ((name)):\n\nRecibimos su pago de ((amount)).",
    "mailbox": "Hola ((name)): recibimos su pago de ((amount)).",
}
PROVIDERS = {"sms": "gateway", "email": "smtp", "letter": "print", "mailbox": "mailbox"}
"""Who is set up where nothing else is said."""
NEVER_LEFT = frozenset({"created", "pending-virus-check", "cancelled", "validation-failed", "virus-scan-failed"})
VALUES = {"name": "Camila", "amount": "$14.500"}
ADDRESS = {"address_line_1": "Camila Soto", "address_line_2": "Los Aromos 12", "address_line_3": "SW1 1AA"}


def settings(database_url: str, redis_url: str, **changes: Any) -> Settings:
    values = common("notify", PUBLIC_URL, database_url, redis_url) | {
        "receipt_secret": Secret(RECEIPT_SECRET),
        "email_domain": "notify.example.com",
        "delivery_threads": 1,
    }
    return Settings(**(values | changes))


@dataclass
class World:
    """A service with all that it needs, and the ids a test names."""

    notify: Notify
    service_id: uuid.UUID = field(default_factory=uuid.uuid4)
    secrets: dict[str, str] = field(default_factory=dict)
    key_ids: dict[str, uuid.UUID] = field(default_factory=dict)
    templates: dict[str, uuid.UUID] = field(default_factory=dict)

    def token(self, kind: str = "normal", *, at: datetime | None = None) -> str:
        return sign(str(self.service_id), self.secrets[kind], (at or self.notify.clock.now()).timestamp())

    def headers(self, kind: str = "normal") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(kind)}"}


def make_world(notify: Notify, *, restricted: bool = False, **service: Any) -> World:
    world = World(notify)
    row = {
        "id": world.service_id,
        "name": "Colegio Las Araucarias",
        "restricted": restricted,
        "permissions": list(DEFAULT_PERMISSIONS),
        "email_local_part": "colegio.las.araucarias",
        "created_at": notify.clock.now(),
    }
    with notify.db.begin() as connection:
        connection.execute(insert(Service), row | service)
    for kind in ("normal", "team", "test"):
        add_key(world, kind)
    for channel in BODIES:
        world.templates[channel] = add_template(world, channel)
    return world


def add_key(world: World, kind: str, *, revoked_at: datetime | None = None, label: str | None = None) -> str:
    """A key; its secret is kept under `label`, else under its kind."""
    secret, key_id = str(uuid.uuid4()), uuid.uuid4()
    row = {
        "id": key_id,
        "service_id": world.service_id,
        "name": kind,
        "kind": kind,
        "secret_sealed": world.notify.cipher.encrypt(secret, scope=scope_of(world.service_id)),
        "created_by": "test",
        "created_at": world.notify.clock.now(),
        "revoked_at": revoked_at,
    }
    with world.notify.db.begin() as connection:
        connection.execute(insert(ApiKey), row)
    world.secrets[label or kind], world.key_ids[label or kind] = secret, key_id
    world.notify.catalogue.forget()
    return secret


def add_template(
    world: World, channel: str, *, body: str | None = None, subject: str | None = "Recibo de ((name))", **facts: Any
) -> uuid.UUID:
    template_id, now = uuid.uuid4(), world.notify.clock.now()
    row = {"id": template_id, "service_id": world.service_id, "channel": channel, "version": 1, "archived": False, "created_at": now}
    words = {
        "template_id": template_id,
        "version": 1,
        "name": NAMES[channel],
        "subject": None if channel == "sms" else subject,
        "body": BODIES[channel] if body is None else body,
        "postage": "second" if channel == "letter" else None,
        "contact_block": None,
        "has_unsubscribe_link": False,
        "created_by": "editor@example.com",
        "created_at": now,
    }
    with world.notify.db.begin() as connection:
        connection.execute(insert(Template), row | {name: value for name, value in facts.items() if name in row})
        connection.execute(insert(TemplateVersion), words | {name: value for name, value in facts.items() if name in words})
    world.notify.catalogue.forget()
    return template_id


def add_sender(world: World, channel: str, value: str, *, is_default: bool = False) -> uuid.UUID:
    sender_id = uuid.uuid4()
    row = {"id": sender_id, "service_id": world.service_id, "channel": channel, "value": value, "is_default": is_default}
    with world.notify.db.begin() as connection:
        connection.execute(insert(Sender), row | {"created_at": world.notify.clock.now()})
    world.notify.catalogue.forget()
    return sender_id


def add_guest(world: World, matched: str) -> None:
    row = {
        "id": uuid.uuid4(),
        "service_id": world.service_id,
        "recipient_sealed": world.notify.cipher.encrypt(matched, scope=scope_of(world.service_id)),
        "recipient_index": world.notify.cipher.blind_index(matched, purpose=RECIPIENT_INDEX),
        "created_at": world.notify.clock.now(),
    }
    with world.notify.db.begin() as connection:
        connection.execute(insert(GuestListEntry), row)
    world.notify.catalogue.forget()


def add_callback(world: World, url: str, bearer: str = "bearer-of-tests") -> None:
    row = {
        "service_id": world.service_id,
        "kind": "delivery_status",
        "url": url,
        "bearer_sealed": world.notify.cipher.encrypt(bearer, scope=scope_of(world.service_id)),
        "created_at": world.notify.clock.now(),
    }
    with world.notify.db.begin() as connection:
        connection.execute(insert(ServiceCallback), row)
    world.notify.catalogue.forget()


def add_notification(world: World, channel: str = "sms", *, to: str = "07700900001", kind: str = "normal", **facts: Any) -> uuid.UUID:
    """A notification as if it had been accepted, and taken by the provider that is set up where its status says so; no job is enqueued."""
    notify = world.notify
    matched = {"sms": "44" + to[1:], "email": to.lower()}.get(channel, to)
    sealed = {"to": to, "matched": matched, "values": VALUES | (ADDRESS if channel == "letter" else {}), "unsubscribe_url": None}
    row = {
        "id": notify.ids.uuid7(),
        "service_id": world.service_id,
        "api_key_id": world.key_ids[kind],
        "key_kind": kind,
        "channel": channel,
        "template_id": world.templates[channel],
        "template_version": 1,
        "status": "created",
        "sealed": notify.cipher.encrypt(json.dumps(sealed), scope=scope_of(world.service_id)),
        "recipient_index": notify.cipher.blind_index(matched, purpose=RECIPIENT_INDEX),
        "postage": "second" if channel == "letter" else None,
        "provider": None if facts.get("status", "created") in NEVER_LEFT else PROVIDERS[channel],
        "created_at": notify.clock.now(),
    }
    with notify.db.begin() as connection:
        connection.execute(insert(Notification), row | facts)
    identifier: uuid.UUID = row["id"]  # type: ignore[assignment]  # made just above
    return identifier


def add_jobs(world: World, number: int) -> list[uuid.UUID]:
    """Bulk jobs as if they had run, newest first; pairs of them were made at the same moment."""
    facts = {
        "service_id": world.service_id,
        "api_key_id": world.key_ids["normal"],
        "channel": "sms",
        "template_id": world.templates["sms"],
        "template_version": 1,
        "columns": ["phone number"],
        "state": "finished",
        "total": 1,
    }
    moments = [world.notify.clock.now() - timedelta(minutes=at // 2) for at in range(number)]
    named = [{"id": uuid.uuid4(), "name": f"{at}.csv", "created_at": moment, "updated_at": moment} for at, moment in enumerate(moments)]
    with world.notify.db.begin() as connection:
        connection.execute(insert(BulkJob), [facts | each for each in named])
    return [each for _, each in sorted(((each["created_at"], each["id"]) for each in named), reverse=True)]  # type: ignore[misc]  # as made above
