"""Events to bodies: their form, push, poll, and the life of a stream.  Spec: wallet contract §11; RFC 8417, 8935, 8936; SSF 1.0."""

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from joserfc.jwk import ECKey

from shared.http import Outbound
from shared.tasks import Job, RetryLater
from tests.factories.wallet import CONSUMER, PROVIDER, PUBLIC_URL, RUN, STRANGER, World
from tests.unit.wallet.routes.test_delegations import PARENT, acting_browser, appoint, post
from wallet.operations.consents import withdraw
from wallet.operations.signals import push_event
from wallet.standards import signing
from wallet.standards.acting import Power
from wallet.standards.security_event import RETRY_SECONDS, TYP
from wallet.tasks import jobs

POLL, PUSH = "urn:ietf:rfc:8936", "urn:ietf:rfc:8935"
SCOPES = {CONSUMER: "wallet:consents", STRANGER: "wallet:consents", PROVIDER: "wallet:provide"}


def call(world: World, method: str, path: str, body: dict[str, Any] | None = None, client_id: str = PROVIDER) -> Any:
    return world.app.test_client().open(path, method=method, json=body, headers=world.bearer(client_id, SCOPES[client_id]))


def run_jobs(world: World, name: str) -> None:
    """Run every waiting job of a name, as a worker does."""
    for row_id, payload in world.run_sql("select id, payload from outbox where job = :name order by id", name=name):
        jobs.definitions[name].run(world.wallet, Job(payload, 1))
        world.run_sql("delete from outbox where id = :id", id=row_id)


def stream(world: World, client_id: str = PROVIDER, **wish: object) -> str:
    answer = call(world, "POST", "/ssf/stream", dict(wish), client_id)
    assert answer.status_code == 201, answer.json
    return str(answer.json["stream_id"])


def poll(world: World, stream_id: str, client_id: str = PROVIDER, **body: object) -> Any:
    return call(world, "POST", f"/ssf/poll/{stream_id}", dict(body), client_id)


def opened(world: World, answer: Any) -> list[dict[str, Any]]:
    keys = {key["kid"]: ECKey.import_key(key) for key in world.app.test_client().get("/.well-known/jwks.json").json["keys"]}
    return [signing.verify(token, keys=keys, typ=TYP) for token in answer.json["sets"].values()]


@pytest.mark.rule("wallet", "§11")
def test_a_withdrawal_reaches_recipient_and_provider_without_personal_data(world: World) -> None:
    ids = {client_id: stream(world, client_id) for client_id in (CONSUMER, PROVIDER)}
    consent_id = world.granted()
    withdrawal = withdraw(world.wallet, world.presence(), uuid.UUID(consent_id))
    run_jobs(world, "announce_consent")
    for client_id, stream_id in ids.items():
        granted, changed = opened(world, poll(world, stream_id, client_id))
        assert list(granted["events"]) == [f"{PUBLIC_URL}/events/consent-granted"]
        assert changed["sub_id"] == {"format": "opaque", "id": consent_id}
        assert (changed["iss"], changed["aud"]) == (PUBLIC_URL, client_id)
        assert not changed.keys() & {"sub", "exp"}
        members = changed["events"][f"{PUBLIC_URL}/events/consent-changed"]
        assert (members["previous_state"], members["current_state"], members["initiating_entity"]) == ("active", "withdrawn", "user")
        assert members["effective_at"] == int(withdrawal.effective_at.timestamp())
        assert members["consent_version"] == 1
        assert RUN not in json.dumps(changed)


@pytest.mark.rule("wallet", "§11", "D7")
def test_the_end_of_a_delegation_reaches_the_recipients_of_what_was_given_by_it_and_nobody_else(world: World) -> None:
    ids = {client_id: stream(world, client_id) for client_id in (CONSUMER, PROVIDER)}
    appoint(world, Power.GRANT)
    assert world.decide(acting_browser(world), world.ask().json["view_uri"], "grant").status_code == 303
    ((consent_id, delegation_id),) = world.run_sql("select consent_id, delegation_id from consents")
    own = world.granted()  # the principal's own, which no delegation's end touches
    assert post(world.browser(), f"/delegations/{delegation_id}/end", on="/acting").status_code == 303
    run_jobs(world, "announce_delegation")
    (told,) = opened(world, poll(world, ids[CONSUMER], CONSUMER))
    assert told["sub_id"] == {"format": "opaque", "id": str(consent_id)}
    assert list(told["events"]) == [f"{PUBLIC_URL}/events/delegation-ended"]
    (members,) = told["events"].values()
    assert members == {"reason": "revoked", "event_timestamp": int(world.clock.now().timestamp())}
    assert own not in json.dumps(told)
    assert not any(word in json.dumps(told) for word in (RUN, PARENT, str(delegation_id)))
    assert poll(world, ids[PROVIDER]).json["sets"] == {}


