"""Texts from people, one-click unsubscribe, and what networks report in their own forms; notify-api §7, §8, §19."""

import re
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from notify.context import Notify
from notify.operations.received_texts import Incoming, give_number, take_text
from notify.operations.retention import keep_days
from notify.providers.memory import MemoryEmail
from shared.clock import FixedClock
from tests.factories.notify import RECEIPT_SECRET, World, add_notification, add_template, make_world
from tests.factories.notify_fixtures import RunJobs

NUMBER = "07700900555"
AUTH = ("notify", RECEIPT_SECRET)


class TestReceivedTexts:
    pytestmark = pytest.mark.rule("notify", "§7")

    def take(self, notify: Notify, words: str = "hola", reference: str = "") -> uuid.UUID | None:
        return take_text(notify, Incoming("mmg", reference, "447700900123", NUMBER, words))

    def test_a_text_is_read_by_its_service_alone(self, client: FlaskClient, world: World, notify: Notify) -> None:
        give_number(notify, world.service_id, NUMBER)
        made = self.take(notify)
        answer = client.get("/v2/received-text-messages", headers=world.headers()).json
        [one] = answer["received_text_messages"]
        assert {**one, "created_at": ""} == {
            "id": str(made),
            "user_number": "447700900123",
            "notify_number": NUMBER,
            "created_at": "",
            "service_id": str(world.service_id),
            "content": "hola",
        }
        assert answer["links"]["current"].endswith("/v2/received-text-messages")
        assert answer["links"]["next"].endswith(f"?older_than={made}")
        other = make_world(notify)
        empty = client.get("/v2/received-text-messages", headers=other.headers()).json
        assert (empty["received_text_messages"], "next" in empty["links"]) == ([], False)

    def test_pages_follow_one_another_to_an_empty_one(self, client: FlaskClient, world: World, notify: Notify) -> None:
        give_number(notify, world.service_id, NUMBER)
        made = {str(self.take(notify, str(n))) for n in range(252)}
        path, seen = "/v2/received-text-messages", []
        while True:
            answer = client.get(path, headers=world.headers()).json
            if not answer["received_text_messages"]:
                break
            seen += [one["id"] for one in answer["received_text_messages"]]
            path = answer["links"]["next"].removeprefix("http://localhost")
        assert len(seen) == len(set(seen)) == 252
        assert set(seen) == made

    @pytest.mark.parametrize("query", ["?older_than=x", "?page=1"])
    def test_queries_that_are_none(self, client: FlaskClient, world: World, query: str) -> None:
        assert client.get(f"/v2/received-text-messages{query}", headers=world.headers()).status_code == 400

    def test_an_unknown_id_gives_an_empty_page(self, client: FlaskClient, world: World) -> None:
        answer = client.get(f"/v2/received-text-messages?older_than={uuid.uuid4()}", headers=world.headers())
        assert answer.json["received_text_messages"] == []

    def test_a_repeat_is_kept_once_and_a_strangers_text_not_at_all(self, client: FlaskClient, world: World, notify: Notify) -> None:
        assert self.take(notify) is None
        give_number(notify, world.service_id, NUMBER)
        assert self.take(notify, reference="r-1") is not None
        assert self.take(notify, reference="r-1") is None

    def test_kept_for_a_week_and_encrypted(self, client: FlaskClient, world: World, notify: Notify, clock: FixedClock) -> None:
        give_number(notify, world.service_id, NUMBER)
        self.take(notify, "palabras secretas")
        with notify.reading() as tx:
            row = str(tx.connection.execute(text("select received_texts::text from received_texts")).scalar_one())
        assert "secretas" not in row
        assert b"secretas".hex() not in row
        clock.advance(seconds=7 * 24 * 3600 + 1)
        assert client.get("/v2/received-text-messages", headers=world.headers()).json["received_text_messages"] == []
        keep_days(notify)
        with notify.reading() as tx:
            assert tx.connection.execute(text("select count(*) from received_texts")).scalar_one() == 0


