"""Limits, notify-api §11."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from notify.context import Notify
from notify.models import Service
from notify.providers.limits import Limits, bucket_size
from shared.clock import FixedClock
from tests.factories.notify import VALUES, World, add_guest, make_world

pytestmark = pytest.mark.rule("notify", "§11")


def send(client: FlaskClient, world: World, kind: str = "normal", channel: str = "sms", **change: object) -> tuple[int, str]:
    body = {"phone_number": "07700900001", "template_id": str(world.templates[channel]), "personalisation": VALUES}
    if channel == "email":
        body["email_address"] = body.pop("phone_number").replace("07700900001", "a@b.com")
    answer = client.post(f"/v2/notifications/{channel}", json=body | change, headers=world.headers(kind))
    return answer.status_code, "" if answer.status_code == 201 else answer.json["errors"][0]["message"]


def change(world: World, **values: object) -> None:
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(**values))
    world.notify.catalogue.forget()


@pytest.mark.parametrize(("per_minute", "size"), [(3000, 1000), (1500, 501), (10, 5), (1, 2), (6000, 1000)])
def test_bucket_size(per_minute: int, size: int) -> None:
    assert bucket_size(per_minute) == size


@pytest.mark.parametrize(("kind", "name"), [("normal", "LIVE"), ("test", "TEST")])
def test_rate_is_per_key_type_and_refills(client: FlaskClient, world: World, clock: FixedClock, kind: str, name: str) -> None:
    change(world, rate_per_minute=6)  # a bucket of three, one more each ten seconds
    assert [send(client, world, kind)[0] for _ in range(3)] == [201, 201, 201]
    assert send(client, world, kind) == (429, f"Exceeded rate limit for key type {name} of 6 requests per 60 seconds")
    other = "test" if kind == "normal" else "normal"
    assert send(client, world, other)[0] == 201
    clock.advance(seconds=10)
    assert [send(client, world, kind)[0] for _ in range(2)] == [201, 429]


def test_the_rate_comes_before_the_body_and_reading_is_free(client: FlaskClient, world: World) -> None:
    change(world, rate_per_minute=1)
    url = "/v2/notifications/sms"
    assert [client.post(url, data=b"{", headers=world.headers()).status_code for _ in range(3)] == [400, 400, 429]
    answer = client.post(url, data=b"{", headers=world.headers())
    assert answer.json["errors"][0]["error"] == "RateLimitError"
    assert answer.headers["Retry-After"] == "60"
    assert client.get("/v2/templates", headers=world.headers()).status_code == 200


def test_daily_limit_is_per_channel_and_ends_at_midnight(client: FlaskClient, world: World, clock: FixedClock) -> None:
    change(world, daily_sms=2)
    assert [send(client, world)[0] for _ in range(2)] == [201, 201]
    assert send(client, world) == (429, "Exceeded send limits (sms: 2) for today")
    assert send(client, world, channel="email")[0] == 201
    clock.advance(seconds=8 * 3600)
    assert send(client, world)[0] == 201


def test_international_texts_have_a_limit_of_their_own(client: FlaskClient, world: World) -> None:
    change(world, daily_international_sms=1)
    assert send(client, world, phone_number="+33612345678")[0] == 201
    assert send(client, world, phone_number="+33612345678") == (429, "Exceeded send limits (international_sms: 1) for today")
    assert send(client, world)[0] == 201


def test_what_is_refused_or_sent_with_a_test_key_does_not_count(client: FlaskClient, world: World) -> None:
    change(world, daily_sms=1)
    assert send(client, world, "test")[0] == 201
    assert send(client, world, phone_number="999")[0] == 400
    assert send(client, world, phone_number="07700900111")[0] == 201  # a smoke recipient
    assert send(client, world)[0] == 201
    assert send(client, world)[0] == 429


def test_a_service_on_trial_sends_fifty_a_day(client: FlaskClient, notify: Notify) -> None:
    world = make_world(notify, restricted=True)
    add_guest(world, "447700900001")
    assert [send(client, world, "team")[0] for _ in range(50)] == [201] * 50
    assert send(client, world, "team") == (429, "Exceeded send limits (sms: 50) for today")


def test_redis_away_lets_pass(client: FlaskClient, world: World, notify: Notify) -> None:
    from redis import Redis

    notify.limits = Limits(Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2))
    change(world, rate_per_minute=0, daily_sms=1)
    assert [send(client, world)[0] for _ in range(2)] == [201, 201]


def test_the_figures_of_a_new_service(notify: Notify) -> None:
    world = make_world(notify)
    service = notify.catalogue.find_service(world.service_id)
    assert service is not None
    assert service.rate_per_minute == 3000
    daily = {name: service.daily[name] for name in ("email", "sms", "letter", "international_sms")}
    assert daily == {"email": 250_000, "sms": 250_000, "letter": 20_000, "international_sms": 100}
