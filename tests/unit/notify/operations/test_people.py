"""Writing to a person by the channel that person wants, with another where it does not arrive.  Spec: requirements NO-13, NO-15."""

import base64
import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, text, update

from notify.context import Notify
from notify.models import Template
from notify.models.base import scope_of
from notify.models.mailbox_message import MailboxMessage
from notify.operations.mailbox import get_file
from notify.operations.mailbox_reminders import Wish, find_wish, keep_wish
from notify.operations.person_sends import follow_person_sends
from notify.operations.preferences import Preference, find_preference, forget_preference, keep_preference
from notify.operations.receipts import apply_receipt
from notify.routes.mailbox_pages import PAGE_SIZE
from notify.standards.mailbox_proof import content_hash
from notify.standards.statuses import Channel
from shared.audit.entries import SCOPE
from shared.auth import Caller
from shared.clock import FixedClock
from shared.problems import InvalidRequest, NotFound
from tests.factories.notify import ADDRESS, VALUES, World, add_guest
from tests.factories.notify_console import sign_in, soup, submit
from tests.factories.notify_fixtures import RunJobs

RUN = "11111111-1"
CAMILA = Caller("portal", "abcdefgh12345678", frozenset(), {"run": RUN})
PATH = "/v2/notifications/person"
CHANNELS = "templates needs at least one of [email, sms, letter, mailbox] and nothing else"


def asked(world: World, *channels: str, **more: Any) -> dict[str, Any]:
    templates = {channel: str(world.templates[channel]) for channel in channels or ("email", "sms", "mailbox")}
    return {"person": RUN, "templates": templates, "personalisation": VALUES, "reference": "caso-1"} | more


def sent(client: FlaskClient, world: World, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = client.post(PATH, json=body, headers=world.headers() | headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        ("run:11111111-1", "cl-run:11111111-1"),
        ("abcdefgh12345678", "pairwise:abcdefgh12345678"),
        ("pairwise:abcdefgh1", "pairwise:abcdefgh1"),
    ],
)
def test_the_log_names_a_person_as_all_logs_do(notify: Notify, subject: str, named: str) -> None:
    caller = Caller("portal", subject, frozenset(), {"run": RUN})
    keep_preference(notify, caller, Preference((Channel.MAILBOX,)))
    forget_preference(notify, caller)
    with notify.reading() as tx:
        kept = tx.connection.execute(text("SELECT subject FROM audit_sides WHERE subject IS NOT NULL")).scalars().all()
    assert {notify.cipher.decrypt(bytes(each), scope=SCOPE) for each in kept} == {named}


def wish(notify: Notify, *channels: Channel, email: str = "", phone: str = "") -> None:
    keep_preference(notify, CAMILA, Preference(channels, email, phone))


@pytest.mark.rule("notify", "§4")
def test_the_same_request_is_answered_the_same_though_the_ways_have_changed(client: FlaskClient, world: World, notify: Notify) -> None:
    first = sent(client, world, asked(world), **{"Idempotency-Key": "k"})
    with notify.db.begin() as connection:
        connection.execute(update(Template).values(archived=True))
    notify.catalogue.forget()
    assert sent(client, world, asked(world), **{"Idempotency-Key": "k"}) == first


@pytest.mark.rule("notify", "§13")
def test_an_address_is_found_however_its_keys_are_written(client: FlaskClient, world: World) -> None:
    address = {key.replace("_", " ").upper(): line for key, line in ADDRESS.items()}
    assert sent(client, world, asked(world, "letter", personalisation=VALUES | address))["channel"] == "letter"


