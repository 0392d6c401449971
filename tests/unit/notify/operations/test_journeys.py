"""What follows a message belongs to the journey that the message came with."""

import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text, update

from notify.context import Notify
from notify.models.preference import PersonSend
from notify.operations.mailbox_reminders import Wish, keep_wish
from notify.operations.person_sends import follow_person_sends
from notify.operations.preferences import Preference, keep_preference
from notify.operations.reminders import send_due_reminders
from notify.providers.base import RecipientRefused
from notify.standards.statuses import Channel
from shared import trace
from shared.auth import Caller
from shared.clock import FixedClock
from tests.factories.notify import VALUES, World
from tests.factories.notify_fixtures import RunJobs

JOURNEY, PERIODIC = "journey-of-camila", "notify-00000007"
RUN = "11111111-1"
CAMILA = Caller("portal", "s", frozenset(), {"run": RUN})
pytestmark = pytest.mark.rule("notify", "NO-13", "NO-14", "NO-15")


def asked(client: FlaskClient, world: World, path: str, body: dict[str, object]) -> None:
    answer = client.post(path, json={"personalisation": VALUES} | body, headers=world.headers() | {"X-Journey-Id": JOURNEY})
    assert answer.status_code == 201, answer.text


def journeys(notify: Notify, action: str) -> list[tuple[str, bool]]:
    """Give the journeys of an action's audit rows, in their order, and whether each names a request."""
    with notify.reading() as tx:
        cores = tx.connection.execute(text("select core from audit_entries order by entry_id")).scalars().all()
    found = [core for core in map(json.loads, cores) if core["action"] == action]
    return [(core.get("journey_id", ""), "request_id" in core) for core in found]


def three_ways(client: FlaskClient, world: World, notify: Notify) -> None:
    """Write to a person by e-mail, then by text, both refused, then into the mailbox."""
    keep_preference(notify, CAMILA, Preference((Channel.EMAIL, Channel.SMS), "camila@example.com", "+447700900003"))
    for provider in (notify.email, notify.sms):
        provider.faults.append(RecipientRefused("nobody"))  # type: ignore[attr-defined]  # those in memory
    templates = {name: str(world.templates[name]) for name in ("email", "sms", "mailbox")}
    asked(client, world, "/v2/notifications/person", {"person": RUN, "templates": templates})


def follow(notify: Notify) -> int:
    """Look as the periodic job does, which has a journey of its own."""
    with trace.working_on("", PERIODIC):
        return follow_person_sends(notify)


def test_each_next_channel_goes_on_with_the_journey_of_the_first(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    three_ways(client, world, notify)
    for _ in range(2):
        run_jobs()
        clock.advance(seconds=601)
        assert follow(notify) == 1
    run_jobs()
    assert journeys(notify, "notify:notification:accepted") == [(JOURNEY, True)] * 3
    assert journeys(notify, "notify:notification:went_on") == [(JOURNEY, True)] * 2
    assert journeys(notify, "notify:mailbox_message:placed") == [(JOURNEY, True)]


def test_what_an_earlier_release_left_waiting_goes_on_in_the_journey_of_who_looks(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    three_ways(client, world, notify)
    run_jobs()
    with notify.db.begin() as connection:
        connection.execute(update(PersonSend).values(request_id="", journey_id=""))
    clock.advance(seconds=601)
    assert follow(notify) == 1
    assert journeys(notify, "notify:notification:went_on") == [(PERIODIC, False)]


def test_a_reminder_of_a_date_goes_on_with_the_journey_that_set_it(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    day = (clock.now() + timedelta(days=10)).date().isoformat()
    reminder = {"template_id": str(world.templates["sms"]), "phone_number": "07700900003", "date": day, "days_before": [1]}
    asked(client, world, "/v2/reminders", reminder)
    clock.advance(seconds=10 * 24 * 3600)
    with trace.working_on("", PERIODIC):
        assert send_due_reminders(notify) == 1
    run_jobs()
    for action in ("notify:reminder:sent", "notify:notification:accepted", "notify:notification:handed_over"):
        assert journeys(notify, action) == [(JOURNEY, True)]


def test_a_reminder_of_the_mailbox_goes_on_with_the_journey_of_its_message(
    client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
) -> None:
    keep_wish(notify, CAMILA, Wish("email", "camila@example.com", after_days=1))
    asked(client, world, "/v2/notifications/mailbox", {"template_id": str(world.templates["mailbox"]), "recipient": RUN})
    run_jobs()
    clock.advance(seconds=24 * 3600 + 1)
    run_jobs()
    assert journeys(notify, "notify:mailbox_message:reminded") == [(JOURNEY, True)]
