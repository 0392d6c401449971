"""What is ours beside the contract's sends: idempotency keys, cancelling, what a 429 tells."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text, update

from notify.context import Notify
from notify.models import Service
from notify.providers.memory import MemorySms
from shared.clock import FixedClock
from tests.factories.notify import ADDRESS, VALUES, World, add_notification, make_world
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§4")


def sms(client: FlaskClient, world: World, key: str | None = None, kind: str = "normal", **changes: Any) -> Any:
    body = {"phone_number": "07700900001", "template_id": str(world.templates["sms"]), "personalisation": VALUES} | changes
    headers = world.headers(kind) | ({"Idempotency-Key": key} if key is not None else {})
    return client.post("/v2/notifications/sms", json=body, headers=headers)


def count(notify: Notify) -> int:
    with notify.reading() as tx:
        return int(tx.connection.execute(text("select count(*) from notifications")).scalar_one())


class TestIdempotency:
    def test_the_same_twice_is_one_message_and_one_answer(self, client: FlaskClient, world: World, notify: Notify) -> None:
        first, second = sms(client, world, "k-1", reference="r"), sms(client, world, "k-1", reference="r")
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json == second.json
        assert count(notify) == 1

    def test_another_body_with_the_key_is_refused_and_another_key_is_another_message(
        self, client: FlaskClient, world: World, notify: Notify
    ) -> None:
        sms(client, world, "k-1")
        assert sms(client, world, "k-1", reference="other").status_code == 409
        assert sms(client, world, "k-2").status_code == 201
        assert count(notify) == 2

    def test_a_refusal_is_not_kept(self, client: FlaskClient, world: World) -> None:
        assert sms(client, world, "k-1", personalisation={}).status_code == 400
        assert sms(client, world, "k-1").status_code == 201

    @pytest.mark.parametrize("key", ["", "x" * 256, "ñ"])
    def test_keys_that_are_none(self, client: FlaskClient, world: World, key: str) -> None:
        assert sms(client, world, key).status_code == 400

    def test_services_do_not_share_keys(self, client: FlaskClient, world: World, notify: Notify) -> None:
        other = make_world(notify)
        assert sms(client, world, "k").json["id"] != sms(client, other, "k").json["id"]

    def test_at_the_same_moment_too(self, app: Flask, world: World, notify: Notify) -> None:
        found: list[Any] = []
        threads = [threading.Thread(target=lambda: found.append(sms(app.test_client(), world, "k"))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert {answer.status_code for answer in found} == {201}
        assert len({answer.json["id"] for answer in found}) == 1
        assert count(notify) == 1

    def test_what_was_done_is_told_after_its_moment_too(self, client: FlaskClient, world: World, clock: FixedClock) -> None:
        at = (clock.now() + timedelta(hours=1)).isoformat()
        first = sms(client, world, "k", scheduled_for=at)
        clock.advance(seconds=2 * 3600)
        second = sms(client, world, "k", scheduled_for=at)
        assert (second.status_code, second.json) == (201, first.json)
        assert sms(client, world, "other", scheduled_for=at).status_code == 400

    @pytest.mark.parametrize("limits", [{"daily_sms": 1, "daily_letter": 1}, {"rate_per_minute": 0}])
    def test_a_repeat_is_no_message_more(self, client: FlaskClient, notify: Notify, limits: dict[str, int]) -> None:
        world = make_world(notify, **limits)
        first = sms(client, world, "k")
        assert (sms(client, world, "other").status_code, sms(client, world, "k").json) == (429, first.json)

    def test_a_repeat_of_a_letter_that_comes_as_a_file_is_none_more(self, client: FlaskClient, notify: Notify) -> None:
        world, body = make_world(notify, daily_letter=1), {"reference": "r", "content": "JVBERi0="}

        def send(key: str) -> Any:
            return client.post("/v2/notifications/letter", json=body, headers=world.headers() | {"Idempotency-Key": key})

        first = send("k")
        assert (first.status_code, send("other").status_code, send("k").json) == (201, 429, first.json)

    def test_nothing_of_the_answer_stands_readable(self, client: FlaskClient, world: World, notify: Notify) -> None:
        sms(client, world, "k")
        with notify.reading() as tx:
            assert "Camila" not in str(tx.connection.execute(text("select result::text from idempotency_keys")).scalar_one())

    def test_letters_that_come_as_files_too(self, client: FlaskClient, world: World) -> None:
        headers = world.headers() | {"Idempotency-Key": "k"}
        body = {"reference": "r", "content": "JVBERi0="}
        ids = {client.post("/v2/notifications/letter", json=body, headers=headers).json["id"] for _ in range(2)}
        assert len(ids) == 1


class TestCancelling:
    def cancel(self, client: FlaskClient, world: World, made: object) -> Any:
        return client.post(f"/v2/notifications/{made}/cancel", headers=world.headers())

    def test_a_scheduled_message_waits_and_can_be_cancelled(
        self, client: FlaskClient, world: World, notify: Notify, clock: FixedClock, run_jobs: RunJobs
    ) -> None:
        assert isinstance(notify.sms, MemorySms)
        at = (clock.now() + timedelta(hours=2)).isoformat()
        stays, goes = sms(client, world, scheduled_for=at).json["id"], sms(client, world, scheduled_for=at).json["id"]
        run_jobs()
        assert notify.sms.calls == 0
        cancelled = self.cancel(client, world, stays)
        assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
        assert self.cancel(client, world, stays).status_code == 200
        clock.advance(seconds=2 * 3600)
        run_jobs()
        assert [message.reference for message in notify.sms.messages] == [goes]
        assert self.cancel(client, world, goes).json["errors"][0]["error"] == "BadRequestError"

    def test_a_letter_until_its_cut_off(self, client: FlaskClient, world: World, clock: FixedClock) -> None:
        early, late = add_notification(world, "letter"), add_notification(world, "letter")
        assert self.cancel(client, world, early).json["status"] == "cancelled"
        clock.advance(seconds=3600)  # 18:00 in London, 13:00 in Santiago
        assert self.cancel(client, world, late).status_code == 400
        here = make_world(world.notify, number_region="CL", address_scheme="cl")
        assert self.cancel(client, here, add_notification(here, "letter", created_at=clock.now())).json["status"] == "cancelled"
        evening = add_notification(here, "letter", created_at=clock.now())
        clock.advance(seconds=5 * 3600)
        assert self.cancel(client, here, evening).status_code == 400

    def test_what_has_left_and_what_is_not_ours(self, client: FlaskClient, world: World, notify: Notify) -> None:
        assert self.cancel(client, world, add_notification(world, status="sending")).status_code == 400
        assert self.cancel(client, world, add_notification(world)).status_code == 400
        assert self.cancel(client, make_world(notify), add_notification(world, "letter")).status_code == 404
        assert self.cancel(client, world, "x").status_code == 400

    def test_the_allowance_comes_back(self, client: FlaskClient, notify: Notify) -> None:
        world = make_world(notify, daily_letter=1)
        body = {"template_id": str(world.templates["letter"]), "personalisation": VALUES | ADDRESS}

        def send() -> Any:
            return client.post("/v2/notifications/letter", json=body, headers=world.headers())

        made = send().json["id"]
        assert send().status_code == 429
        self.cancel(client, world, made)
        assert send().status_code == 201


class TestWaiting:
    pytestmark = pytest.mark.rule("notify", "§11")

    def test_a_rate_tells_when_there_is_room(self, client: FlaskClient, notify: Notify) -> None:
        world = make_world(notify, rate_per_minute=0)
        assert sms(client, world).status_code == 201
        refused = sms(client, world)
        assert refused.status_code == 429
        told = {name: refused.headers[name] for name in ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Policy")}
        assert told == {"Retry-After": "60", "RateLimit-Limit": "0", "RateLimit-Remaining": "0", "RateLimit-Policy": "0;w=60"}

    def test_a_day_tells_until_midnight(self, client: FlaskClient, world: World, notify: Notify) -> None:
        with notify.db.begin() as connection:
            connection.execute(update(Service).values(daily_sms=1))
        notify.catalogue.forget()
        assert sms(client, world).status_code == 201
        refused = sms(client, world)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(8 * 3600))
