"""What the other services know of a person, asked of their real apps: the wallet's provider and their routes fit.  Spec: CH-14."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from joserfc import jwt

from notify.app import create_app as create_notify
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.providers.memory import MemoryMailbox
from shared.auth import TokenVerifier
from shared.clock import FixedClock
from shared.http import OutboundFailed, Reply
from shared.ids import SeededIds
from tests.engines import Engines
from tests.factories import notify as notify_factory
from tests.factories.identity import RUN, House, furnished_copy, open_house
from tests.factories.pay import World as PayWorld
from tests.factories.pay_fixtures import make_world as make_pay
from tests.factories.wallet import ISSUER, ISSUER_KEY, IssuerKeys
from wallet.providers.dealings import HttpDealings, NoSuchMessage, NoSuchReceipt, ServiceAway

AT = {name: f"https://{name}.example" for name in ("identity", "notify", "pay")}


class Line:
    """The wire to one service's app, with the wallet's own token; `scope` is what identity gave it."""

    def __init__(self, app: Flask, service: str, clock: FixedClock) -> None:
        self.app, self.clock, self.is_cut, self.scope = app, clock, False, ""
        context = app.extensions["andamio"].context
        context.__dict__["token_verifier"] = TokenVerifier(IssuerKeys(), clock, issuer=ISSUER, audience=AT[service])

    def token(self, audience: str, scope: str) -> str:
        now = int(self.clock.now().timestamp())
        claims = {"iss": ISSUER, "aud": audience, "sub": "wallet", "client_id": "wallet", "scope": self.scope or scope}
        header = {"alg": "ES256", "kid": "issuer", "typ": "at+jwt"}
        return jwt.encode(header, {**claims, "iat": now, "exp": now + 60}, ISSUER_KEY, algorithms=["ES256"])

    def request(self, method: str, url: str, **call: Any) -> Reply:
        if self.is_cut:
            raise OutboundFailed("cut", sent=False)
        assert RUN not in url
        called = urlsplit(url)
        answer = self.app.test_client().open(f"{called.path}?{called.query}", method=method, json=call.get("json"), headers=call["headers"])
        return Reply(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.data)


def dealings(line: Line) -> HttpDealings:
    return HttpDealings(line, line, AT)  # type: ignore[arg-type]  # it keeps what is used of both


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as furnished:
        yield furnished


@pytest.mark.rule("wallet", "CH-14")
def test_identity_tells_sign_ins_in_the_persons_language_and_the_confirmed_address(house: House, clock: FixedClock) -> None:
    house.browser().sign_in()
    line = Line(house.app, "identity", clock)
    known = dealings(line).sign_ins(RUN, lang="es")
    assert [(words, service) for _, words, service in known.events] == [("Usted ingresó", "Servicio Uno")]
    assert known.email == "camila@example.com"
    assert dealings(line).sign_ins(RUN, lang="en").events[0][1] == "You signed in"
    nobody = dealings(line).sign_ins("99999999-9", lang="es")
    assert (nobody.events, nobody.email) == ([], None)
    with pytest.raises(ServiceAway):
        dealings(line).sign_ins("1-1", lang="es")
    line.scope = "identity:register"
    with pytest.raises(ServiceAway):
        dealings(line).sign_ins(RUN, lang="es")


@pytest.mark.rule("wallet", "CH-14")
def test_pay_tells_what_was_paid_with_receipts_to_one_address_and_no_other(
    database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds
) -> None:
    world: PayWorld = make_pay(database("pay"), redis_url, clock, ids)
    for email in ("camila@example.com", "xcamila@example.com", "otro@example.com"):
        world.create(email=email, description=f"Para {email}")
    line = Line(world.app, "pay", clock)
    found = dealings(line).payments("Camila@example.com")
    assert [(one.description, one.currency, one.status) for one in found] == [("Para camila@example.com", "CLP", "created")]
    assert dealings(line).payments("nadie@example.com") == []
    line.is_cut = True
    with pytest.raises(ServiceAway):
        dealings(line).payments("camila@example.com")
    world.pay.close()


@pytest.mark.rule("wallet", "CH-14")
def test_pay_gives_the_receipt_of_a_payment_to_its_own_address_and_no_other(
    database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds
) -> None:
    world: PayWorld = make_pay(database("pay"), redis_url, clock, ids)
    paid = world.paid()  # on the page the payer says where the receipt goes
    line = Line(world.app, "pay", clock)
    assert [(one.payment_id, one.status) for one in dealings(line).payments("jose@example.cl")] == [(paid, "success")]
    file = dealings(line).receipt("Jose@example.cl", paid)
    assert (file.name, file.mimetype, file.content[:5]) == (f"{paid}.pdf", "application/pdf", b"%PDF-")
    unpaid = str(world.create(email="jose@example.cl")["payment_id"])
    for email, payment_id in (("otro@example.com", paid), ("jose@example.cl", unpaid), ("jose@example.cl", "nada\u00f1")):
        with pytest.raises(NoSuchReceipt):
            dealings(line).receipt(email, payment_id)
    line.scope = "identity:register"
    with pytest.raises(ServiceAway):
        dealings(line).receipt("jose@example.cl", paid)
    world.pay.close()


@pytest.mark.rule("wallet", "CH-14")
def test_notify_gives_the_portal_the_messages_of_the_person_it_names_and_notes_the_opening(
    database: Callable[[str], str], redis_url: str, clock: FixedClock
) -> None:
    app = create_notify(notify_factory.settings(database("notify"), redis_url), clock=clock)
    notify = app.extensions["andamio"].context
    notify.mailbox = MemoryMailbox()
    sender = notify_factory.make_world(notify)
    for whose in (RUN, "22222222-2"):
        deliver(notify, notify_factory.add_notification(sender, "mailbox", to=f"run:{whose}"), channels.send_mailbox)
    line = Line(app, "notify", clock)
    mine = dealings(line).messages(RUN).messages
    assert [(one.sender, one.subject, one.read_at) for one in mine] == [("Colegio Las Araucarias", "Recibo de Camila", None)]
    with pytest.raises(NoSuchMessage):
        dealings(line).open_message("22222222-2", mine[0].message_id)
    dealings(line).open_message(RUN, mine[0].message_id)
    assert dealings(line).message(RUN, mine[0].message_id).read_at == clock.now()
    with pytest.raises(NoSuchMessage):
        dealings(line).message("22222222-2", mine[0].message_id)
    deliver(notify, notify_factory.add_notification(sender, "mailbox", to=f"run:{RUN}"), channels.send_mailbox)
    newest = dealings(line).messages(RUN, limit=1)
    assert newest.next_older_than == newest.messages[0].message_id
    oldest = dealings(line).messages(RUN, older_than=newest.next_older_than, limit=1)
    assert ([one.message_id for one in oldest.messages], oldest.next_older_than) == ([mine[0].message_id], None)
    with pytest.raises(NoSuchMessage):
        dealings(line).messages("22222222-2", older_than=newest.next_older_than)
    with pytest.raises(NoSuchMessage):
        dealings(line).file(RUN, mine[0].message_id, 0)
    with pytest.raises(NoSuchMessage):
        dealings(line).open_message(RUN, uuid.uuid4())
    client = app.test_client()
    machine = {"Authorization": "Bearer " + line.token(AT["notify"], "notify:portal")}
    assert client.get("/v1/mailbox/messages", headers=machine).status_code == 400
    line.scope = "notify:send"
    named = {"Authorization": "Bearer " + line.token(AT["notify"], ""), "Andamio-Person": RUN}
    assert client.get("/v1/mailbox/messages", headers=named).status_code == 403
    line.scope = "notify:mailbox"  # an app of some person does not read another's by naming her
    named = {"Authorization": "Bearer " + line.token(AT["notify"], ""), "Andamio-Person": RUN}
    assert client.get("/v1/mailbox/messages", headers=named).json == {"messages": [], "next_older_than": None}
    for wrong in ("limit=0", "limit=251", "limit=02501", "limit=x", "limit=%D9%A1", "older_than=x", "older_than="):
        assert client.get(f"/v1/mailbox/messages?{wrong}", headers=named).status_code == 400
    notify.close()
