"""Documents, attachments and letters in a bucket: kept before they are accepted, read from it, forgotten in it, moved to it and back."""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, insert, select, update

from notify.context import Notify
from notify.models import Document, LetterFile, MailboxMessage, MessageAttachment, Notification, Service
from notify.operations.files import move_files
from notify.operations.retention import keep_days
from notify.operations.shorter_retention import forget_for_shorter
from notify.settings import Settings
from shared.clock import FixedClock
from shared.files import FileGone, InBucket
from shared.ids import SeededIds
from shared.settings import Secret, SettingsError
from tests.conformance.notify.test_section_04_precompiled import GOOD
from tests.conftest import NOON
from tests.factories.buckets import S3Server, s3
from tests.factories.notify import World, add_template, make_world, settings
from tests.factories.notify_fixtures import RunJobs

__all__ = ["s3"]

PDF = b"%PDF-1.5 testpdf"
EVERY = "\uffff"
KINDS = {"documents", "attachments", "letters"}


def into_bucket(notify: Notify, server: S3Server, **changes: object) -> InBucket:
    """Set a bucket of its own; give it."""
    about = {
        "files_in": "s3",
        "files_url": server.make_bucket(),
        "files_key_id": Secret(server.key_id),
        "files_secret": Secret(server.secret),
    }
    set_to(notify, outbound_private_hosts=(server.private_host,), **(about | changes))
    assert notify.bucket is not None
    return InBucket(notify.bucket)


def set_to(notify: Notify, **changes: Any) -> None:
    notify.settings = replace(notify.settings, **changes)
    for kept in ("files", "bucket", "http"):
        notify.__dict__.pop(kept, None)


def at(notify: Notify, moment: datetime) -> None:
    """Move the clock, and with it the time that ids say."""
    notify.clock = FixedClock(moment)
    notify.ids = notify.ids if isinstance(notify.ids, SeededIds) else SeededIds()
    notify.ids._milliseconds = int(moment.timestamp() * 1000)


def names(store: InBucket) -> list[str]:
    return [name for kind in sorted(KINDS) for name in store.names(f"{kind}/", before=EVERY)]


def held(notify: Notify) -> set[bytes]:
    """What the columns hold."""
    with notify.reading() as tx:
        columns = (Document.content_sealed, MessageAttachment.sealed, LetterFile.pdf_sealed)
        return {row for column in columns for row in tx.connection.execute(select(column)).scalars()}


@dataclass
class Sent:
    """One file of each kind, accepted; `check` reads them as people and machines do."""

    client: FlaskClient
    world: World
    document: str
    letter: str

    def check(self, notify: Notify, run_jobs: RunJobs) -> None:
        assert self.client.get(self.document).data == PDF
        assert self.client.get(f"/v2/notifications/{self.letter}/pdf", headers=self.world.headers()).data == GOOD
        run_jobs()
        mail = notify.email.messages[-1]  # type: ignore[attr-defined]  # the memory of tests
        assert [(file.filename, file.content) for file in mail.attachments] == [("datos.csv", b"a,b")]


def attach(client: FlaskClient, world: World) -> Any:
    template = add_template(world, "email", body="Hola", subject="Archivo")
    files = [{"file": base64.b64encode(b"a,b").decode(), "filename": "datos.csv"}]
    body = {"email_address": "camila@example.com", "template_id": str(template), "attachments": files}
    return client.post("/v2/notifications/email", json=body, headers=world.headers())


@pytest.fixture
def send(client: FlaskClient, notify: Notify, run_jobs: RunJobs) -> Callable[[], Sent]:
    def sent() -> Sent:
        world = make_world(notify, permissions=["email", "sms", "letter", "precompiled_letter"])
        letter = client.post(
            "/v2/notifications/letter", json={"reference": "r", "content": base64.b64encode(GOOD).decode()}, headers=world.headers()
        )
        assert letter.status_code == 201, letter.json
        run_jobs()  # looked into and printed
        path = f"/services/{world.service_id}/documents"
        made = client.post(path, json={"document": base64.b64encode(PDF).decode(), "filename": "x.pdf"}, headers=world.headers())
        assert attach(client, world).status_code == 201
        parts = urlsplit(made.json["document"]["direct_file_url"])
        return Sent(client, world, f"{parts.path}?{parts.query}", letter.json["id"])

    return sent


