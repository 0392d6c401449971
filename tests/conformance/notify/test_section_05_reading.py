"""Reading back, notify-api §5."""

import uuid
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from notify.context import Notify
from notify.models import Notification
from notify.standards.local_rules import BRITISH_CLOCK
from notify.standards.wire_time import estimated_delivery, wire_time
from shared.clock import FixedClock
from tests.factories.notify import World, add_notification, make_world

pytestmark = pytest.mark.rule("notify", "§5")
URL = "/v2/notifications"


def ids_of(client: FlaskClient, world: World, query: str = "", kind: str = "normal") -> list[str]:
    answer = client.get(URL + query, headers=world.headers(kind))
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["notifications"]]


@pytest.mark.rule("notify", "§5.1")
def test_one_has_every_field(client: FlaskClient, world: World) -> None:
    made = add_notification(world, "sms", to="07700900001", reference="r")
    template = world.templates["sms"]
    assert client.get(f"{URL}/{made}", headers=world.headers()).json == {
        "id": str(made),
        "reference": "r",
        "email_address": None,
        "phone_number": "07700900001",
        **{f"line_{n}": None for n in range(1, 7)},
        "postcode": None,
        "type": "sms",
        "status": "created",
        "template": {"id": str(template), "version": 1, "uri": f"http://localhost/v2/template/{template}/version/1"},
        "body": "Hola Camila: recibimos su pago de $14.500.",
        "subject": None,
        "created_at": "2026-06-08T16:00:00.000000Z",
        "created_by_name": None,
        "sent_at": None,
        "completed_at": None,
        "scheduled_for": None,
        "postage": None,
        "one_click_unsubscribe_url": None,
        "cost_details": {},
        "cost_in_pounds": None,
        "is_cost_data_ready": False,
        "cost": None,
    }


@pytest.mark.rule("notify", "§5.1")
def test_emails_cost_nothing_and_letters_say_when_they_come(client: FlaskClient, world: World) -> None:
    email = client.get(f"{URL}/{add_notification(world, 'email', to='a@b.com')}", headers=world.headers()).json
    assert (email["cost_details"], email["cost_in_pounds"], email["is_cost_data_ready"]) == ({}, 0.0, True)
    assert "estimated_delivery" not in email
    letter = client.get(f"{URL}/{add_notification(world, 'letter')}", headers=world.headers()).json
    assert letter["estimated_delivery"] == "2026-06-15T15:00:00.000000Z"  # made Monday, printed Tuesday, four working days
    failed = client.get(f"{URL}/{add_notification(world, 'letter', status='technical-failure')}", headers=world.headers()).json
    assert failed["cost_details"] == {"billable_sheets_of_paper": 0, "postage": "second"}


@pytest.mark.rule("notify", "§5.1", "§17")
@pytest.mark.parametrize(
    ("made", "arrives"),
    [
        ("2026-06-08T16:29:59Z", "2026-06-10T15:00:00.000000Z"),  # Monday, 17:29 in London
        ("2026-06-08T16:30:00Z", "2026-06-11T15:00:00.000000Z"),
        ("2026-06-09T23:30:00Z", "2026-06-12T15:00:00.000000Z"),  # half past midnight on Wednesday
        ("2026-01-12T17:29:59Z", "2026-01-14T16:00:00.000000Z"),
        ("2026-01-12T17:30:00Z", "2026-01-15T16:00:00.000000Z"),
    ],
)
def test_a_letter_arrives_by_the_clock_of_the_post(made: str, arrives: str) -> None:
    assert wire_time(estimated_delivery(datetime.fromisoformat(made), "first", BRITISH_CLOCK)) == arrives


@pytest.mark.rule("notify", "§5.1", "§17")
def test_letters_of_another_post_arrive_by_its_clock(client: FlaskClient, notify: Notify, clock: FixedClock) -> None:
    here = make_world(notify, number_region="CL", address_scheme="cl")
    clock.advance(seconds=4 * 3600)  # Monday, 21:00 in London, 16:00 in Santiago
    letter = client.get(f"{URL}/{add_notification(here, 'letter', postage='first')}", headers=here.headers()).get_json()
    assert letter["estimated_delivery"] == "2026-06-10T20:00:00.000000Z"


@pytest.mark.parametrize("kind", ["normal", "team", "test"])
def test_any_key_type_of_the_service_reads_any_of_its_messages(client: FlaskClient, world: World, kind: str) -> None:
    made = add_notification(world, "sms", kind="test")
    assert client.get(f"{URL}/{made}", headers=world.headers(kind)).status_code == 200


def test_another_services_message_is_not_found(client: FlaskClient, world: World, notify: Notify) -> None:
    made = add_notification(make_world(notify), "sms")
    for path in (f"{URL}/{made}", f"{URL}/{made}/pdf", f"{URL}/{uuid.uuid4()}"):
        answer = client.get(path, headers=world.headers())
        assert answer.json == {"status_code": 404, "errors": [{"error": "NoResultFound", "message": "No result found"}]}
    assert ids_of(client, world, f"?older_than={made}") == []


@pytest.mark.parametrize("path", ["/x", "/x/pdf"])
def test_a_bad_id(client: FlaskClient, world: World, path: str) -> None:
    answer = client.get(URL + path, headers=world.headers())
    assert answer.json["errors"] == [{"error": "ValidationError", "message": "notification_id is not a valid UUID"}]