@pytest.mark.rule("notify", "§4")
def test_the_persons_wish_decides_then_what_is_usual(client: FlaskClient, world: World, notify: Notify) -> None:
    assert sent(client, world, asked(world))["channel"] == "mailbox"
    assert sent(client, world, asked(world, "email", "sms", email_address="c@example.com"))["channel"] == "email"
    wish(notify, Channel.SMS, phone="+447700900003")
    made = sent(client, world, asked(world))
    assert made["channel"] == "sms"
    shown = client.get(f"/v2/notifications/{made['id']}", headers=world.headers()).get_json()
    assert (shown["type"], shown["phone_number"], shown["reference"]) == ("sms", "+447700900003", "caso-1")
    # No template for the wanted channel: the next that leads to the person.
    assert sent(client, world, asked(world, "email", "mailbox"))["channel"] == "mailbox"
    letter = asked(world, "letter", personalisation=VALUES | ADDRESS)
    assert sent(client, world, letter)["channel"] == "letter"
    forget_preference(notify, CAMILA)
    assert find_preference(notify, CAMILA) is None


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"person": "11111111-2"}, 400, "person Not a valid RUN or subject identifier"),
        ({"templates": {}}, 400, "templates needs at least one of [email, sms, letter, mailbox] and nothing else"),
        (
            {"templates": {"fax": str(uuid.UUID(int=1))}},
            400,
            "templates needs at least one of [email, sms, letter, mailbox] and nothing else",
        ),
        ({"templates": {"sms": "x"}}, 400, "templates is not a valid UUID"),
        ({"templates": {"sms": str(uuid.UUID(int=1))}}, 400, "Template not found"),
        ({"email_address": "x"}, 400, "email_address Not a valid email address"),
        ({"fall_back": "no"}, 400, "fall_back no is not of type boolean"),
        ({"other": 1}, 400, "Additional properties are not allowed (other was unexpected)"),
        ({"personalisation": {}}, 400, "Missing personalisation: name, amount"),
    ],
)
def test_what_is_wrong_is_said(client: FlaskClient, world: World, change: dict[str, Any], status: int, message: str) -> None:
    answer = client.post(PATH, json=asked(world) | change, headers=world.headers())
    assert (answer.status_code, answer.get_json()["errors"][0]["message"]) == (status, message)


def test_who_cannot_be_reached_is_told_to_the_service(client: FlaskClient, world: World) -> None:
    answer = client.post(PATH, json=asked(world, "email", "sms"), headers=world.headers())
    assert answer.get_json()["errors"][0]["message"] == "There is no template for a channel on which this person can be reached"
    wrong = asked(world, "sms") | {"templates": {"email": str(world.templates["sms"])}}
    assert "not suitable" in client.post(PATH, json=wrong, headers=world.headers()).get_json()["errors"][0]["message"]


def test_on_trial_only_the_teams_own_addresses_are_written_to(client: FlaskClient, world: World, notify: Notify) -> None:
    wish(notify, Channel.EMAIL, email="camila@example.com")
    refused = client.post(PATH, json=asked(world), headers=world.headers("team"))
    assert refused.status_code == 400
    add_guest(world, "camila@example.com")
    assert client.post(PATH, json=asked(world), headers=world.headers("team")).status_code == 201


def test_a_message_that_failed_is_followed_by_one_on_the_next_channel_once(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    wish(notify, Channel.SMS, phone="+447700900003")
    first = sent(client, world, asked(world))
    run_jobs()
    assert apply_receipt(notify, uuid.UUID(first["id"]), "permanent-failure", provider="memory", channel=Channel.SMS) == "changed"
    assert follow_person_sends(notify) == 0  # looked at after ten minutes
    clock.advance(seconds=601)
    assert follow_person_sends(notify) == 1
    assert follow_person_sends(notify) == 0
    found = client.get("/v2/notifications?reference=caso-1", headers=world.headers()).get_json()["notifications"]
    assert [(each["type"], each["status"]) for each in found] == [("mailbox", "created"), ("sms", "permanent-failure")]
    run_jobs()
    clock.advance(seconds=601)
    assert follow_person_sends(notify) == 0  # it arrived, and nothing is left to try
    with notify.reading() as tx:
        assert tx.connection.execute(text("select count(*) from person_sends")).scalar_one() == 0


def test_a_message_that_arrived_or_is_not_to_be_followed_is_left_alone(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    sent(client, world, asked(world, email_address="c@example.com"))
    wish(notify, Channel.SMS, phone="+447700900003")
    alone = sent(client, world, asked(world, fall_back=False))
    run_jobs()
    apply_receipt(notify, uuid.UUID(alone["id"]), "permanent-failure", provider="memory", channel=Channel.SMS)
    clock.advance(seconds=601)
    assert follow_person_sends(notify) == 0
    with notify.reading() as tx:
        assert tx.connection.execute(text("select count(*) from person_sends")).scalar_one() == 0


def test_the_same_key_is_answered_as_the_first_time(client: FlaskClient, world: World, notify: Notify) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = sent(client, world, asked(world), **key)
    wish(notify, Channel.SMS, phone="+447700900003")
    assert sent(client, world, asked(world), **key) == first
    assert client.post(PATH, json=asked(world, reference="other"), headers=world.headers() | key).status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        Preference((Channel.EMAIL,)),
        Preference((Channel.SMS,)),
        Preference((Channel.EMAIL,), email="x"),
        Preference((Channel.SMS,), phone="12"),
    ],
)
def test_a_wish_that_leads_nowhere_is_refused(notify: Notify, wrong: Preference) -> None:
    with pytest.raises(InvalidRequest):
        keep_preference(notify, CAMILA, wrong)


