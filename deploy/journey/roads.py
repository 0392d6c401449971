"""The journey's steps, each with what was promised; a step that finds it otherwise ends the journey.

Spec: design §8.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from deploy.journey import words
from deploy.journey.facts import Sandbox
from deploy.journey.pages import Browser, Page
from deploy.journey.person import Person
from deploy.journey.promises import check_status, is_of, promise
from deploy.journey.report import Facts, Report
from deploy.journey.service import Inbox, LoginClient, check_webhook
from deploy.sandbox.clients import Answer, MachineTokens, PayClient, WalletClient, notify_client
from deploy.sandbox.example.applications import FEE_CLP, Delivery
from deploy.sandbox.example.office import consent_request, exchange_request
from deploy.sandbox.example.receipts import Recipient, send_receipt
from deploy.services import SERVICES

CITIZEN = "11111111-1"
SCHOOL, REGISTRY = "Colegio Las Araucarias", "Registro Civil"
AUDIT_SECONDS = 120


@dataclass(kw_only=True)
class Journey:
    """One person's way through the suite; what one step learns, later ones use.

    `http` is the office's, `visitor` the person's own with her cookies.
    """

    sandbox: Sandbox
    http: httpx.Client
    visitor: httpx.Client
    language: str
    folder: Path
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    view_uri: str = ""
    consent_id: str = ""
    payment_id: str = ""

    def __post_init__(self) -> None:
        """Have each party ready with its own means."""
        sandbox = self.sandbox
        locale = "es-CL, es;q=0.9" if self.language == "es" else "en"
        self.citizen = sandbox.citizen(CITIZEN)
        self.person = Person(self.citizen, Browser(self.visitor, language=locale))
        self.login = LoginClient(sandbox, self.http)
        tokens = MachineTokens(
            issuer=sandbox.text("identity", "issuer"),
            client_id=sandbox.text("wallet", "consumer", "client_id"),
            private_jwk=sandbox.value("wallet", "consumer", "private_jwk"),
        )
        self.wallet_url = sandbox.text("wallet", "base_url")
        self.wallet = WalletClient(self.wallet_url, tokens, self.http)
        self.pay = PayClient(sandbox.text("pay", "base_url"), sandbox.text("pay", "api_keys", "test"), self.http)
        self.notify = notify_client(sandbox.text("notify", "base_url"), sandbox.text("notify", "api_keys", "live"))
        self.inbox = Inbox(sandbox.text("inbox"), self.http)
        self.consent_return = f"{sandbox.text('example')}/consent/return"
        self.pay_return = f"{sandbox.text('example')}/pay/return"

    def discovery(self) -> Facts:
        """The issuer describes itself."""
        return self.login.discover()

    def sign_in(self) -> Facts:
        """The person signs in, and the office learns who she is."""
        begun = self.login.begin(self.language)
        page = self.person.arrive(begun.url, back_at=(begun.redirect_uri,))
        page = self._let_go(page, begun.redirect_uri)
        claims, userinfo = self.login.finish(begun, page.url)
        promise(userinfo.get("name") == self.citizen.name, f"user info calls the person {userinfo.get('name')!r}")
        return {"sub": claims["sub"], "acr": claims.get("acr", ""), "name": userinfo["name"]}

    def ask(self) -> Facts:
        """The office asks for the record."""
        wanted = consent_request(
            self.sandbox.value("wallet"),
            run=self.citizen.run,
            request_id=self.request_id,
            redirect_uri=self.consent_return,
            language=self.language,
            now=datetime.now(UTC),
        )
        answer = self.wallet.ask(wanted)
        check_status(answer, 201, "the wallet")
        again = self.wallet.ask(wanted)
        promise(
            again.status == 200 and again.body["request_id"] == answer.body["request_id"], "the same request again is not the same request"
        )
        self.view_uri = answer.body["view_uri"]
        return {"request_id": self.request_id, "view_uri": self.view_uri, "state": answer.body["items"][0]["state"]}

    def grant(self) -> Facts:
        """The person sees who asks for what, and agrees."""
        page = self._question()
        self._decide(page, "grant")
        answer = self.wallet.look(self.request_id)
        check_status(answer, 200, "the wallet")
        item = answer.body["items"][0]
        promise(item["state"] == "accepted" and item.get("consent_id"), f"the request is {item['state']}")
        self.consent_id = item["consent_id"]
        return {"page": page.heading, "state": item["state"], "consent_id": self.consent_id}

    def refuse(self) -> Facts:
        """The person sees that she may refuse and what to do instead, and refuses."""
        page = self._question()
        said = page.text.casefold()
        promise(any(word in said for word in words.BRING[self.language]), "the page does not say what to bring when one refuses")
        self._decide(page, "refuse")
        answer = self.wallet.look(self.request_id)
        check_status(answer, 200, "the wallet")
        state = answer.body["items"][0]["state"]
        promise(state == "refused", f"the request is {state}")
        return {"page": page.heading, "state": state}

    def exchange(self) -> Facts:
        """The gate releases the fields that were granted."""
        answer = self._fetch()
        check_status(answer, 200, "the gate")
        data = answer.body["data"]
        promise(data is not None and data.get("full_name") == self.citizen.name, "the fact is about another person")
        promise(set(data) == set(self.sandbox.value("wallet", "fields")), f"the gate released {sorted(data)}")
        return {"has_record": data["has_record"], "as_of": answer.body["as_of"], "log_entry_id": answer.body["log_entry_id"]}

    def exchange_refused(self) -> Facts:
        """The gate refuses, for the person refused."""
        return self._refused_fetch("consent_refused")

    def pay_fee(self) -> Facts:
        """The person pays on the payer pages, and the office reads that she did."""
        answer = self.pay.create(
            amount_minor=FEE_CLP,
            reference=f"POST-{self.request_id[:8]}",
            description="Application to Colegio Las Araucarias" if self.language == "en" else "Postulación a Colegio Las Araucarias",
            return_url=self.pay_return,
            language=self.language,
            email=self.citizen.email,
        )
        check_status(answer, 201, "pay")
        self.payment_id = answer.body["payment_id"]
        next_url = answer.body["_links"]["next_url"]["href"]
        page, _ = self.person.pay(next_url, return_url=self.pay_return, email=self.citizen.email)
        promise("3.500" in page.text, f'the page "{page.heading}" does not say what is to be paid')
        payment = self.pay.get(self.payment_id)
        check_status(payment, 200, "pay")
        state = payment.body["state"]
        promise(state["status"] == "success" and state["finished"] is True, f"the payment is {state['status']}")
        brand, last = (payment.body["card_details"][name] for name in ("card_brand", "last_digits_card_number"))
        return {"payment_id": self.payment_id, "state": state["status"], "card": f"{brand} ···· {last}"}

    def webhook(self) -> Facts:
        """Pay tells the office, with a signature."""
        message = self.inbox.wait_for("webhook", fits=lambda m: self.payment_id in m["body"] and "card_payment_succeeded" in m["body"])
        event = check_webhook(message, self.sandbox.text("pay", "webhook_signing_key"))
        promise(event["resource_id"] == self.payment_id, "the webhook is about another payment")
        return {"event": event["event_type"], "to": message["to"]}

    def receipt(self, way: Delivery) -> Facts:
        """The receipt arrives by one of the ways a person may prefer."""
        citizen = self.citizen
        to = Recipient(name=citizen.name, email=citizen.email, phone=citizen.phone, run=citizen.run)
        sent = send_receipt(
            self.notify, self.sandbox.value("notify", "templates"), way, to, reference=self.payment_id, at=datetime.now(UTC)
        )
        address = {Delivery.EMAIL: citizen.email, Delivery.SMS: citizen.phone}.get(way, "")
        message = self.inbox.wait_for(way.value, to=address, fits=lambda m: is_of(m, sent, self.payment_id))
        if way is Delivery.LETTER:
            [pdf] = message["attachments"]
            promise(self.inbox.download(pdf["url"]).startswith(b"%PDF-"), "the letter is no PDF")
            return {"to": message["to"], "letter": pdf["filename"]}
        promise(citizen.name in message["body"], f"the {way.value} does not name the person")
        return {"to": message["to"], "text": (message["subject"] or message["body"])[:60]}

    def access_log(self) -> Facts:
        """The person's own page says who read what."""
        page = self.person.arrive(f"{self.wallet_url}/access-log")
        for expected in (SCHOOL, REGISTRY):
            promise(expected in page.text, f'the page "{page.heading}" does not name {expected}')
        answer = self.person.browser.get_json(f"{self.wallet_url}/me/access-log")
        line = answer["lines"][0]
        expected_outcome = "released" if self.consent_id else "denied"
        promise(line["outcome"] == expected_outcome, f"the newest line of the log says {line['outcome']}")
        if self.consent_id:
            promise(len(line["entry_ids"]) >= 2, "the release was not logged before it happened")
        return {"page": page.heading, "who": line["accessor"]["name"], "what": ", ".join(line["fields"]), "result": line["outcome"]}

    def withdraw(self) -> Facts:
        """The person takes the consent back, in two actions from her first page."""
        home = self.person.arrive(f"{self.wallet_url}/")
        link = home.link_to(lambda href: self.consent_id in href and "withdraw" in href) or home.link_to(
            lambda href: self.consent_id in href
        )
        promise(link is not None, f'the page "{home.heading}" does not lead to the consent')
        page = self.person.browser.open(link or "")
        if not any("withdraw" in form.action for form in page.forms):
            page = self.person.browser.open(page.link_to(lambda href: "withdraw" in href) or page.url)
        form = page.form_with(lambda form: "withdraw" in form.action and form.method == "post", what="to take a consent back")
        done = self.person.browser.submit(page, form, {}, button=form.buttons[0] if form.buttons else None)
        promise(done.status == 200, f"withdrawing answered {done.status}")
        return {"page": done.heading}

    def read_again(self) -> Facts:
        """The gate refuses, for the consent was taken back."""
        return self._refused_fetch("consent_withdrawn")

    def audit(self) -> Facts:
        """`andamio audit verify` finds every log whole."""
        command = [sys.executable, "-m", "deploy.cli", "audit", "verify", "--json"]
        environment = {**os.environ, "SANDBOX_DIR": str(self.folder), "SANDBOX_PORT": str(httpx.URL(self.sandbox.text("front")).port or 80)}
        done = subprocess.run(
            command,
            env=environment,
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            timeout=AUDIT_SECONDS,
            check=False,
        )
        promise(done.returncode == 0, f"audit verify says: {(done.stderr or done.stdout).strip()[-300:]}")
        logs = json.loads(done.stdout)
        promise(set(logs) == set(SERVICES), f"audit verify looked at {sorted(logs)}")
        return {service: f"{log['size']} rows, whole" for service, log in logs.items()}

    def _let_go(self, page: Page, redirect_uri: str) -> Page:
        """Agree to what identity asks before it tells a service who somebody is."""
        for _ in range(3):
            if page.url.startswith(redirect_uri):
                return page
            form = page.form_with(lambda form: form.method == "post" and bool(form.buttons), what="to go on")
            page = self.person.browser.submit(page, form, {}, button=form.buttons[0])
        return page

    def _question(self) -> Page:
        page = self.person.arrive(self.view_uri, back_at=(self.consent_return,))
        for expected in (SCHOOL, REGISTRY):
            promise(expected in page.text, f'the page "{page.heading}" does not name {expected}')
        promise(page.language.startswith(self.language), f'the page "{page.heading}" is in {page.language or "no stated language"}')
        return page

    def _decide(self, page: Page, decision: str) -> None:
        back = self.person.press(page, name="decision", value=decision)
        promise(back.url.startswith(self.consent_return), f'after deciding the person is on "{back.heading}" at {back.url}')
        promise(f"request_id={self.request_id}" in back.url, "the way back does not name the request")
        promise("grant" not in back.url and "consent_id" not in back.url, "the way back tells more than the request")

    def _fetch(self) -> Answer:
        return self.wallet.fetch(exchange_request(self.sandbox.value("wallet"), self.citizen.run, self.consent_id))

    def _refused_fetch(self, code: str) -> Facts:
        answer = self._fetch()
        promise((answer.status, answer.code) == (403, code), f"the gate answered {answer.status} {answer.code}, not 403 {code}")
        promise("data" not in answer.body, "the gate released data all the same")
        return {"status": answer.status, "type": answer.body["type"]}


def walk(journey: Journey, report: Report) -> None:
    """Take the steps of the road in order, up to the first that is not as promised."""
    for name, act in _steps(journey, report.road):
        if not report.take(name, words.title(name, journey.language), act):
            return


def _steps(journey: Journey, road: str) -> Iterable[tuple[str, Callable[[], Facts]]]:
    yield from (("discovery", journey.discovery), ("sign_in", journey.sign_in), ("ask", journey.ask))
    if road == "refuse":
        yield from (("refuse", journey.refuse), ("exchange_refused", journey.exchange_refused))
        yield from (("access_log", journey.access_log), ("audit", journey.audit))
        return
    yield from (("grant", journey.grant), ("exchange", journey.exchange), ("pay", journey.pay_fee), ("webhook", journey.webhook))
    for way in Delivery:
        yield f"receipt_{way.value}", lambda way=way: journey.receipt(way)  # type: ignore[misc] # the default pins the loop's value
    yield from (("access_log", journey.access_log), ("withdraw", journey.withdraw), ("read_again", journey.read_again))
    yield "audit", journey.audit