@pytest.mark.rule("wallet", "§11")
def test_unacknowledged_events_come_again_and_acknowledged_ones_do_not(world: World) -> None:
    stream_id = stream(world)
    for _ in range(3):
        world.granted()
    run_jobs(world, "announce_consent")
    first = poll(world, stream_id, maxEvents=2)
    assert (len(first.json["sets"]), first.json["moreAvailable"]) == (2, True)
    one, other = first.json["sets"]
    again = poll(
        world, stream_id, maxEvents=2, ack=[one], setErrs={other: {"err": "invalid_key", "description": "x"}, "nonsense": {"err": "e"}}
    )
    assert len(again.json["sets"]) == 1
    assert one not in again.json["sets"]
    assert again.json["moreAvailable"] is False
    assert poll(world, stream_id, ack=list(again.json["sets"]), maxEvents=0).json == {"sets": {}, "moreAvailable": False}
    assert poll(world, stream_id).json["sets"] == {}
    assert poll(world, stream_id, CONSUMER).status_code == 404, "another client's stream"


@pytest.mark.rule("wallet", "§11")
def test_the_life_of_a_stream(world: World) -> None:
    client = world.app.test_client()
    told = client.get("/.well-known/ssf-configuration").json
    assert {"issuer", "jwks_uri", "configuration_endpoint", "status_endpoint", "verification_endpoint"} <= told.keys()
    assert told["delivery_methods_supported"] == [PUSH, POLL]
    stream_id = stream(world, description="cases")
    assert call(world, "POST", "/ssf/stream", {}).status_code == 409
    read = call(world, "GET", f"/ssf/stream?stream_id={stream_id}").json
    assert read["delivery"] == {"method": POLL, "endpoint_url": f"{PUBLIC_URL}/ssf/poll/{stream_id}"}
    assert read["events_delivered"] == read["events_supported"]
    only = [f"{PUBLIC_URL}/events/consent-changed", "https://example.org/unknown"]
    changed = call(world, "PATCH", "/ssf/stream", {"stream_id": stream_id, "events_requested": only}).json
    assert (changed["events_delivered"], changed["description"]) == (only[:1], "cases")
    replaced = call(world, "PUT", "/ssf/stream", {"stream_id": stream_id, "events_requested": only}).json
    assert "description" not in replaced
    assert len(call(world, "GET", "/ssf/stream").json) == 1
    assert call(world, "PATCH", "/ssf/stream", {}).status_code == 400
    assert call(world, "GET", f"/ssf/stream?stream_id={stream_id}", client_id=STRANGER).status_code == 404
    assert call(world, "DELETE", f"/ssf/stream?stream_id={stream_id}").status_code == 204
    assert call(world, "GET", f"/ssf/status?stream_id={stream_id}").status_code == 404


@pytest.mark.rule("wallet", "§11")
def test_a_paused_stream_keeps_and_a_disabled_one_gets_none(world: World) -> None:
    stream_id = stream(world)
    for status, waiting in (("paused", 1), ("disabled", 1), ("enabled", 2)):
        body = {"stream_id": stream_id, "status": status, "reason": "night"}
        assert call(world, "POST", "/ssf/status", body).json == {**body}
        world.granted()
        run_jobs(world, "announce_consent")
        assert world.run_sql("select count(*) from security_events") == [(waiting,)]
        assert len(poll(world, stream_id).json["sets"]) == (waiting if status == "enabled" else 0)
    assert call(world, "POST", "/ssf/status", {"stream_id": stream_id, "status": "on"}).status_code == 400


@pytest.mark.rule("wallet", "§11")
def test_subjects_are_left_out_and_verification_comes_back(world: World) -> None:
    stream_id, consent_id = stream(world), world.granted()
    run_jobs(world, "announce_consent")
    subject = {"stream_id": stream_id, "subject": {"format": "opaque", "id": consent_id}}
    assert call(world, "POST", "/ssf/subjects:remove", subject).status_code == 204
    withdraw(world.wallet, world.presence(), uuid.UUID(consent_id))
    run_jobs(world, "announce_consent")
    assert len(poll(world, stream_id).json["sets"]) == 1
    assert call(world, "POST", "/ssf/subjects:add", subject).status_code == 200
    assert call(world, "POST", "/ssf/subjects:add", {**subject, "subject": {"format": "email"}}).status_code == 400
    assert call(world, "POST", "/ssf/verify", {"stream_id": stream_id, "state": "abc"}).status_code == 204
    event = opened(world, poll(world, stream_id))[-1]
    assert event["events"] == {"https://schemas.openid.net/secevent/ssf/event-type/verification": {"state": "abc"}}