def test_after_the_retention_it_is_gone(client: FlaskClient, world: World, clock: FixedClock) -> None:
    made = add_notification(world, "sms")
    clock.advance(seconds=timedelta(days=7, seconds=1).total_seconds())
    assert client.get(f"{URL}/{made}", headers=world.headers()).status_code == 404
    assert ids_of(client, world) == []


@pytest.mark.rule("notify", "§5.2")
def test_pages_follow_created_at_and_id_and_lose_nothing(client: FlaskClient, world: World, clock: FixedClock) -> None:
    made = [str(add_notification(world, "sms")) for _ in range(252)]  # all at one moment: only the id tells them apart
    clock.advance(seconds=1)
    made.append(str(add_notification(world, "sms")))
    first = client.get(URL, headers=world.headers()).json
    assert first["links"]["current"] == "http://localhost/v2/notifications"
    found = [item["id"] for item in first["notifications"]]
    assert len(found) == 250
    second = client.get(first["links"]["next"], headers=world.headers()).json
    found += [item["id"] for item in second["notifications"]]
    assert found == [made[-1], *sorted(made[:-1], reverse=True)]
    last = client.get(second["links"]["next"], headers=world.headers()).json
    assert last["notifications"] == []
    assert "next" not in last["links"]


@pytest.mark.rule("notify", "§5.2")
def test_the_next_link_keeps_the_filters(client: FlaskClient, world: World) -> None:
    made = add_notification(world, "sms", reference="a b&c")
    answer = client.get(URL, query_string={"reference": "a b&c", "status": ["created", "sending"]}, headers=world.headers()).json
    query = parse_qs(urlsplit(answer["links"]["next"]).query)
    assert query == {"reference": ["a b&c"], "status": ["created", "sending"], "older_than": [str(made)]}


@pytest.mark.rule("notify", "§5.2")
def test_only_the_callers_key_type_is_listed(client: FlaskClient, world: World) -> None:
    live, test = str(add_notification(world, "sms")), str(add_notification(world, "sms", kind="test"))
    assert ids_of(client, world) == [live]
    assert ids_of(client, world, kind="test") == [test]


@pytest.mark.rule("notify", "§5.2")
@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("?status=delivered", {"delivered"}),
        ("?status=failed", {"technical-failure", "temporary-failure", "permanent-failure"}),
        ("?status=accepted", {"created", "sending"}),
        ("?status=received", {"delivered"}),
        ("?status=created&status=delivered", {"created", "delivered"}),
        ("?template_type=email", set()),
        ("?template_type=email&template_type=sms&status=sending", {"sending"}),
        ("?include_jobs=True&status=pending", {"pending"}),
        ("?reference=nothing", set()),
        ("?reference=a%00b", set()),
    ],
)
def test_filters(client: FlaskClient, world: World, notify: Notify, query: str, statuses: set[str]) -> None:
    every = ["created", "sending", "delivered", "pending", "technical-failure", "temporary-failure", "permanent-failure"]
    by_id = {str(add_notification(world, "sms", status=status)): status for status in every}
    assert {by_id[found] for found in ids_of(client, world, query)} == statuses


@pytest.mark.rule("notify", "§5.2")
def test_mailbox_messages_and_templates_are_found_by_their_type_too(client: FlaskClient, world: World) -> None:
    made, text = str(add_notification(world, "mailbox", to="run:11111111-1")), str(add_notification(world, "sms"))
    assert ids_of(client, world, "?template_type=mailbox") == [made]
    assert set(ids_of(client, world, "?template_type=mailbox&template_type=sms")) == {made, text}
    listed = client.get("/v2/templates?type=mailbox", headers=world.headers()).get_json()["templates"]
    assert [each["id"] for each in listed] == [str(world.templates["mailbox"])]


@pytest.mark.rule("notify", "§3", "§5.2")
@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "?status=elephant",
            (
                "status elephant is not one of [cancelled, created, sending, sent, delivered, pending, failed, technical-failure, "
                "temporary-failure, permanent-failure, pending-virus-check, validation-failed, virus-scan-failed, returned-letter, "
                "accepted, received]"
            ),
        ),
        ("?template_type=Apple", "template_type Apple is not one of [sms, email, letter]"),
        ("?include_jobs=false", "include_jobs false is not one of [true, True]"),
        ("?older_than=x", "older_than is not a valid UUID"),
        ("?page=2", "Additional properties are not allowed (page was unexpected)"),
    ],
)
def test_a_bad_query(client: FlaskClient, world: World, query: str, message: str) -> None:
    answer = client.get(URL + query, headers=world.headers())
    assert answer.json == {"status_code": 400, "errors": [{"error": "ValidationError", "message": message}]}


@pytest.mark.rule("notify", "§5.3")
@pytest.mark.parametrize(
    ("channel", "status", "error", "message"),
    [
        ("sms", "created", "BadRequestError", "Notification is not a letter"),
        ("letter", "virus-scan-failed", "BadRequestError", "File did not pass the virus scan"),
        ("letter", "technical-failure", "BadRequestError", "PDF not available for letters in status technical-failure"),
        ("letter", "validation-failed", "BadRequestError", "PDF not available for letters in status validation-failed"),
        ("letter", "created", "PDFNotReadyError", "PDF not available yet, try again later"),
    ],
)
def test_no_pdf(client: FlaskClient, world: World, channel: str, status: str, error: str, message: str) -> None:
    made = add_notification(world, channel)
    with world.notify.db.begin() as connection:
        connection.execute(update(Notification).values(status=status))
    answer = client.get(f"{URL}/{made}/pdf", headers=world.headers())
    assert answer.json == {"status_code": 400, "errors": [{"error": error, "message": message}]}
