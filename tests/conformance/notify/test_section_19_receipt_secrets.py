"""Each provider proves its receipts by a secret of its own, which changes with an overlap; notify-api §19."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from notify.context import Notify
from notify.operations.receipt_secrets import OVERLAP, end_earlier, give_secret, list_tellers
from notify.providers.memory import MemorySms
from notify.providers.routing import Breaker, Route
from shared.clock import FixedClock
from shared.problems import NotFound
from tests.conformance.notify.test_section_19_whose_receipt import NORTE, OWN_SECRET, SUR, row_of, two
from tests.factories.notify import RECEIPT_SECRET, World, add_notification
from tests.unit.notify.standards.test_mail_reports import dsn

__all__ = ["two"]
pytestmark = pytest.mark.rule("notify", "§19")
Post = Callable[..., int]


@pytest.fixture
def post(client: FlaskClient, world: World) -> Post:
    """`post(secret, provider)` says of a new text of this provider that it was delivered; the status of the answer."""

    def posted(secret: str, provider: str = NORTE) -> int:
        made = add_notification(world, status="sending", provider=provider)
        body = {"reference": str(made), "status": "delivered"}
        answer = client.post(f"/receipts/sms/{provider}", json=body, headers={"X-Receipt-Secret": secret})
        assert row_of(world.notify, made).status == ("delivered" if answer.status_code == 200 else "sending")
        return answer.status_code

    return posted


def given(notify: Notify, provider: str = NORTE, channel: str = "sms") -> str:
    return give_secret(notify, channel, provider, actor="staff:x")


def test_a_new_secret_counts_at_once_and_the_one_before_for_a_week(
    notify: Notify, two: dict[str, MemorySms], post: Post, clock: FixedClock
) -> None:
    first = given(notify)
    assert [post(first), post(RECEIPT_SECRET), post("x"), post(first, SUR)] == [200, 200, 401, 401]
    clock.advance(seconds=OVERLAP.total_seconds())
    assert [post(first), post(RECEIPT_SECRET)] == [200, 401]
    second, third = given(notify), given(notify)
    assert len({first, second, third}) == 3
    assert [post(third), post(second), post(first)] == [200, 200, 200]
    clock.advance(seconds=OVERLAP.total_seconds())
    assert [post(third), post(second), post(first)] == [200, 401, 401]


def test_what_the_settings_said_of_a_provider_alone_counts_for_a_week_too(
    notify: Notify, two: dict[str, MemorySms], post: Post, clock: FixedClock
) -> None:
    own = given(notify, SUR)
    assert [post(own, SUR), post(OWN_SECRET, SUR), post(RECEIPT_SECRET, SUR)] == [200, 200, 401]
    clock.advance(seconds=OVERLAP.total_seconds())
    assert [post(own, SUR), post(OWN_SECRET, SUR)] == [200, 401]


def test_a_secret_that_leaked_is_ended_at_once(notify: Notify, two: dict[str, MemorySms], post: Post) -> None:
    with pytest.raises(NotFound):
        end_earlier(notify, "sms", NORTE, actor="staff:x")
    leaked = given(notify)
    new = given(notify)
    end_earlier(notify, "sms", NORTE, actor="staff:x")
    end_earlier(notify, "sms", NORTE, actor="staff:x")
    assert [post(new), post(leaked), post(RECEIPT_SECRET)] == [200, 401, 401]


def test_the_mail_system_has_its_own_too(client: FlaskClient, notify: Notify, clock: FixedClock) -> None:
    def status(secret: str) -> int:
        return client.post("/receipts/email", data=dsn(), headers={"X-Receipt-Secret": secret}).status_code

    own = given(notify, "mail-report", "email")
    assert [status(own), status(RECEIPT_SECRET), status("")] == [200, 200, 401]
    clock.advance(seconds=OVERLAP.total_seconds())
    assert [status(own), status(RECEIPT_SECRET)] == [200, 401]


def test_a_network_that_only_hands_in_texts_has_its_own(
    client: FlaskClient, notify: Notify, two: dict[str, MemorySms], clock: FixedClock
) -> None:
    own = given(notify, "mmg")
    clock.advance(seconds=OVERLAP.total_seconds())
    body = {"MSISDN": "447700900001", "Number": "07700900500", "Message": "Hola", "ID": "1"}
    answers = [client.post("/notifications/sms/receive/mmg", json=body, auth=("notify", secret)) for secret in (own, RECEIPT_SECRET)]
    assert [answer.status_code for answer in answers] == [200, 403]


def test_who_is_asked_for_receipts_proves_none_and_nobody_else_gets_a_secret(notify: Notify, two: dict[str, MemorySms]) -> None:
    asked = Route("smsc", MemorySms("smsc"), Breaker(notify.clock), is_asked=True)
    notify.sms_routes = (*notify.sms_routes, asked)
    assert [(one.provider, one.source) for one in list_tellers(notify)] == [
        ("mail-report", "shared"),
        (NORTE, "shared"),
        (SUR, "settings"),
        ("print", "shared"),
    ]
    for channel, provider in (("sms", "smsc"), ("sms", "print"), ("mailbox", "mailbox"), ("x" * 300, "\x00")):
        with pytest.raises(NotFound):
            give_secret(notify, channel, provider, actor="staff:x")


def test_a_secret_is_kept_as_a_hash_and_told_to_no_log(notify: Notify, two: dict[str, MemorySms]) -> None:
    made = given(notify)
    with notify.reading() as tx:
        (kept,) = tx.connection.execute(text("select digest from receipt_secrets where ends_at is null")).scalars()
        cores = " ".join(tx.connection.execute(text("select core from audit_entries")).scalars())
    assert len(kept) == 32
    assert made.encode() not in bytes(kept)
    assert "notify:receipt_secret:given" in cores
    assert made not in cores


def test_the_command_gives_lists_and_ends(app: Flask, two: dict[str, MemorySms], post: Post) -> None:
    run = app.test_cli_runner().invoke
    made = run(args=["notify", "give-receipt-secret", "sms", NORTE]).output.strip()
    assert [post(made), post(RECEIPT_SECRET)] == [200, 200]
    assert run(args=["notify", "end-earlier-receipt-secret", "sms", NORTE]).exit_code == 0
    assert [post(made), post(RECEIPT_SECRET)] == [200, 401]
    listed = run(args=["notify", "receipt-secrets"]).output
    assert f"sms     {NORTE:20}  own  since " in listed
    assert made not in listed
    for command in ("give-receipt-secret", "end-earlier-receipt-secret"):
        refused = run(args=["notify", command, "sms", "nobody"])
        assert (refused.exit_code, "There is no such provider" in refused.output) == (1, True)