@pytest.mark.rule("wallet", "§11")
@pytest.mark.parametrize(
    "url",
    ["http://receiver.example/", "https://user@receiver.example/", "ftp://receiver.example/", "", "https://x/#f", "file:///etc/passwd"],
)
def test_events_are_pushed_to_https_alone(world: World, url: str) -> None:
    answer = call(world, "POST", "/ssf/stream", {"delivery": {"method": PUSH, "endpoint_url": url}})
    assert answer.status_code == 400


@pytest.mark.rule("wallet", "§11")
@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]", "localhost"])
def test_a_private_address_is_never_called(world: World, host: str) -> None:
    stream(world, delivery={"method": PUSH, "endpoint_url": f"https://{host}:9/"})
    world.granted()
    run_jobs(world, "announce_consent")
    jti = world.run_sql("select jti from security_events")[0][0]
    with pytest.raises(RetryLater, match="OutboundRefused"):
        push_event(world.wallet, jti, 1)


class Receiver(BaseHTTPRequestHandler):
    """A receiver that answers what the test wants."""

    answers: ClassVar[list[tuple[int, bytes]]]
    seen: ClassVar[list[tuple[dict[str, str], bytes]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((dict(self.headers), body))
        status, answer = self.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver(world: World) -> Iterator[type[Receiver]]:
    class Mine(Receiver):
        answers: ClassVar[list[tuple[int, bytes]]] = []
        seen: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    server = HTTPServer(("127.0.0.1", 0), Mine)
    host = f"127.0.0.1:{server.server_port}"
    object.__setattr__(world.wallet.settings, "outbound_private_hosts", (host,))
    world.wallet.__dict__["http"] = Outbound(private_hosts=(host,))
    delivery = {"method": PUSH, "endpoint_url": f"http://{host}/events", "authorization_header": "Bearer secret"}
    stream(world, delivery=delivery)
    world.granted()
    run_jobs(world, "announce_consent")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Mine
    server.shutdown()
    thread.join()
    server.server_close()
    world.wallet.http.close()


@pytest.mark.rule("wallet", "§11")
def test_push_is_done_at_202_and_tried_again_at_anything_else(world: World, receiver: type[Receiver]) -> None:
    jti = world.run_sql("select jti from security_events")[0][0]
    receiver.answers = [(500, b""), (400, b'{"err": "invalid_key"}'), (200, b""), (400, b"no json"), (202, b"")]
    for attempt, why in enumerate(["status 500", "refused: invalid_key", "status 200", "Outbound"], start=1):
        with pytest.raises(RetryLater, match=why) as caught:
            push_event(world.wallet, jti, attempt)
        assert caught.value.seconds == RETRY_SECONDS[attempt - 1]
    push_event(world.wallet, jti, 5)
    push_event(world.wallet, jti, 6)
    assert len(receiver.seen) == 5
    headers, body = receiver.seen[-1]
    assert headers["Content-Type"] == "application/secevent+jwt"
    assert headers["Authorization"] == "Bearer secret"
    assert body.count(b".") == 2
    assert world.run_sql("select state from security_events") == [("delivered",)]
    sealed = world.run_sql('select "authorization" from streams')[0][0]
    assert b"secret" not in bytes(sealed)


@pytest.mark.rule("wallet", "§11")
def test_after_seven_days_the_event_is_dead_and_the_stream_paused(world: World, receiver: type[Receiver]) -> None:
    jti = world.run_sql("select jti from security_events")[0][0]
    receiver.answers = [(503, b"")]
    push_event(world.wallet, jti, len(RETRY_SECONDS) + 1)
    assert world.run_sql("select state, error from security_events") == [("dead", "status 503")]
    assert world.run_sql("select status from streams") == [("paused",)]
    assert sum(RETRY_SECONDS) < 7 * 86_400 + 60


@pytest.mark.rule("wallet", "§11")
def test_the_operator_sets_where_the_events_of_one_without_a_stream_go(world: World) -> None:
    """A plain address instead of the framework: said twice it is changed; a client or an address that cannot be is refused."""

    def say(*words: str) -> int:
        return world.app.test_cli_runner().invoke(args=["wallet", "push-to", *words]).exit_code

    assert say(CONSUMER, "https://one.example/events") == 0
    assert say(CONSUMER, "https://two.example/events") == 0
    assert world.run_sql("select client_id, method, endpoint, status from streams") == [
        (CONSUMER, PUSH, "https://two.example/events", "enabled")
    ]
    assert [say("nobody", "https://one.example/"), say(CONSUMER, "http://one.example/"), say(CONSUMER, "https://a@one.example/")] == [
        1,
        1,
        1,
    ]
    world.granted()
    run_jobs(world, "announce_consent")
    assert len(world.run_sql("select jti from security_events")) == 1
    actors = world.run_sql("select core::json->>'actor' from audit_entries where core::json->>'action' = 'wallet:stream:changed'")
    assert actors == [("operator:cli",), ("operator:cli",)]