def test_files_are_in_the_bucket_alone_and_sealed(notify: Notify, s3: S3Server, send: Callable[[], Sent], run_jobs: RunJobs) -> None:
    store = into_bucket(notify, s3)
    sent = send()
    assert held(notify) == {b""}
    assert [name.partition("/")[0] for name in names(store)] == sorted(KINDS)
    for name in names(store):
        content = store.read(name, b"")
        assert not any(clear in content for clear in (PDF, base64.b64encode(PDF), b"%PDF", b"a,b", b"datos.csv"))
    sent.check(notify, run_jobs)


def test_files_move_to_the_bucket_and_back_and_are_read_all_the_while(
    notify: Notify, s3: S3Server, send: Callable[[], Sent], run_jobs: RunJobs
) -> None:
    sent = send()
    store = into_bucket(notify, s3)
    sent.check(notify, run_jobs)  # not moved yet
    assert move_files(notify) == dict.fromkeys(KINDS, 1)
    assert (held(notify), len(names(store))) == ({b""}, 3)
    sent = send()  # and the files that came later
    sent.check(notify, run_jobs)
    assert move_files(notify) == dict.fromkeys(KINDS, 0)
    set_to(notify, files_in="database")
    sent.check(notify, run_jobs)  # not moved back yet
    assert move_files(notify) == dict.fromkeys(KINDS, 2)
    assert (b"" in held(notify), names(store)) == (False, [])
    set_to(notify, files_url="")
    sent.check(notify, run_jobs)


def test_moving_stops_at_a_file_that_is_lost_and_goes_on_after_it_is_back(notify: Notify, s3: S3Server, send: Callable[[], Sent]) -> None:
    store = into_bucket(notify, s3)
    send()
    (lost,) = store.names("attachments/", before=EVERY)
    content = store.read(lost, b"")
    store.forget([lost])
    set_to(notify, files_in="database")
    with pytest.raises(FileGone, match=lost):
        move_files(notify)
    store.keep(lost, content)
    assert sum(move_files(notify).values()) >= 1
    assert (b"" in held(notify), names(store)) == (False, [])


def test_nothing_is_accepted_while_the_bucket_is_away(client: FlaskClient, notify: Notify, world: World, s3: S3Server) -> None:
    into_bucket(notify, s3, files_secret=Secret("of another"))
    refused = attach(client, world)
    assert (refused.status_code, b"another" in refused.data) == (503, False)
    assert refused.headers["Retry-After"]
    with notify.reading() as tx:
        assert tx.connection.execute(select(func.count()).select_from(MessageAttachment)).scalar_one() == 0


def test_a_job_waits_for_the_bucket(notify: Notify, s3: S3Server, send: Callable[[], Sent], run_jobs: RunJobs) -> None:
    into_bucket(notify, s3)
    send()
    secret = notify.settings.files_secret
    set_to(notify, files_secret=Secret("of another"))
    run_jobs()
    assert notify.email.messages == []  # type: ignore[attr-defined]  # the memory of tests
    set_to(notify, files_secret=secret)
    at(notify, NOON + timedelta(minutes=10))
    run_jobs()
    assert len(notify.email.messages) == 1  # type: ignore[attr-defined]  # likewise