@pytest.mark.rule("notify", "§19")
class TestNetworks:
    @pytest.mark.parametrize(
        ("network", "body", "status"),
        [
            ("mmg", {"status": "3"}, "delivered"),
            ("mmg", {"status": "2"}, "permanent-failure"),
            ("mmg", {"status": "5"}, "permanent-failure"),
            ("mmg", {"status": "4", "substatus": "7"}, "temporary-failure"),
            ("mmg", {"status": "77"}, "technical-failure"),
            ("firetext", {"status": "0"}, "delivered"),
            ("firetext", {"status": "1"}, "permanent-failure"),
            ("firetext", {"status": "1", "code": "101"}, "permanent-failure"),
            ("firetext", {"status": "1", "code": "102"}, "temporary-failure"),
            ("firetext", {"status": "2"}, "pending"),
            ("firetext", {"status": "9"}, "technical-failure"),
        ],
    )
    def test_receipts_in_their_words(
        self, client: FlaskClient, world: World, notify: Notify, network: str, body: dict[str, str], status: str
    ) -> None:
        made = str(add_notification(world, status="sending"))
        sent = body | {"CID" if network == "mmg" else "reference": made}
        how = {"json": sent} if network == "mmg" else {"data": sent}
        answer = client.post(f"/notifications/sms/{network}", auth=AUTH, **how)  # type: ignore[arg-type]  # json or data
        assert (answer.status_code, answer.json) == (200, {"result": "success"})
        assert client.get(f"/v2/notifications/{made}", headers=world.headers()).json["status"] == status

    @pytest.mark.parametrize(
        ("network", "body", "message"),
        [
            ("mmg", {"CID": "x"}, "MMG callback failed: status missing"),
            ("mmg", {"status": "3"}, "MMG callback failed: CID missing"),
            ("firetext", {"reference": "x"}, "Firetext callback failed: status missing"),
        ],
    )
    def test_a_field_that_is_missing(self, client: FlaskClient, network: str, body: dict[str, str], message: str) -> None:
        how = {"json": body} if network == "mmg" else {"data": body}
        refused = client.post(f"/notifications/sms/{network}", auth=AUTH, **how)  # type: ignore[arg-type]  # json or data
        assert (refused.status_code, refused.json) == (400, {"result": "error", "message": message})

    def test_texts_in_their_forms(self, client: FlaskClient, world: World, notify: Notify) -> None:
        give_number(notify, world.service_id, NUMBER)
        mmg = {"MSISDN": "447700900123", "Number": NUMBER, "Message": "hola+%C3%B1", "ID": "1", "DateRecieved": "2026-06-08+16%3A00"}
        assert client.post("/notifications/sms/receive/mmg", json=mmg, auth=AUTH).status_code == 200
        firetext = {"source": "07700900124", "destination": NUMBER, "message": "chao", "time": "2026-06-08 16:00:00"}
        for _ in range(2):
            assert client.post("/notifications/sms/receive/firetext", data=firetext, auth=AUTH).status_code == 200
        found = client.get("/v2/received-text-messages", headers=world.headers()).json["received_text_messages"]
        assert sorted((one["user_number"], one["content"]) for one in found) == [("447700900123", "hola ñ"), ("447700900124", "chao")]

    def test_an_unknown_reference_is_answered(self, client: FlaskClient) -> None:
        for reference in ("not-ours", str(uuid.uuid4())):
            assert client.post("/notifications/sms/mmg", json={"CID": reference, "status": "3"}, auth=AUTH).status_code == 200


@pytest.mark.rule("notify", "§8")
class TestUnsubscribing:
    def mail(self, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, **changes: Any) -> Any:
        template = add_template(world, "email", body="Hola", subject="Noticias", has_unsubscribe_link=True)
        body = {"email_address": "camila@example.com", "template_id": str(template)} | changes
        assert client.post("/v2/notifications/email", json=body, headers=world.headers()).status_code == 201
        run_jobs()
        assert isinstance(notify.email, MemoryEmail)
        return notify.email.messages[-1]

    def path(self, mail: Any) -> str:
        return urlsplit(re.search(r"http://localhost/unsubscribe/\S+?(?=[)\s]|$)", mail.plain_text)[0]).path  # type: ignore[index]  # it is there

    def test_headers_and_body_carry_the_link(self, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
        from notify.standards.mime import message

        mail = self.mail(client, world, notify, run_jobs)
        built = message(mail)
        assert built["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert self.path(mail) in built["List-Unsubscribe"]
        assert "camila" not in self.path(mail)
        assert self.path(mail) in mail.html

    def test_the_callers_own_address_wins_in_the_header(self, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
        mail = self.mail(client, world, notify, run_jobs, one_click_unsubscribe_url="https://example.com/u")
        assert mail.unsubscribe_url == "https://example.com/u"

    def test_one_click_is_a_wish_and_reading_is_none(self, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs) -> None:
        path = self.path(self.mail(client, world, notify, run_jobs))

        def wishes() -> list[Any]:
            found: list[Any] = client.get("/v2/unsubscribe-requests", headers=world.headers()).json["unsubscribe_requests"]
            return found

        assert client.get(path).status_code == 200
        assert wishes() == []
        for _ in range(2):
            answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
            assert (answer.status_code, answer.json) == (200, {"result": "success", "message": "Unsubscribe successful"})
        [wish] = wishes()
        assert wish["email_address"] == "camila@example.com"
        other = make_world(notify)
        theirs = client.post("/v2/unsubscribe-requests/processed", json={"ids": [wish["id"]]}, headers=other.headers())
        assert theirs.json == {"processed": 0}
        done = client.post("/v2/unsubscribe-requests/processed", json={"ids": [wish["id"]]}, headers=world.headers())
        assert (done.json, wishes()) == ({"processed": 1}, [])
        assert b"<h1" in client.post(path, data={"from": "page"}).data
        assert len(wishes()) == 1

    def test_links_that_are_none(self, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock) -> None:
        path = self.path(self.mail(client, world, notify, run_jobs))
        invalid = {"result": "error", "message": {"unsubscribe request": "This is not a valid unsubscribe link."}}
        refused = client.post(path[:-3] + "AAA")
        assert (refused.status_code, refused.json) == (404, invalid)
        late = {"result": "error", "message": {"unsubscribe request": "This unsubscribe link is invalid or expired."}}
        elsewhere = f"/unsubscribe/{uuid.uuid4()}/{path.rpartition('/')[2]}"
        assert client.post(elsewhere).json == late
        clock.advance(seconds=timedelta(days=366).total_seconds())
        assert client.post(path).json == late

    def test_wishes_are_forgotten_in_time(
        self, client: FlaskClient, world: World, notify: Notify, run_jobs: RunJobs, clock: FixedClock
    ) -> None:
        client.post(self.path(self.mail(client, world, notify, run_jobs)))
        clock.advance(seconds=timedelta(days=91).total_seconds())
        keep_days(notify)
        assert client.get("/v2/unsubscribe-requests", headers=world.headers()).json["unsubscribe_requests"] == []