def test_a_persons_number_is_read_as_people_write_it_where_this_runs(notify: Notify) -> None:
    notify.settings = replace(notify.settings, new_service_country="CL")
    keep_preference(notify, CAMILA, Preference((Channel.SMS,), phone="9 1234 5678"))
    keep_wish(notify, CAMILA, Wish("sms", "912345678"))
    assert find_preference(notify, CAMILA) == Preference((Channel.SMS,), phone="+56912345678")
    assert find_wish(notify, CAMILA) == Wish("sms", "56912345678")


def test_addresses_of_people_stand_encrypted(notify: Notify) -> None:
    wish(notify, Channel.EMAIL, email="camila@example.com")
    with notify.reading() as tx:
        rows = tx.connection.execute(text("select sealed, person_index from person_preferences")).all()
    assert len(rows) == 2  # by subject and by RUN
    assert not any(b"camila" in bytes(part) for row in rows for part in row)


def test_the_person_reads_the_mailbox_and_chooses_the_way_on_pages(
    app: Flask, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs
) -> None:
    files = [{"file": base64.b64encode(b"a,b\n1,2\n").decode(), "filename": "detalle.csv"}]
    body = {"recipient": "citizen-sub-1", "template_id": str(world.templates["mailbox"]), "personalisation": VALUES, "attachments": files}
    made = client.post("/v2/notifications/mailbox", json=body, headers=world.headers())
    assert made.status_code == 201, made.text
    run_jobs()
    person, at = sign_in(app, sub="citizen-sub-1"), f"/mailbox/{made.get_json()['id']}"
    assert "Recibo de Camila" in person.get("/mailbox").text
    closed = person.get(at)
    assert "recibimos" not in closed.text
    assert person.get(at + "/files/0").status_code == 404  # not before it is opened
    assert submit(person, at + "/open", page=at).status_code == 303
    shown = soup(person.get(at))
    assert "recibimos su pago" in shown.select_one(".message").text  # type: ignore[union-attr]
    file = person.get(at + "/files/0")
    assert (file.data, file.headers["Content-Disposition"]) == (b"a,b\n1,2\n", "attachment; filename=detalle.csv")
    assert person.get(at + "/files/1").status_code == 404
    assert sign_in(app, sub="another-person-1").get(at).status_code == 404

    wanted = "/mailbox/preferences"
    assert submit(person, wanted, {"channel": "sms"}).status_code == 422
    assert submit(person, wanted, {"channel": "email", "email": "no"}).status_code == 422
    assert submit(person, wanted, {"channel": "fax"}).status_code == 422
    assert submit(person, wanted, {"channel": "email", "email": "camila@example.com"}).status_code == 303
    to_her = sent(client, world, asked(world) | {"person": "citizen-sub-1"})
    assert to_her["channel"] == "email"
    assert submit(person, wanted, {"forget": "1"}).status_code == 303
    assert sent(client, world, asked(world) | {"person": "citizen-sub-1"})["channel"] == "mailbox"


def test_files_are_part_of_the_proof() -> None:
    assert content_hash("a", "b", "c") != content_hash("a", "b", "c", [b"file"])
    assert content_hash("a", "b", "c", [b"file"]) != content_hash("a", "b", "c", [b"other"])


def test_nobody_gets_anothers_file(notify: Notify) -> None:
    with pytest.raises(NotFound):
        get_file(notify, CAMILA, uuid.uuid4(), 0)


@pytest.mark.rule("notify", "NO-13")
def test_the_mailbox_page_goes_on_to_the_oldest_message(app: Flask, world: World, notify: Notify) -> None:
    with notify.transaction() as tx:
        for number in range(PAGE_SIZE + 1):
            content = {"subject": f"Carta {number:02}.", "body": "", "from": "Registro"}
            row = {
                "notification_id": notify.ids.uuid7(),
                "service_id": world.service_id,
                "person_index": notify.catalogue.index("pairwise:citizen-sub-1"),
                "sealed": notify.cipher.encrypt(json.dumps(content), scope=scope_of(world.service_id)),
                "created_at": notify.clock.now(),
            }
            tx.connection.execute(insert(MailboxMessage).values(row))
    person = sign_in(app, sub="citizen-sub-1")
    first = soup(person.get("/mailbox"))
    assert "Carta 50." in first.text
    assert "Carta 00." not in first.text
    following = str(first.select_one("main a[rel=next]")["href"])  # type: ignore[index]
    last = soup(person.get(following))
    assert len(last.select("main tbody tr")) == 1
    assert "Carta 00." in last.text
    assert last.select_one("main a[rel=next]") is None
    assert last.select_one("main nav a[href='/mailbox']") is not None
    assert sign_in(app, sub="another-person-1").get(following).status_code == 404
    assert person.get("/mailbox?older_than=x").status_code == 404