@pytest.mark.rule("notify", "§11")
def test_what_was_kept_long_enough_goes_from_the_bucket(notify: Notify, s3: S3Server, send: Callable[[], Sent]) -> None:
    store = into_bucket(notify, s3)
    at(notify, NOON)
    send()
    at(notify, NOON + timedelta(days=3))
    keep_days(notify)
    assert len(names(store)) == 3
    at(notify, NOON + timedelta(days=10))
    fresh = send()
    keep_days(notify)
    left = names(store)  # a message lives for a week here, a document for half a year
    assert [name.partition("/")[0] for name in left] == ["attachments", "documents", "documents", "letters"]
    assert f"letters/{fresh.letter}" in left
    at(notify, NOON + timedelta(days=700))
    keep_days(notify)
    assert names(store) == []


@pytest.mark.rule("notify", "§11", "§20")
def test_what_one_service_keeps_for_less_goes_from_the_bucket_and_the_others_stays(
    notify: Notify, s3: S3Server, send: Callable[[], Sent]
) -> None:
    store = into_bucket(notify, s3)
    at(notify, NOON)
    brief, other = send(), send()
    with notify.db.begin() as connection:
        own = Service.id == brief.world.service_id
        connection.execute(update(Service).where(own).values(retention={"letter": 3, "email": 3}))
    at(notify, NOON + timedelta(days=5, hours=14))  # two in the morning in Santiago
    keep_days(notify)
    forget_for_shorter(notify)
    left = names(store)
    assert [name.partition("/")[0] for name in left] == ["attachments", "documents", "documents", "letters"]
    assert f"letters/{other.letter}" in left
    with notify.reading() as tx:
        assert len(tx.connection.execute(select(LetterFile.notification_id)).all()) == 1
        assert len(tx.connection.execute(select(MessageAttachment.notification_id)).all()) == 1
        assert set(tx.connection.execute(select(Notification.service_id)).scalars()) == {other.world.service_id}


@pytest.mark.rule("notify", "§11")
def test_files_of_the_mailbox_stay_and_those_of_failed_requests_go(notify: Notify, s3: S3Server, send: Callable[[], Sent]) -> None:
    store = into_bucket(notify, s3)
    at(notify, NOON)
    send()
    with notify.db.begin() as connection:
        message_id = connection.execute(select(MessageAttachment.notification_id)).scalar_one()
        service_id = connection.execute(select(Notification.service_id).where(Notification.id == message_id)).scalar_one()
        row = {"notification_id": message_id, "service_id": service_id, "person_index": b"x", "sealed": b"x"}
        connection.execute(insert(MailboxMessage).values(row | {"created_at": NOON, "content_sha256": "0" * 64}))
    kept, failed = f"attachments/{message_id}/0", f"attachments/{uuid.UUID(int=message_id.int + 1)}/0"
    store.keep(failed, b"x")
    keep_days(notify)
    assert list(store.names("attachments/", before=EVERY)) == [kept, failed]  # the request may be under way
    for days in (2, 400):
        at(notify, NOON + timedelta(days=days))
        keep_days(notify)
        assert list(store.names("attachments/", before=EVERY)) == [kept]
    with notify.db.begin() as connection:
        connection.execute(delete(MailboxMessage))
    keep_days(notify)
    assert names(store) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"files_in": "s3"}, "NOTIFY_FILES_URL"),
        ({"files_url": "https://s3.example.cl/b"}, "NOTIFY_FILES_SECRET"),
        ({"files_url": "https://s3.example.cl/b", "files_key_id": Secret("x")}, "NOTIFY_FILES_SECRET"),
    ],
)
def test_a_bucket_that_is_half_described_keeps_notify_from_starting(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        settings("postgresql://h/d", "redis://h", **changes)


@pytest.mark.parametrize(
    "address",
    ["s3://bucket", "https://s3.example.cl", "https://s3.example.cl/", "https://key:secret@s3.example.cl/b", "ñ", "https://h/b?x=1"],
)
def test_an_address_that_names_no_bucket_is_refused(address: str) -> None:
    from dataclasses import fields

    (field,) = [each for each in fields(Settings) if each.name == "files_url"]
    assert "bucket" in str(field.metadata["check"](address))
    assert field.metadata["check"]("https://s3.example.cl/b/folder") is None
